/** What a guest consists of. Everything here is part of the image's key: change it, and the image is built anew. */

export const SUITE = 'trixie';
/** sid, because trixie's User Mode Linux kernel is too old for the seccomp mode and for half of device-mapper. */
export const KERNEL_SUITE = 'sid';
export const KERNEL_PACKAGE = 'user-mode-linux';

export const PACKAGES = [
  // what Quarry drives
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
  // what tests look with
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

/** Versions of Kubernetes whose API what we deploy is held against: the oldest that we support to the newest. */
export const API_VERSIONS = ['v1.34.9', 'v1.35.4', 'v1.36.3'];
/** The version of cert-manager that the chart's Certificate is held against. */
export const CERT_MANAGER_VERSION = 'v1.20.0';

/** Where a guest sees the repository, read-only. */
export const REPOSITORY_PATH = '/quarry';
/** Where a guest sees the Go tools. */
export const TOOLS_PATH = '/tools';
