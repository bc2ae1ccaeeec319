import type { Bytes } from '../domain/bytes.ts';
import { messageOf } from '../domain/errors.ts';
import type { PoolName } from '../domain/ids.ts';
import type { PoolSpec } from '../domain/pool.ts';
import type { Log } from '../log.ts';

/** A disk that matches a pool's rule, and what may be done with it. */
export interface Candidate {
  readonly pool: PoolName;
  readonly device: string;
  /** The path that the rule matched. */
  readonly path: string;
  readonly size: Bytes;
  /**
   * `member`: in the pool's group; `proposed`: proven blank; `interrupted`: ours by its mark, and in no group yet;
   * `refused`: anything else, as `findings` say.
   */
  readonly verdict: 'member' | 'proposed' | 'interrupted' | 'refused';
  readonly findings: readonly string[];
}

/** What the keeper needs of disks and of LVM. */
export interface KeeperPorts {
  /** Every disk that matches a rule, judged afresh. */
  readonly candidates: () => Promise<readonly Candidate[]>;
  /** Lets LVM see the devices of our groups, and `more`. */
  readonly show: (more: readonly string[]) => Promise<void>;
  /** Takes a disk; `marked`: it was ours before. */
  readonly take: (spec: PoolSpec, device: string, marked: boolean) => Promise<void>;
  readonly prepare: (spec: PoolSpec) => Promise<boolean>;
  readonly autoextend: (spec: PoolSpec) => Promise<void>;
  readonly refresh: () => Promise<unknown>;
}

export interface KeeperOptions {
  readonly specs: readonly PoolSpec[];
  readonly ports: KeeperPorts;
  readonly log: Log;
  /** Told the candidates of each round. */
  readonly observe: (candidates: readonly Candidate[]) => void;
}

/**
 * Keeps pools as their configuration says: takes the disks it may take, creates and extends groups, activates them, makes
 * and grows thin pools. Level-triggered: each round looks at what there is and does what is missing.
 */
export class PoolKeeper {
  readonly #options: KeeperOptions;
  readonly #announced = new Map<string, string>();

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  /** One pool's trouble does not keep the others from being served. Throws `unavailable` when LVM or the disks cannot be read. */
  async round(): Promise<void> {
    const { ports, specs, observe } = this.#options;
    const candidates = await ports.candidates();
    observe(candidates);
    for (const candidate of candidates) this.#announce(candidate);
    const wanted = candidates.filter((candidate) => this.#mayTake(candidate));
    await ports.show(wanted.map((candidate) => candidate.device));
    await ports.refresh();
    for (const candidate of wanted) await this.#attempt('a disk could not be taken', () => this.take(candidate));
    for (const spec of specs) {
      await this.#attempt('a pool could not be prepared', async () => {
        if (await ports.prepare(spec)) await ports.autoextend(spec);
      });
    }
    await ports.refresh();
  }

  /** Takes one disk, which must be visible to LVM by now. */
  async take(candidate: Candidate): Promise<void> {
    const spec = this.#options.specs.find(({ name }) => name === candidate.pool);
    if (!spec) return;
    await this.#options.ports.take(spec, candidate.device, candidate.verdict === 'interrupted');
    this.#options.log.info({ pool: spec.name, device: candidate.device, path: candidate.path }, 'disk taken');
  }

  #mayTake(candidate: Candidate): boolean {
    if (candidate.verdict === 'interrupted') return true;
    const spec = this.#options.specs.find(({ name }) => name === candidate.pool);
    return candidate.verdict === 'proposed' && spec?.approve === 'automatic';
  }

  async #attempt(message: string, task: () => Promise<void>): Promise<void> {
    try {
      await task();
    } catch (error) {
      this.#options.log.error({ reason: messageOf(error) }, message);
    }
  }

  /** Says a disk's verdict when it is new, not every round. */
  #announce({ pool, device, path, verdict, findings }: Candidate): void {
    const news = `${verdict} ${findings.join('; ')}`;
    if (this.#announced.get(device) === news) return;
    this.#announced.set(device, news);
    if (verdict === 'proposed') this.#options.log.info({ pool, device, path }, 'disk proposed');
    if (verdict === 'refused') this.#options.log.warn({ pool, device, path, findings }, 'disk refused');
  }
}
