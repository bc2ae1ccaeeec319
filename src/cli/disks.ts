import type { Candidate } from '../pools/candidates.ts';
import { Failure, messageOf } from '../domain/errors.ts';
import { answers } from '../grpc/socket.ts';
import { askSocket } from './ask.ts';
import type { Terminal } from './command.ts';
import { type DiskRecord, diskRows } from './commands/disks.ts';
import { withLocal } from './local.ts';
import { type Listing, print } from './output.ts';

interface ApproveOptions {
  readonly config: string;
  /** Devices, or paths by which a rule found them. */
  readonly disk: readonly string[];
  readonly all: boolean;
}

export async function listDisks({ config }: { readonly config: string }): Promise<Listing<DiskRecord>> {
  return withLocal(config, async ({ findDisks }) => listed(await findDisks()));
}

/**
 * Takes proposed disks for their pools, and asks a running driver to rescan before and after. LVM's own locks order its changes and the driver's.
 *
 * @throws Failure('precondition') when a named disk is not proposed
 */
export async function approveDisks(options: ApproveOptions, terminal: Terminal): Promise<Listing<DiskRecord>> {
  if (options.all && options.disk.length > 0) throw new Failure('invalid', 'give disks or --all, not both');
  return withLocal(options.config, async ({ findDisks, reconciler, cache, prepare }, { endpoint }) => {
    const chosen = await chooseDisks(await findDisks(), options, terminal);
    if (chosen.length === 0) {
      if (options.disk.length === 0) terminal.say('No disk is proposed.');
      else await tellDriver(endpoint.path, terminal);
      return listed(await findDisks());
    }
    // Its LVM must see the disks before they are in the group, or its next change writes them down as missing.
    const running = await tellDriver(endpoint.path, terminal);
    const taken = await reconciler.take(chosen);
    // A driver prepares its pools as soon as it sees their disks: two processes that create one thin pool disturb each other.
    if (running) await tellDriver(endpoint.path, terminal);
    else {
      await cache.refresh();
      for (const pool of new Set(taken.map((disk) => disk.pool))) await prepare(pool);
    }
    const after = await findDisks();
    refuseMissed(
      chosen.filter((disk) => !taken.includes(disk)),
      after,
    );
    return listed(after);
  });
}

/**
 * Throws `unavailable` with the disks that are not in the group of their pool now. A running driver looks at a disk while this process takes
 * it. One of the two may then find it in use, and the other takes it.
 */
export function refuseMissed(untaken: readonly Candidate[], after: readonly Candidate[]): void {
  const isMember = ({ device, pool }: Candidate): boolean =>
    after.some((now) => now.device === device && now.pool.name === pool.name && now.verdict === 'member');
  const missed = untaken.filter((disk) => !isMember(disk)).map(({ device }) => device);
  if (missed.length > 0) throw new Failure('unavailable', `not taken (the log says why): ${missed.join(', ')}`);
}

/** Whether a driver runs. When this returns, it serves the disks, or the user has read on stderr why not. */
export async function tellDriver(socket: string, { say }: Terminal): Promise<boolean> {
  if (!(await answers(socket))) return false;
  try {
    await askSocket(socket, (calls) => calls.rescan({}));
  } catch (error) {
    say(`The running driver did not rescan now, and will do so at its next interval: ${messageOf(error)}`);
  }
  return true;
}

/** The disks to take: all proposed ones, the named ones, or those that the user names when asked. */
export async function chooseDisks(
  disks: readonly Candidate[],
  { disk: names, all }: Pick<ApproveOptions, 'disk' | 'all'>,
  { say, ask }: Terminal,
): Promise<readonly Candidate[]> {
  const proposed = disks.filter(({ verdict }) => verdict === 'proposed');
  if (names.length > 0) return named(disks, names);
  if (all || proposed.length === 0) return proposed;
  say((await print(diskRows, listed(proposed), 'table')).trimEnd());
  const answer = await ask(
    'Which disks? Devices with blanks between them, or "all": ',
    'name the disks to take, or give --all',
  );
  const given = answer.split(/\s+/).filter((word) => word !== '');
  if (given.length === 0) throw new Failure('cancelled', 'no disk was named; nothing was taken');
  return given.length === 1 && given[0] === 'all' ? proposed : named(disks, given);
}

/** Without those that are members already: a command that took some disks may be repeated. */
function named(disks: readonly Candidate[], names: readonly string[]): Candidate[] {
  const chosen = names.map((name) => {
    const disk = disks.find(({ device, path }) => device === name || path === name);
    if (disk !== undefined && disk.verdict !== 'refused') return disk;
    const reason = disk === undefined ? 'no pool has a rule that matches it' : disk.findings.join('; ');
    throw new Failure('precondition', `${name} cannot be approved: ${reason}`);
  });
  return [...new Set(chosen)].filter(({ verdict }) => verdict !== 'member');
}

function listed(disks: readonly Candidate[]): Listing<DiskRecord> {
  const records = disks.map((disk) => ({
    device: disk.device,
    size: disk.size,
    pool: disk.pool.name,
    volumeGroup: disk.pool.group,
    verdict: disk.verdict,
    path: disk.path,
    findings: disk.verdict === 'refused' || disk.verdict === 'returned' ? disk.findings : [],
  }));
  return { records };
}
