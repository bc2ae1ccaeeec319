import type { Candidate } from '../disks/candidates.ts';
import { formatBytes } from '../domain/bytes.ts';
import { Failure, messageOf } from '../domain/errors.ts';
import { withClient } from '../grpc/client.ts';
import { operator } from '../grpc/load.ts';
import type { OperatorMethods } from '../grpc/services.ts';
import { answers } from '../grpc/socket.ts';
import { withLocal } from './local.ts';
import { table } from './table.ts';

/** `quarry disks`: every disk that matches a rule, its verdict and why. */
export async function listDisks({ config }: { config: string }): Promise<string> {
  return withLocal(config, async ({ judge }) => printDisks(await judge()));
}

/**
 * `quarry disks approve`: takes proposed disks for their pools, each proven blank once more. LVM's own locks keep this and a
 * running driver apart, which is then asked to look. Throws `precondition` when a named disk is not proposed.
 */
export async function approveDisks(command: { config: string; disks: readonly string[] }): Promise<string> {
  const { config, disks: names } = command;
  return withLocal(config, async ({ judge, keeper, cache, prepare }, { endpoint }) => {
    const disks = await judge();
    const chosen = names.length === 0 ? disks.filter(({ verdict }) => verdict === 'proposed') : choose(disks, names);
    if (chosen.length === 0) return 'No disk is proposed.\n';
    const taken = await keeper.take(chosen);
    await cache.refresh();
    for (const pool of new Set(taken.map((disk) => disk.pool))) await prepare(pool);
    const told = await tellDriver(endpoint.path);
    const missed = chosen.filter((disk) => !taken.includes(disk));
    if (missed.length > 0) {
      throw new Failure('unavailable', `not taken (the log says why): ${missed.map((disk) => disk.device).join(', ')}`);
    }
    return printDisks(await judge()) + told;
  });
}

/** A driver that runs serves what was taken when this returns; what is to be printed where it does not. */
async function tellDriver(socket: string): Promise<string> {
  if (!(await answers(socket))) return '';
  try {
    const asked = { proto: operator, service: 'Operator' };
    await withClient<OperatorMethods, unknown>(socket, asked, (calls) => calls.rescan({}));
    return '';
  } catch (error) {
    return `The driver that runs could not be asked to look, and will by itself: ${messageOf(error)}\n`;
  }
}

function choose(disks: readonly Candidate[], names: readonly string[]): Candidate[] {
  return names.map((name) => {
    const disk = disks.find(({ device, path }) => device === name || path === name);
    if (disk?.verdict === 'proposed' || disk?.verdict === 'interrupted') return disk;
    const reason = disk === undefined ? 'no pool has a rule that matches it' : describe(disk);
    throw new Failure('precondition', `${name} cannot be approved: ${reason}`);
  });
}

function printDisks(disks: readonly Candidate[]): string {
  if (disks.length === 0) return "No disk matches a pool's rule.\n";
  const rows = disks.map((disk) => [
    disk.device,
    disk.size === undefined ? '?' : formatBytes(disk.size),
    disk.pool.name,
    disk.verdict,
    disk.path === disk.device ? '' : disk.path,
    disk.verdict === 'refused' ? disk.findings.join('; ') : '',
  ]);
  return table(['DEVICE', 'SIZE', 'POOL', 'VERDICT', 'PATH', 'FOUND'], rows);
}

function describe(disk: Candidate): string {
  return disk.verdict === 'refused' ? disk.findings.join('; ') : `it is a ${disk.verdict} of pool ${disk.pool.name}`;
}
