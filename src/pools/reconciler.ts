import { timeout } from '../concurrency/timeout.ts';
import { messageOf } from '../domain/errors.ts';
import type { PoolName } from '../domain/ids.ts';
import type { PoolSpec } from '../domain/pool.ts';
import type { Log } from '../log.ts';

/** A disk that matches a pool's rule, with the verdict on it. */
export interface CandidateDisk {
  readonly pool: PoolSpec;
  readonly device: string;
  /** The path that the rule matched. */
  readonly path: string;
  /**
   * `member`: in the pool's group; `proposed`: proven blank; `interrupted`: has our mark and was never in a group;
   * `returned`: has our mark and is no longer in a group; `refused`: anything else, with the reasons in `findings`.
   */
  readonly verdict: 'member' | 'proposed' | 'interrupted' | 'returned' | 'refused';
  readonly findings?: readonly string[];
}

/** The reconciler's access to disks and LVM. */
export interface ReconcilerPorts<Disk extends CandidateDisk> {
  /** Finds and checks every disk that matches a rule. */
  readonly findDisks: () => Promise<readonly Disk[]>;
  /** Brings back groups whose metadata a power cut took, as the last search found them. Returns whether one is back. */
  readonly restore: () => Promise<boolean>;
  /** Lets LVM see the devices of our groups, and `more`. */
  readonly show: (more: readonly string[]) => Promise<void>;
  /** Proves again that the disk is blank and adds it to its pool. */
  readonly take: (disk: Disk) => Promise<void>;
  /**
   * Activates the pool's group, and creates or grows its thin pool, according to the last `refresh`, and refreshes after that. Returns problems of a pool that
   * serves all the same, and throws if it cannot serve.
   */
  readonly prepare: (spec: PoolSpec) => Promise<readonly string[]>;
  /** Whether the pool's thin pool is to be grown by its policy; asks LVM for the use of this pool alone. */
  readonly needsGrowth: (spec: PoolSpec) => Promise<boolean>;
  /** Takes the pool out of service for `reason`; `undefined` puts it back. Takes effect with the next `refresh`. Returns whether that is new. */
  readonly suspend: (pool: PoolName, reason: string | undefined) => boolean;
  /** Called when a pool is prepared that `reconcile` did not wait for: reconcile again. */
  readonly prepared: () => void;
  readonly refresh: () => Promise<unknown>;
}

export interface ReconcilerOptions<Disk extends CandidateDisk> {
  readonly specs: readonly PoolSpec[];
  readonly ports: ReconcilerPorts<Disk>;
  readonly log: Log;
  /** Milliseconds that `reconcile` waits for a pool. */
  readonly patience?: number;
  /** Called with the disks that each `reconcile` found. */
  readonly observe: (disks: readonly Disk[]) => void;
}

const defaultPatience = 10_000;
const toleratedRefusals = 3;

type Outcome = 'serves' | 'failed' | 'pending';

/**
 * Brings pools into the state of their configuration: takes disks that it may take, creates, extends and activates groups, creates
 * and grows thin pools. Level-triggered: each `reconcile` reads the present state and does what is missing.
 */
export class PoolReconciler<Disk extends CandidateDisk> {
  readonly #options: ReconcilerOptions<Disk>;
  readonly #announced = new Map<string, string>();
  /** Disks that an administrator may take with another process, and how many looks in a row have refused each. */
  readonly #takeable = new Map<string, number>();
  readonly #preparing = new Map<PoolName, Promise<Outcome>>();
  readonly #reported = new Map<PoolName, string>();
  /** Since the last `refresh`. */
  #suspensionsChanged = false;

  constructor(options: ReconcilerOptions<Disk>) {
    this.#options = options;
  }

