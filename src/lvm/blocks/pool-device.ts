import { Failure } from '../../domain/errors.ts';
import type { LvName, VgName } from '../../domain/ids.ts';
import type { Run } from '../../exec/run.ts';
import { deviceName } from '../names.ts';

/** The name of a thin pool. */
export interface ThinPoolName {
  readonly group: VgName;
  readonly lv: LvName;
}

/** What the kernel says of a thin pool. */
export interface PoolStatus {
  /** The number of the last transaction that LVM ended. */
  readonly transaction: number;
  /** A metadata snapshot is reserved. */
  readonly isHeld: boolean;
}

/** The kernel's devices of thin pools. `what` begins the message of a failure; both throw `unavailable`. */
export interface PoolDevices {
  status(pool: ThinPoolName): Promise<PoolStatus>;
  send(pool: ThinPoolName, message: string, what: string): Promise<void>;
}

export interface PoolDeviceOptions {
  readonly run: Run;
  /** The command line of a program of the host, or of this container. */
  readonly hosted: (program: string) => readonly [string, ...string[]];
}

/** Milliseconds. */
const deadline = 30_000;

/** Asks and tells the kernel with dmsetup. */
export function createPoolDevices({ run, hosted }: PoolDeviceOptions): PoolDevices {
  async function dmsetup(words: readonly string[], what: string): Promise<string> {
    const { exitCode, stdout, stderr } = await run([...hosted('dmsetup'), ...words], { deadline });
    if (exitCode === 0) return stdout;
    throw new Failure('unavailable', `${what}: ${stderr.trim()}`);
  }
  return {
    /** From the status line of dm-thin-pool: transaction, metadata blocks, data blocks, held metadata root. */
    async status(pool) {
      const name = `thin pool ${pool.group}/${pool.lv}`;
      const text = await dmsetup(['status', deviceOf(pool)], `${name} has no status`);
      const [, transaction, root] = / thin-pool (\d+) \d+\/\d+ \d+\/\d+ (\d+|-) /.exec(text) ?? [];
      if (root !== undefined) return { transaction: Number(transaction), isHeld: root !== '-' };
      throw new Failure('unavailable', `the status of ${name} is ${text.trim()}`);
    },
    send: async (pool, message, what) => void (await dmsetup(['message', deviceOf(pool), '0', message], what)),
  };
}

/** Where messages to the pool go. */
export function deviceOf({ group, lv }: ThinPoolName): string {
  return deviceName(group, lv, 'tpool');
}
