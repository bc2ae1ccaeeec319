import { join } from 'node:path';

/** The parts of the lab's Kubernetes. Everything here is part of a cache key: after a change that part is built again. */

const KUBERNETES = { version: 'v1.36.3', major: '1', minor: '36' } as const;

/** Folders of our Go modules; the tools of their go.mod are built. */
export const PROGRAMS_SOURCE = join(import.meta.dirname, 'programs');

/** Folder of the Go module of Kubernetes' own end-to-end tests: separate, because they change nothing in the cluster. */
export const SUITE_SOURCE = join(import.meta.dirname, 'suite');

/** Without these Kubernetes' programs call themselves v0.0.0, and clients compare versions. */
export const LINKER_FLAGS = [
  '-s -w',
  ...['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].flatMap((path) => [
    `-X ${path}.gitVersion=${KUBERNETES.version}`,
    `-X ${path}.gitMajor=${KUBERNETES.major}`,
    `-X ${path}.gitMinor=${KUBERNETES.minor}`,
  ]),
].join(' ');

/** From sid, because kubelet 1.36 wants containerd 2 and trixie has 1.7; they run on trixie's libc. */
export const RUNTIME_SUITE = 'sid';
export const RUNTIME_PACKAGES = ['containerd', 'runc', 'containernetworking-plugins'];

/** The image of the tests' workloads: databases, and tools that inspect a volume from a pod. */
export const WORKLOAD_PACKAGES = [
  'postgresql',
  'postgresql-contrib',
  'mariadb-server',
  'redis-server',
  'fio',
  'procps',
  'util-linux',
];
/** Images of databases have this user; Debian's packages make others. */
export const WORKLOAD_USER = 'database:x:999:999::/tmp:/bin/sh';

/** Images are imported into each node: there is no registry. */
export const IMAGES = {
  pause: 'localhost/pause:lab',
  provisioner: 'localhost/csi-provisioner:lab',
  resizer: 'localhost/csi-resizer:lab',
  snapshotter: 'localhost/csi-snapshotter:lab',
  snapshotMetadata: 'localhost/csi-snapshot-metadata:lab',
  workload: 'localhost/workload:lab',
  quarry: 'localhost/quarry:lab',
} as const;

/** Images of the pods of Kubernetes' own tests, by the names that this version of the tests uses. */
export const SUITE_IMAGES = {
  agnhost: 'localhost/agnhost:2.63.0',
  plain: ['localhost/busybox:1.37.0-1', 'localhost/glibc-dns-testing:2.0.0', 'localhost/nginx:1.15-4'],
} as const;

/** The size of a node's own disk, sparse. */
export const NODE_DISK = '12G';

/** Nodes whose disks differ, so that a claim can fit one and not the other. Disks are sparse, and memory is allocated when it is used. */
export const NODES = [
  { name: 'n1', memory: '2048M', disks: ['64G', '6G', '2G', '6G'] },
  { name: 'n2', memory: '2048M', disks: ['32G', '6G', '2G', '6G'] },
] as const;
