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

/** Go programs that tests run: csi-sanity inside guests, where it is found under {@link TOOLS_PATH}, helm on the host. */
export const GO_TOOLS = [
  { module: 'github.com/kubernetes-csi/csi-test/v5/cmd/csi-sanity', version: 'v5.6.0' },
  { module: 'helm.sh/helm/v4/cmd/helm', version: 'v4.3.1' },
];

/** Versions of Kubernetes against whose API the chart is tested: from the oldest to the newest that we support. */
export const API_VERSIONS = ['v1.34.9', 'v1.35.4', 'v1.36.3'];
/** The version of cert-manager against which the chart's Certificate is tested. */
export const CERT_MANAGER_VERSION = 'v1.20.0';
/** The module with the CustomResourceDefinitions of snapshots. */
export const SNAPSHOT_API = 'github.com/kubernetes-csi/external-snapshotter/client/v8@v8.7.0';
/** The module with the CustomResourceDefinition of SnapshotMetadataService. */
export const SNAPSHOT_METADATA_API = 'github.com/kubernetes-csi/external-snapshot-metadata/client@v1.0.0';

/** The path of the repository in a guest, read-only. */
export const REPOSITORY_PATH = '/quarry';
/** The path of the Go tools in a guest. */
export const TOOLS_PATH = '/tools';
