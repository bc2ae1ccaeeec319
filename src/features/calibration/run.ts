import { open } from 'node:fs/promises';
import { measure, type Measurement, requireFio } from './calibrate.ts';
import { budgetLines, rateText, type Rounds, spreadOf } from './summary.ts';
import { formatBytes } from '../../domain/bytes.ts';
import { Failure } from '../../domain/errors.ts';
import type { Pool } from '../../domain/pool.ts';
import { rateKeys } from '../../domain/qos.ts';
import { makeScratch, openVolumes, removeScratch, scratchSize } from '../../lvm/scratch.ts';
import type { Local } from '../../app/local.ts';
import { readStorage, withLocal } from '../../cli/local.ts';
import type { RateRecord } from './command.ts';
import type { Listing } from '../../cli/output.ts';

interface CalibrateOptions {
  readonly config: string;
  readonly pool: string;
  readonly rounds: number;
  readonly seconds: number;
  /** Measures although pods use the pool's disks, and disturbs them. */
  readonly whileInUse: boolean;
}

/**
 * `quarry calibrate POOL`: measures the rates of the pool's disks on a scratch volume, which is removed afterwards, also after an interrupt.
 * Throws `precondition` while volumes of the pool are in use, `exhausted` if there is no room.
 */
export async function calibrate(options: CalibrateOptions, say: (line: string) => void): Promise<Listing<RateRecord>> {
  return withLocal(options.config, async (local) => {
    const fio = local.hosted('fio');
    await requireFio({ run: local.run, fio });
    const pool = await findPool(local, options.pool);
    const { group } = pool.spec;
    await removeScratch(local, group);
    if (!options.whileInUse) refuseInUse(local, pool);
    const size = scratchSize(pool);
    try {
      const device = await makeScratch(local, pool, size);
      const rounds = await whileOpen(device, (signal) =>
        measure({ ...local, ...options, fio, device, signal, progress: progressTo(say) }),
      );
      return summarize(rounds, `${formatBytes(size)}, ${options.rounds} rounds of ${options.seconds} s each`);
    } finally {
      await local.cache.refresh();
      await removeScratch(local, group);
    }
  });
}

/** Keeps the device open, so that the driver does not remove the scratch volume as left over; an interrupt closes it, so that it can be removed here. */
async function whileOpen<T>(device: string, task: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort();
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  const held = await open(device, 'r');
  try {
    return await task(interrupted.signal);
  } finally {
    await held.close();
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}

async function findPool(local: Local, name: string): Promise<Pool> {
  const { pools, unready } = (await readStorage(local)).inventory;
  const pool = pools.values().find(({ spec }) => spec.name === name);
  if (pool) return pool;
  const [, reason] = unready.entries().find(([unreadyName]) => unreadyName === name) ?? [];
  if (reason !== undefined) throw new Failure('precondition', `pool ${name} is not ready: ${reason}`);
  throw new Failure('invalid', `there is no pool "${name}"; known: ${[...pools.keys(), ...unready.keys()].join(', ')}`);
}

function refuseInUse(local: Local, { spec }: Pool): void {
  const used = openVolumes(local, spec.group);
  if (used.length === 0) return;
  throw new Failure(
    'precondition',
    `pool ${spec.name} is in use (${used.join(', ')}): measuring disturbs these volumes, and they distort the result. Stop their pods, or measure anyway with --while-in-use`,
  );
}

function progressTo(say: (line: string) => void): Measurement['progress'] {
  return (key, round, rate) =>
    say(
      key === 'fill' || rate === undefined ? 'scratch volume filled' : `round ${round}: ${key} ${rateText(key, rate)}`,
    );
}

function summarize(rounds: Rounds, how: string): Listing<RateRecord> {
  const records = rateKeys.map((rate) => {
    const { least, median, most, percent } = spreadOf(rounds[rate]);
    return { rate, lowest: least, median, highest: most, spreadPercent: percent };
  });
  const lines = budgetLines(rounds).replaceAll(/^/gm, '    ').trimEnd();
  const footer = `\nMeasured on a scratch volume of ${how}. From the lowest round, for the pool's configuration:\n\n${lines}\n`;
  return { records, footer };
}
