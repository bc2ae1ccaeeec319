import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { command, LabError } from './command.ts';
import { KERNEL_PACKAGE, KERNEL_SUITE, PACKAGES, SUITE } from './recipe.ts';

/** Debian with LVM, and the kernel: some 40 s and 500 MB. */
export async function buildBase(root: string): Promise<void> {
  const mirror = await debianMirror();
  await bootstrap(root, mirror, PACKAGES);
  await addKernel(root, mirror);
  // Mount points of a guest's two views of the disk: the host's (self, root, share) and its own.
  for (const folder of ['root', 'self', 'share']) await mkdir(join(root, 'lab', folder), { recursive: true });
}

/** A minimal Debian in `root`; also used as a build environment on hosts without a Go compiler. */
export async function bootstrap(root: string, mirror: string, packages: readonly string[]): Promise<void> {
  const unneeded = ['doc', 'man', 'locale'].map((folder) => `--dpkgopt=path-exclude=/usr/share/${folder}/*`);
  // Images that are handed on carry the licences of what is in them.
  const licences = '--dpkgopt=path-include=/usr/share/doc/*/copyright';
  await command([
    'mmdebstrap',
    '--variant=minbase',
    '--quiet',
    `--include=${packages.join(',')}`,
    '--aptopt=APT::Install-Recommends "false"',
    '--dpkgopt=force-unsafe-io',
    ...unneeded,
    licences,
    SUITE,
    root,
    `deb ${mirror} ${SUITE} main`,
  ]);
}

/** The mirror this host's own apt uses: it may be the only one that can be reached. */
export async function debianMirror(): Promise<string> {
  const listed = await command([
    'apt-get',
    'indextargets',
    '--format',
    '$(ORIGIN) $(LABEL) $(REPO_URI)',
    'Created-By: Packages',
  ]);
  const mirror = listed
    .split('\n')
    .map((line) => line.split(' '))
    .find(([origin, label, uri]) => origin === 'Debian' && label === 'Debian' && uri)?.[2];
  if (mirror === undefined)
    throw new LabError("apt's configuration names no Debian archive (see /etc/apt/sources.list)");
  return mirror;
}

/** The package is taken apart, not installed, so that no libc of another suite comes along. */
async function addKernel(root: string, mirror: string): Promise<void> {
  const list = join(root, 'etc/apt/sources.list.d/kernel.list');
  // A mirror's snapshot of sid is often older than the validity that its list claims.
  await writeFile(list, `deb [check-valid-until=no] ${mirror} ${KERNEL_SUITE} main\n`);
  await copyFile('/etc/resolv.conf', join(root, 'etc/resolv.conf')).catch(() => undefined);
  const script = `set -e
    cd /var/tmp
    apt-get update -qq
    apt-get -qq -o APT::Sandbox::User=root download ${KERNEL_PACKAGE}/${KERNEL_SUITE}
    dpkg -x ${KERNEL_PACKAGE}_*.deb kernel
    mv kernel/usr/bin/linux.uml /usr/bin/
    mkdir -p /usr/lib/modules
    mv kernel/usr/lib/uml/modules/* /usr/lib/modules/
    for version in /usr/lib/modules/*; do depmod "\${version##*/}"; done
    rm -rf kernel ${KERNEL_PACKAGE}_*.deb /var/lib/apt/lists/* /var/cache/apt/*.bin`;
  await command(['chroot', root, 'sh', '-c', script]);
  await rm(list);
}
