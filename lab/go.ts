import { existsSync } from 'node:fs';
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { bootstrap, debianMirror } from './base.ts';
import { command, LabError } from './command.ts';
import { buildFolder } from './image.ts';

interface Folders {
  readonly source?: string;
  readonly out: string;
  /** The folder for unpacked modules, below `out`; default: the user's. */
  readonly modules?: string;
}

/** Runs a go command: in `source` if given, with GOBIN and `-o` pointing into `out`. */
export type Go = (args: readonly string[], folders: Folders) => Promise<void>;

/** From this version on, go fetches the newer version that a module needs. */
const OLDEST_GO = [1, 21] as const;
const ENV = { CGO_ENABLED: '0', GOTOOLCHAIN: 'auto', GOWORK: 'off' };

/** This host's Go, or else Debian's in its own root below `cache`. */
export async function findGo(cache: string, say: (words: string) => void): Promise<Go> {
  const version = await command(['go', 'env', 'GOVERSION']).catch(() => undefined);
  if (version !== undefined && isRecent(version)) return hostGo;
  const found = version === undefined ? 'no Go here' : `${version.trim()} is too old`;
  const root = join(cache, 'go-root');
  if (!existsSync(root)) {
    say(`${found}: making a Debian root with one (a minute or two, once) …`);
    await buildFolder(root, async (folder) => {
      await bootstrap(folder, await debianMirror(), ['golang-go', 'ca-certificates']);
      for (const mountPoint of ['src', 'out']) await mkdir(join(folder, mountPoint));
    });
  }
  return rootGo(root);
}

function isRecent(version: string): boolean {
  const [, major, minor] = /^go(\d+)\.(\d+)/.exec(version) ?? [];
  if (major === undefined || minor === undefined) return false;
  return Number(major) > OLDEST_GO[0] || (Number(major) === OLDEST_GO[0] && Number(minor) >= OLDEST_GO[1]);
}

const hostGo: Go = async (args, { source, out, modules }) => {
  const env = { ...ENV, GOBIN: out, ...(modules !== undefined && { GOMODCACHE: join(out, modules) }) };
  await command(['nice', 'go', ...args], { env, ...(source !== undefined && { cwd: source }) });
};

function rootGo(root: string): Go {
  // The mounts exist in a namespace of this command only.
  const script = `set -e
    mount --make-rprivate /
    mount -t proc proc "$ROOT/proc"
    mount --rbind /dev "$ROOT/dev"
    mount --bind "$FROM" "$ROOT/src"
    mount --bind "$OUT" "$ROOT/out"
    cd /
    exec chroot "$ROOT" env HOME=/root GOBIN=/out sh -c 'cd /src && exec go "$@"' sh "$@"`;
  return async (args, { source, out, modules }) => {
    // The host's certificates: it may be behind a proxy with its own authority.
    const shared = ['/etc/resolv.conf', '/etc/ssl/certs/ca-certificates.crt'];
    for (const file of shared) await copyFile(file, join(root, file)).catch(() => undefined);
    const here = args.map((argument) => argument.replace(out, '/out'));
    const own = modules === undefined ? {} : { GOMODCACHE: join('/out', modules) };
    await command(['nice', 'unshare', '--mount', 'sh', '-c', script, 'sh', ...here], {
      env: { ...ENV, ...own, ROOT: root, FROM: source ?? out, OUT: out, PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
    }).catch((cause: unknown) => {
      throw new LabError('Go from a Debian root does not build here; install Go 1.25 or newer', { cause });
    });
  };
}
