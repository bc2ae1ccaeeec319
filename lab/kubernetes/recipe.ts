import { join } from 'node:path';

/** What the lab's Kubernetes consists of. Everything here is part of a cache key: change it, and that part is built anew. */

const KUBERNETES = { version: 'v1.36.3', major: '1', minor: '36' } as const;

/** Folders of Go modules of ours; what their go.mod calls tools is built. */
export const PROGRAMS_SOURCE = join(import.meta.dirname, 'programs');

/** Folder of the Go module of Kubernetes' own end-to-end tests: apart, because they change nothing of the cluster. */
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

/** The image of the tests' workloads: databases, and what looks at a volume from within a pod. */
export const WORKLOAD_PACKAGES = [
  'postgresql',
  'postgresql-contrib',
  'mariadb-server',
  'redis-server',
  'fio',
  'procps',
  'util-linux',
];
/** Images of databases have such a user; Debian's packages make others. */
export const WORKLOAD_USER = 'database:x:999:999::/tmp:/bin/sh';

/** Images are imported into each node: there is no registry. */
export const IMAGES = {
  pause: 'localhost/pause:lab',
  provisioner: 'localhost/csi-provisioner:lab',
  resizer: 'localhost/csi-resizer:lab',
  workload: 'localhost/workload:lab',
  quarry: 'localhost/quarry:lab',
} as const;

/** Images of the pods of Kubernetes' own tests, by the names that its version of them asks for. */
export const SUITE_IMAGES = {
  agnhost: 'localhost/agnhost:2.63.0',
  plain: ['localhost/busybox:1.37.0-1', 'localhost/glibc-dns-testing:2.0.0', 'localhost/nginx:1.15-4'],
} as const;

/** Of a node's own disk, sparse. */
export const NODE_DISK = '12G';

/** Nodes whose disks differ, so that a claim can fit one and not the other. Disks are sparse, and memory is taken as it is used. */
export const NODES = [
  { name: 'n1', memory: '2048M', disks: ['64G', '6G', '2G', '6G'] },
  { name: 'n2', memory: '2048M', disks: ['32G', '6G', '2G', '6G'] },
] as const;
