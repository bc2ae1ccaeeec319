import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { command, LabError } from '../lab/command.ts';

interface Need {
  readonly package: string;
  readonly present: () => boolean;
}

const TO_RUN: readonly Need[] = [
  { package: 'iproute2', present: () => onPath('ip') },
  { package: 'util-linux', present: () => onPath('unshare') && onPath('flock') },
  { package: 'mount', present: () => onPath('mount') },
  // For the certificates of the lab's Kubernetes.
  { package: 'openssl', present: () => onPath('openssl') },
];

const TO_BUILD: readonly Need[] = [
  { package: 'mmdebstrap', present: () => onPath('mmdebstrap') },
  { package: 'debian-archive-keyring', present: () => existsSync('/usr/share/keyrings/debian-archive-keyring.gpg') },
  // Strips the symbols of the image's Node.
  { package: 'binutils', present: () => onPath('strip') },
  { package: 'ca-certificates', present: () => existsSync('/etc/ssl/certs/ca-certificates.crt') },
];

/** Installs the Debian packages that this host lacks to run, or to build and run, the lab. */
export async function installMissing(purpose: 'run' | 'build', say: (words: string) => void): Promise<void> {
  const needs = purpose === 'run' ? TO_RUN : [...TO_RUN, ...TO_BUILD];
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
