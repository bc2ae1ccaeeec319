/** The parts of a guest. Everything here is part of the image's key: after a change the image is built again. */

export const SUITE = 'trixie';
/** sid, because trixie's User Mode Linux kernel is too old for the seccomp mode and for half of device-mapper. */
export const KERNEL_SUITE = 'sid';
export const KERNEL_PACKAGE = 'user-mode-linux';

export const PACKAGES = [
  // used by Quarry
  'lvm2',
  'thin-provisioning-tools',
  'cryptsetup-bin',
  'e2fsprogs',
  'xfsprogs',
  'btrfs-progs',
  'util-linux',
  'mount',
  'udev',
  'kmod',
  // used by tests
  'fio',
  'jq',
  'strace',
  'procps',
  'psmisc',
  'iproute2',
  'iputils-ping',
  'parted',
  'socat',
  'ca-certificates',
];

/** A Go program of a module, built from its source with one text replaced where a file has a fault. */
export interface GoTool {
  readonly module: string;
  readonly version: string;
  /** Path of the program within the module. */
  readonly program: string;
  readonly mended?: { readonly file: string; readonly text: string; readonly by: string };
}

/**
 * Go programs that tests run: csi-sanity inside guests, where it is found under {@link TOOLS_PATH}, helm on the host. csi-sanity compares a message that was sent
 * with one that was received, and with them the size that Go's protobuf remembers of a message that was sent: no answer with a topology
 * passed. It compares the topologies instead.
 */
export const GO_TOOLS: readonly GoTool[] = [
  {
    module: 'github.com/kubernetes-csi/csi-test/v5',
    version: 'v5.6.0',
    program: 'cmd/csi-sanity',
    mended: {
      file: 'pkg/sanity/controller.go',
      text: 'Expect(topo).To(Equal(ni.GetAccessibleTopology()))',
      by: 'Expect(topo.GetSegments()).To(Equal(ni.GetAccessibleTopology().GetSegments()))',
    },
  },
  { module: 'helm.sh/helm/v4', version: 'v4.3.1', program: 'cmd/helm' },
];

/** Versions of Kubernetes against whose API the chart is tested: from the oldest to the newest that we support. */
export const API_VERSIONS = ['v1.34.9', 'v1.35.4', 'v1.36.3'];
/** The version of cert-manager against which the chart's Certificate is tested. */
export const CERT_MANAGER_VERSION = 'v1.20.0';
/** The module with the CustomResourceDefinitions of snapshots. */
export const SNAPSHOT_API = 'github.com/kubernetes-csi/external-snapshotter/client/v8@v8.7.0';
/** The module with the CustomResourceDefinition of SnapshotMetadataService. */
export const SNAPSHOT_METADATA_API = 'github.com/kubernetes-csi/external-snapshot-metadata/client@v1.0.0';

/** A file of a Go module, with the module's version. */
export interface ModuleFile {
  readonly module: string;
  readonly file: string;
}

/** The interfaces of other projects that tests compare ours with or call. */
export const PROTOS = {
  csi: { module: 'github.com/container-storage-interface/spec@v1.13.0', file: 'csi.proto' },
  registration: { module: 'k8s.io/kubelet@v0.36.1', file: 'pkg/apis/pluginregistration/v1/api.proto' },
  'snapshot-metadata': {
    module: 'github.com/kubernetes-csi/external-snapshot-metadata@v1.1.0',
    file: 'proto/schema.proto',
  },
} as const satisfies Readonly<Record<string, ModuleFile>>;

/** The path of the repository in a guest, read-only. */
export const REPOSITORY_PATH = '/quarry';
/** The path of the Go tools in a guest. */
export const TOOLS_PATH = '/tools';
