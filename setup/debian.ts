import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { command, LabError } from '../lab/command.ts';

interface Need {
  readonly package: string;
  readonly present: () => boolean;
}

const libraryFolders = ['x86_64', 'aarch64'].map((one) => `/usr/lib/${one}-linux-gnu`);

const TO_RUN: readonly Need[] = [
  { package: 'iproute2', present: () => onPath('ip') },
  { package: 'util-linux', present: () => onPath('unshare') && onPath('flock') },
  { package: 'mount', present: () => onPath('mount') },
  // For the certificates of the lab's Kubernetes.
  { package: 'openssl', present: () => onPath('openssl') },
  // The controller with a thousand nodes runs with it, as in the image.
  { package: 'libjemalloc2', present: () => libraryFolders.some((one) => existsSync(`${one}/libjemalloc.so.2`)) },
];

const TO_BUILD: readonly Need[] = [
  { package: 'mmdebstrap', present: () => onPath('mmdebstrap') },
  { package: 'debian-archive-keyring', present: () => existsSync('/usr/share/keyrings/debian-archive-keyring.gpg') },
  // Strips the symbols of the image's Node.
  { package: 'binutils', present: () => onPath('strip') },
  { package: 'ca-certificates', present: () => existsSync('/etc/ssl/certs/ca-certificates.crt') },
];

const TO_BROWSE: readonly Need[] = [
  { package: 'chromium-headless-shell', present: () => onPath('chromium-headless-shell') },
  // For the pictures.
  { package: 'optipng', present: () => onPath('optipng') },
  { package: 'fonts-liberation', present: () => existsSync('/usr/share/fonts/truetype/liberation') },
];

const needsOf = { run: TO_RUN, build: TO_BUILD, browse: TO_BROWSE } as const;

/** Installs the Debian packages that this host lacks to run or to build the lab, or to show pages in a browser. */
export async function installMissing(
  purposes: readonly (keyof typeof needsOf)[],
  say: (words: string) => void,
): Promise<void> {
  const needs = purposes.flatMap((purpose) => needsOf[purpose]);
  const missing = needs.filter((need) => !need.present()).map((need) => need.package);
  if (missing.length === 0) return;
  const list = missing.join(' ');
  if (!onPath('apt-get')) throw new LabError(`Debian 12 or newer is needed, or these packages' programs: ${list}`);
  say(`installing Debian packages: ${list} …`);
  try {
    await command(['apt-get', '-qq', 'update']);
    await command(['apt-get', '-qq', 'install', '--yes', '--no-install-recommends', ...missing]);
  } catch (cause) {
    throw new LabError(`could not install ${list}; can this machine reach a Debian mirror?`, { cause });
  }
}

function onPath(program: string): boolean {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return [...folders, '/usr/sbin', '/sbin'].some((folder) => existsSync(join(folder, program)));
}
