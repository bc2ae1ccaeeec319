import { createRounds } from '../concurrency/rounds.ts';
import { messageOf } from '../domain/errors.ts';
import type { VolumeId } from '../domain/ids.ts';
import type { Use } from '../domain/qos.ts';
import type { Inventory } from '../domain/storage.ts';
import type { Volume } from '../domain/volume.ts';
import { deviceMapperName } from '../kernel/block-device.ts';
import type { Log } from '../log.ts';
import { type Cgroups, type CgroupSettings, readCgroups } from './cgroups.ts';
import { podOfTarget, type PodUid } from './pod-names.ts';
import { reasons } from './reasons.ts';
import { type Finding, round, type World } from './round.ts';
import { createHoldingTable, type Holding, type HoldingTable } from './table.ts';
import { createWatcher } from './watcher.ts';

/** Many causes at once, such as the files of a new cgroup, end in one round. */
const gatherDelay = 10;

export interface LimitsOptions {
  readonly settings: CgroupSettings & { readonly interval: number };
  readonly log: Log;
  /** Throws until LVM has answered: what is unknown is not changed. */
  readonly inventory: () => Inventory;
  readonly mounts: World['mounts'];
  readonly mapperNameOf: (volume: Volume) => string;
}

/** A volume and a pod, as the last round left them. */
export interface Listed extends Holding {
  /** What the reason means, and what to do. */
  readonly remedy?: string | undefined;
  /** By now; absent where the kernel does not say. */
  readonly use?: Use | undefined;
}

/** Holds the pods of this node to the limits of their volumes. */
export interface Limits {
  /** Something changed that limits depend on. */
  changed(): void;
  /** Resolves after a round that began later. A text: what is not in force at the target, and what to do. Never throws. */
  settle(id: VolumeId, target: string): Promise<string | undefined>;
  readonly table: Pick<HoldingTable, 'holdings' | 'counts'>;
  list(): Promise<readonly Listed[]>;
  stop(): Promise<void>;
}

export function createLimits(options: LimitsOptions): Limits {
  const table = createHoldingTable(options.log);
  const strangers = new Map<string, VolumeId>();
  const watcher = createWatcher(() => rounds.soon());
  let cgroups: Cgroups | undefined;
  const world = createWorld(options, {
    cgroups: async () => (cgroups = await readCgroups(options.settings, (folder) => watcher.add(folder))),
    watch: (folder) => watcher.add(folder),
  });
  const recent = createRecent(table, options.settings.interval);
  const rounds = createRounds({
    async task() {
      const known = new Map(strangers);
      watcher.begin();
      const findings = await recent((had) => round(world, known, had));
      watcher.sweep();
      for (const target of goneOf(known, findings)) strangers.delete(target);
      table.update(findings);
    },
    every: options.settings.interval,
    delay: gatherDelay,
    failed: (error) => options.log.warn({ reason: messageOf(error) }, 'the limits of this node could not be examined'),
  });
  return {
    table,
    changed: () => rounds.soon(),
    async settle(id, target) {
      if (podOfTarget(target) === undefined) strangers.set(target, id);
      const examined = await rounds.attempt();
      const holding = table.holdings.find((known) => known.volume === id && known.target === target);
      if (!examined || !holding) return reasons.unexamined;
      return holding.reason && reasons[holding.reason];
    },
    list: () => Promise.all(table.holdings.map((holding) => withUse(cgroups, holding))),
    async stop() {
      watcher.close();
      await rounds.stop();
    },
  };
}

/**
 * To read the files of a hundred pods for each one that starts would cost more than the rest of its publish: so pods that use no volume
 * are looked at once an interval, and otherwise only those that had one in the round before.
 */
function createRecent(table: HoldingTable, interval: number) {
  let lookedAt = Number.NEGATIVE_INFINITY;
  return async <T>(look: (had: ReadonlySet<PodUid> | undefined) => Promise<T>): Promise<T> => {
    const now = performance.now();
    if (now - lookedAt < interval) return look(new Set(table.holdings.flatMap(({ pod }) => pod ?? [])));
    const result = await look(undefined);
    lookedAt = now;
    return result;
  };
}

/** Targets at which nothing is published any more. */
function goneOf(known: ReadonlyMap<string, VolumeId>, findings: readonly Finding[]): string[] {
  const targets = new Set(findings.map(({ target }) => target));
  return [...known.keys()].filter((target) => !targets.has(target));
}

function createWorld(
  { log, inventory, mounts, mapperNameOf }: LimitsOptions,
  cgroups: Pick<World, 'cgroups' | 'watch'>,
) {
  return {
    inventory,
    mounts,
    mapperNameOf,
    mapperName: deviceMapperName,
    failed: (error: unknown) => log.warn({ reason: messageOf(error) }, 'the cgroups of a pod could not be read'),
    ...cgroups,
  } satisfies World;
}

async function withUse(cgroups: Cgroups | undefined, holding: Holding): Promise<Listed> {
  const { cgroup, device, reason } = holding;
  const uses = cgroups && cgroup !== undefined ? await cgroups.throttle.use(cgroup) : undefined;
  return { ...holding, remedy: reason && reasons[reason], use: uses?.get(device) };
}
