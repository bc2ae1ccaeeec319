import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { command } from '../../lab/command.ts';
import type { Guest } from '../../lab/guest.ts';
import { workloadLayer } from '../../lab/kubernetes/images.ts';
import type { Process } from '../../lab/process.ts';

/** The path in a guest of a Debian with PostgreSQL, in which programs run by chroot. */
export const workload = '/workload';

/** Unpacks the image of the cluster's workloads, to be shared with a guest. */
export async function unpackPostgres() {
  const folder = await mkdtemp(join(tmpdir(), 'quarry-postgres-'));
  const { file } = await workloadLayer();
  await command(['tar', '-xf', file, '-C', folder, '--exclude=./usr/share/doc', '--exclude=*mariadb*']);
  return {
    share: { host: folder, guest: workload, writable: true },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Once in each guest. */
export async function mountPostgres(guest: Guest): Promise<void> {
  await guest.shell(
    `cd ${workload}; mkdir -p data; mount --rbind /dev dev; mount -t proc proc proc; mount -t tmpfs -o mode=1777 tmpfs tmp`,
  );
}

const user = ['setpriv', '--reuid=postgres', '--regid=postgres', '--init-groups'];
const argvOf = (script: string) => [
  'chroot',
  workload,
  ...user,
  'sh',
  '-ec',
  `PATH=$(echo /usr/lib/postgresql/*/bin):$PATH; ${script}`,
];

/** Runs a script as PostgreSQL's user, and returns what it prints; throws if it fails. */
export async function runAsPostgres(guest: Guest, script: string, input = ''): Promise<string> {
  const { stdout, stderr, exitCode } = await guest.exec(argvOf(script), { input, timeout: 240_000 });
  if (exitCode !== 0) throw new Error(`${script}: ${stderr}`);
  return stdout.trim();
}

export function startAsPostgres(guest: Guest, script: string): Promise<Process> {
  return guest.start(argvOf(script));
}
