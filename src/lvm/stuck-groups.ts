import { setTimeout as sleep } from 'node:timers/promises';
import { type Failure, isFailure } from '../domain/errors.ts';
import type { VgName } from '../domain/ids.ts';
import type { Log } from '../log.ts';
import type { Lvm } from './process/lvm.ts';

/** Milliseconds until LVM is asked again about a group, if no program that hangs says by its end that the disk answers. */
const askAgain = 5000;

interface Member {
  readonly device: string;
  readonly group: VgName;
}

interface StuckGroupsOptions {
  /** The devices of the pools' groups. */
  readonly members: () => readonly Member[];
  /** Asks LVM for its report on these devices alone; returns why it gave none. */
  readonly ask: (devices: readonly string[], label: string) => Promise<Failure | undefined>;
  /** Sets the group apart for this reason, until `rejoin`. */
  readonly setApart: (group: VgName, reason: string) => void;
  readonly rejoin: (group: VgName) => void;
  /** Called after groups were set apart or are back: lets LVM see other devices. */
  readonly show: () => Promise<void>;
  /** Called after a group is back. */
  readonly answers: () => void;
  readonly log: Log;
}

/**
 * Finds the groups that LVM gives no answer about, because a disk hangs. LVM reads every disk that it may see before it answers about any of them, so these
 * groups are set apart: LVM sees their disks again once it answers about them.
 */
export class StuckGroups {
  readonly #options: StuckGroupsOptions;
  /** The devices of the groups that are apart, with the reason. */
  readonly #stuck = new Map<VgName, { readonly devices: readonly string[]; readonly reason: string }>();
  readonly #stopping = new AbortController();
  #looking: Promise<boolean> | undefined;

  constructor(options: StuckGroupsOptions) {
    this.#options = options;
  }

  /** The devices of groups that are apart, with the reason. */
  devices(): ReadonlyMap<string, string> {
    const all = [...this.#stuck.values()].flatMap(({ devices, reason }) =>
      devices.map((device) => [device, reason] as const),
    );
    return new Map(all);
  }

  /** The reports of `lvm`. One that LVM does not answer is made again if that was because of a group, which is set apart then. */
  reports(lvm: Pick<Lvm, 'report'>): Pick<Lvm, 'report'> {
    return {
      report: async (argv) => {
        try {
          return await lvm.report(argv);
        } catch (error) {
          if (!isFailure(error, 'unavailable') || !(await this.look())) throw error;
          return await lvm.report(argv);
        }
      },
    };
  }

  /** Sets the groups apart that LVM gives no answer about; returns whether there are new ones. None is while LVM does not answer without any disk either. */
  look(): Promise<boolean> {
    this.#looking ??= this.#look().finally(() => (this.#looking = undefined));
    return this.#looking;
  }

  stop(): void {
    this.#stopping.abort();
  }

  async #look(): Promise<boolean> {
    const { ask, members, show } = this.#options;
    const groups = Map.groupBy(members(), ({ group }) => group);
    const asked = [...groups].map(async ([group, its]) => {
      const devices = its.map(({ device }) => device);
      return { group, devices, failure: this.#stuck.has(group) ? undefined : await ask(devices, group) };
    });
    const [broken, ...answers] = await Promise.all([ask([], 'none'), ...asked]);
    if (broken) return false;
    const before = this.#stuck.size;
    for (const { group, devices, failure } of answers) if (failure) this.#set(group, devices, failure);
    if (this.#stuck.size === before) return false;
    await show();
    return true;
  }

  #set(group: VgName, devices: readonly string[], failure: Failure): void {
    const { setApart, log } = this.#options;
    const reason = `volume group ${group} is set apart, because LVM gives no answer about it (${devices.join(', ')}): a disk does not answer; revive or remove it ("quarry hung" shows what waits for it)`;
    this.#stuck.set(group, { devices, reason });
    setApart(group, reason);
    log.error({ group, devices, reason: failure.message }, 'a volume group is set apart: LVM gives no answer about it');
    void this.#follow(group, devices, failure);
  }

  /** Ends when LVM answers about the group. */
  async #follow(group: VgName, devices: readonly string[], failure: Failure): Promise<void> {
    const { ask, rejoin, show, answers, log } = this.#options;
    const { signal } = this.#stopping;
    let last: Failure | undefined = failure;
    while (last) {
      await (last.pending ?? sleep(askAgain, undefined, { ref: false, signal }).catch(() => undefined));
      if (signal.aborted) return;
      last = await ask(devices, group);
    }
    this.#stuck.delete(group);
    rejoin(group);
    log.info({ group }, 'LVM answers about a volume group again');
    await show();
    answers();
  }
}
