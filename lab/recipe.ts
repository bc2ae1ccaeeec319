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

/** Go programs that tests run inside guests; found there under {@link TOOLS_PATH}. */
export const GO_TOOLS = [{ module: 'github.com/kubernetes-csi/csi-test/v5/cmd/csi-sanity', version: 'v5.6.0' }];

/** Where a guest sees the repository, read-only. */
export const REPOSITORY_PATH = '/quarry';
/** Where a guest sees the Go tools. */
export const TOOLS_PATH = '/tools';
