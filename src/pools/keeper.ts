import { messageOf } from '../domain/errors.ts';
import type { PoolName } from '../domain/ids.ts';
import type { PoolSpec } from '../domain/pool.ts';
import type { Log } from '../log.ts';

/** A disk that matches a pool's rule, and what may be done with it. */
export interface JudgedDisk {
  readonly pool: PoolSpec;
  readonly device: string;
  /** The path that the rule matched. */
  readonly path: string;
  /**
   * `member`: in the pool's group; `proposed`: proven blank; `interrupted`: ours by its mark, and in no group yet;
   * `refused`: anything else, as `findings` say.
   */
  readonly verdict: 'member' | 'proposed' | 'interrupted' | 'refused';
  readonly findings?: readonly string[];
}

/** What the keeper needs of disks and of LVM. */
export interface KeeperPorts<Disk extends JudgedDisk> {
  /** Every disk that matches a rule, judged afresh. */
  readonly judge: () => Promise<readonly Disk[]>;
  /** Lets LVM see the devices of our groups, and `more`. */
  readonly show: (more: readonly string[]) => Promise<void>;
  /** Proves the disk blank once more and makes it part of its pool. */
  readonly take: (disk: Disk) => Promise<void>;
  /** Activates the pool's group and gives it what it lacks, as the last `refresh` shows it; answers whether there was need. */
  readonly prepare: (spec: PoolSpec) => Promise<boolean>;
  readonly refresh: () => Promise<unknown>;
}

export interface KeeperOptions<Disk extends JudgedDisk> {
  readonly specs: readonly PoolSpec[];
  readonly ports: KeeperPorts<Disk>;
  readonly log: Log;
  /** Told the disks of each round. */
  readonly observe: (disks: readonly Disk[]) => void;
}

/**
 * Keeps pools as their configuration says: takes the disks it may take, creates and extends groups, activates them, makes
 * and grows thin pools. Level-triggered: each round looks at what there is and does what is missing.
 */
export class PoolKeeper<Disk extends JudgedDisk> {
  readonly #options: KeeperOptions<Disk>;
  readonly #announced = new Map<string, string>();

  constructor(options: KeeperOptions<Disk>) {
    this.#options = options;
  }

  /**
   * One pool's trouble does not keep the others from being served: answers the pools that could not be prepared. Throws
   * `unavailable` when LVM or the disks cannot be read.
   */
  async round(): Promise<PoolName[]> {
    const { ports, specs, observe } = this.#options;
    const disks = await ports.judge();
    observe(disks);
    for (const disk of disks) this.#announce(disk);
    await this.take(disks.filter(mayTake));
    await ports.refresh();
    const unprepared: PoolName[] = [];
    let prepared = false;
    for (const spec of specs) {
      const done = await this.#attempt('a pool could not be prepared', { pool: spec.name }, async () => {
        if (await ports.prepare(spec)) prepared = true;
      });
      if (!done) unprepared.push(spec.name);
    }
    if (prepared || unprepared.length > 0) await ports.refresh();
    return unprepared;
  }

  /** Takes these disks, and returns those that could be taken. */
  async take(disks: readonly Disk[]): Promise<Disk[]> {
    const { ports, log } = this.#options;
    await ports.show(disks.map((disk) => disk.device));
    if (disks.length > 0) await ports.refresh();
    const taken: Disk[] = [];
    for (const disk of disks) {
      const fields = { pool: disk.pool.name, device: disk.device, path: disk.path };
      await this.#attempt('a disk could not be taken', fields, async () => {
        await ports.take(disk);
        taken.push(disk);
        log.info(fields, 'disk taken');
      });
    }
    return taken;
  }

  async #attempt(message: string, fields: object, task: () => Promise<void>): Promise<boolean> {
    try {
      await task();
      return true;
    } catch (error) {
      this.#options.log.error({ ...fields, reason: messageOf(error) }, message);
      return false;
    }
  }

  /** Says a disk's verdict when it is new, not every round. */
  #announce({ pool, device, path, verdict, findings }: Disk): void {
    const fields = { pool: pool.name, device, path, ...(findings && { findings }) };
    const news = JSON.stringify([verdict, fields]);
    if (this.#announced.get(device) === news) return;
    this.#announced.set(device, news);
    if (verdict === 'proposed' && pool.approve === 'manual') this.#options.log.info(fields, 'disk proposed');
    if (verdict === 'refused') this.#options.log.warn(fields, 'disk refused');
  }
}

function mayTake({ verdict, pool }: JudgedDisk): boolean {
  return verdict === 'interrupted' || (verdict === 'proposed' && pool.approve === 'automatic');
}
