import { Failure, isFailure } from '../../domain/errors.ts';
import { type RateKey, rateKeys } from '../../domain/qos.ts';
import type { Run } from '../../exec/run.ts';
import { fillArguments, measureArguments, parseRateOf } from './fio.ts';
import type { Rounds } from './summary.ts';

interface Fio {
  readonly run: Run;
  /** The command that starts fio. */
  readonly fio: readonly [string, ...string[]];
}

export interface Measurement extends Fio {
  /** Everything on it is lost. */
  readonly device: string;
  readonly rounds: number;
  /** The length of each measurement. */
  readonly seconds: number;
  readonly signal: AbortSignal;
  /** Called after each step. */
  readonly progress: (key: RateKey | 'fill', round: number, rate?: bigint) => void;
}

/** Milliseconds that fio may need in addition to its measurement, and to write the device once. */
const overhead = 60_000;
const fillDeadline = 3_600_000;

/** Throws `precondition` if fio is not installed. */
export async function requireFio({ run, fio }: Fio): Promise<void> {
  const missing = (cause?: unknown): Failure =>
    new Failure('precondition', 'calibrate measures with fio, which is not installed where LVM is: install it there', {
      cause,
    });
  try {
    const { exitCode } = await run([...fio, '--version'], { deadline: overhead });
    // nsenter ran, but found no fio.
    if (exitCode !== 0) throw missing();
  } catch (cause) {
    throw isFailure(cause, 'unavailable') ? missing(cause) : cause;
  }
}

/** Measures every rate in every round, one after the other, so that a slow period of the disks affects all of them. */
export async function measure(measurement: Measurement): Promise<Rounds> {
  const { run, fio, device, rounds, seconds, signal, progress } = measurement;
  const job = async (options: readonly string[], deadline: number) => {
    const { exitCode, stdout, stderr } = await run([...fio, ...options], { deadline, signal });
    if (exitCode !== 0) throw new Failure('unavailable', `fio failed: ${stderr.trim() || stdout.slice(0, 200)}`);
    return stdout;
  };
  await job(fillArguments(device), fillDeadline);
  progress('fill', 0);
  const measured: Record<RateKey, bigint[]> = { readIops: [], writeIops: [], readBandwidth: [], writeBandwidth: [] };
  for (let round = 1; round <= rounds; round += 1) {
    for (const key of rateKeys) {
      const rate = parseRateOf(key, await job(measureArguments(key, device, seconds), seconds * 1000 + overhead));
      measured[key].push(rate);
      progress(key, round, rate);
    }
  }
  return measured;
}