  /**
   * Prepares each pool separately: a pool that fails is taken out of service, with the reason, and the others serve. Returns whether all
   * pools serve. Throws `unavailable` if LVM or the disks cannot be read.
   */
  async reconcile(): Promise<boolean> {
    const { specs, observe } = this.#options;
    const disks = await this.#find();
    observe(disks);
    for (const disk of disks) this.#announce(disk);
    this.#noteTakeable(disks);
    await this.take(disks.filter(mayTake).toSorted(interruptedFirst));
    await this.#refresh();
    const outcomes = await Promise.all(specs.map((spec) => this.#prepareFor(spec)));
    if (this.#suspensionsChanged) await this.#refresh();
    return outcomes.every((outcome) => outcome === 'serves');
  }

  async #find(): Promise<readonly Disk[]> {
    const { ports, log } = this.#options;
    const disks = await ports.findDisks();
    try {
      return (await ports.restore()) ? await ports.findDisks() : disks;
    } catch (error) {
      log.error({ reason: messageOf(error) }, 'the metadata of a volume group could not be restored');
      return disks;
    }
  }

  /** Prepares the pools that have to grow now, according to a new report. */
  async grow(): Promise<void> {
    const { ports, specs } = this.#options;
    for (const spec of specs) {
      if (!(await ports.needsGrowth(spec))) continue;
      await this.#refresh();
      await this.#prepareFor(spec);
      if (this.#suspensionsChanged) await this.#refresh();
    }
  }

  async #refresh(): Promise<void> {
    this.#suspensionsChanged = false;
    await this.#options.ports.refresh();
  }

  /** Takes effect with the next `refresh`. */
  #suspend(pool: PoolName, reason: string | undefined): void {
    if (this.#options.ports.suspend(pool, reason)) this.#suspensionsChanged = true;
  }

  /** A pool that takes long, for example to check gigabytes of metadata, continues in the background: the others don't wait for it. */
  async #prepareFor(spec: PoolSpec): Promise<Outcome> {
    const { ports, patience = defaultPatience } = this.#options;
    const begun = this.#preparing.has(spec.name);
    const preparing = this.#preparing.get(spec.name) ?? this.#prepare(spec);
    this.#preparing.set(spec.name, preparing);
    using late = timeout(patience, 'pending' as const);
    const outcome = await Promise.race([preparing, late.promise]);
    if (outcome !== 'pending') this.#preparing.delete(spec.name);
    else if (!begun) {
      this.#suspend(spec.name, 'it is still being activated, checked or created');
      void preparing.then(() => ports.prepared());
    }
    return outcome;
  }

  async #prepare(spec: PoolSpec): Promise<Outcome> {
    try {
      const problems = await this.#options.ports.prepare(spec);
      this.#report(spec, 'the pool serves, but not all of it is in order', problems);
      this.#suspend(spec.name, undefined);
      return 'serves';
    } catch (error) {
      const reason = messageOf(error);
      this.#report(spec, 'the pool cannot serve', [reason]);
      this.#suspend(spec.name, reason);
      return 'failed';
    }
  }

  /** Logs problems only when they change. */
  #report(spec: PoolSpec, message: string, problems: readonly string[]): void {
    const news = problems.join('\n');
    if ((this.#reported.get(spec.name) ?? '') === news) return;
    this.#reported.set(spec.name, news);
    if (problems.length === 0) this.#options.log.info({ pool: spec.name }, 'the pool is in order again');
    else this.#options.log.error({ pool: spec.name, reason: problems.join('; ') }, message);
  }

  /** Takes these disks for their pools, and returns those that could be taken. */
  async take(disks: readonly Disk[]): Promise<Disk[]> {
    const { ports, log } = this.#options;
    await ports.show([...new Set([...this.#takeable.keys(), ...disks.map((disk) => disk.device)])]);
    if (disks.length > 0) await ports.refresh();
    const taken: Disk[] = [];
    for (const disk of disks) {
      const fields = { pool: disk.pool.name, device: disk.device, path: disk.path };
      try {
        await ports.take(disk);
        taken.push(disk);
        log.info(fields, 'disk taken');
      } catch (error) {
        log.error({ ...fields, reason: messageOf(error) }, 'a disk could not be taken');
      }
    }
    return taken;
  }

  /**
   * LVM must see these disks before they are in a group: with `quarry disks approve` another process adds them, and a change of the group by
   * an LVM that does not see one writes it down as missing, for good. While that process takes a disk, a look refuses it as in use.
   */
  #noteTakeable(disks: readonly Disk[]): void {
    const before = new Map(this.#takeable);
    this.#takeable.clear();
    for (const { device, verdict } of disks) {
      const refusals = (before.get(device) ?? toleratedRefusals) + 1;
      if (verdict === 'proposed' || verdict === 'interrupted' || verdict === 'returned') this.#takeable.set(device, 0);
      else if (verdict === 'refused' && refusals <= toleratedRefusals) this.#takeable.set(device, refusals);
    }
  }

  /** Logs a disk's verdict only when it changes. */
  #announce({ pool, device, path, verdict, findings }: Disk): void {
    const fields = { pool: pool.name, device, path, ...(findings && { findings }) };
    const news = JSON.stringify([verdict, fields]);
    if (this.#announced.get(device) === news) return;
    this.#announced.set(device, news);
    const waits = verdict === 'returned' || (verdict === 'proposed' && pool.approve === 'manual');
    if (waits) this.#options.log.info(fields, 'disk proposed');
    if (verdict === 'refused') this.#options.log.warn(fields, 'disk refused');
  }
}

function mayTake({ verdict, pool }: CandidateDisk): boolean {
  return verdict === 'interrupted' || (verdict === 'proposed' && pool.approve === 'automatic');
}

/** A change of the group would end the proof that the taking of such a disk was interrupted. */
function interruptedFirst(one: CandidateDisk, other: CandidateDisk): number {
  return Number(other.verdict === 'interrupted') - Number(one.verdict === 'interrupted');
}
