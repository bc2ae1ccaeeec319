import { createAwaitableRepeater } from '../concurrency/awaitable-repeater.ts';
import { messageOf } from '../domain/errors.ts';
import type { VolumeId } from '../domain/ids.ts';
import type { Use } from '../domain/qos.ts';
import type { Inventory } from '../domain/storage.ts';
import { deviceMapperName } from '../kernel/block-device.ts';
import type { Log } from '../log.ts';
import { type Cgroups, type CgroupSettings, readCgroups } from './cgroups.ts';
import { podOfTarget, type PodUid } from '../domain/pod-targets.ts';
import { reasons } from './throttle.ts';
import { type Finding, reconcile, type World } from './reconcile.ts';
import { createEnforcementTable, type Enforcement, type EnforcementTable } from './enforcements.ts';
import { createWatcher } from './watcher.ts';

/** Milliseconds. Collects many changes, such as the files of a new cgroup, into one reconciliation. */
const gatherDelay = 10;

export interface LimitsOptions {
  readonly settings: CgroupSettings & { readonly interval: number };
  readonly log: Log;
  /** Throws until LVM has answered; until then Quarry changes no limit. */
  readonly inventory: () => Inventory;
  readonly mounts: World['mounts'];
  readonly mapperNamesOf: World['mapperNamesOf'];
}

/** The enforcement of a volume and a pod after the last reconciliation. */
export interface Listed extends Enforcement {
  /** The meaning of the reason, and what to do about it. */
  readonly remedy?: string | undefined;
  /** Absent if the kernel shows no numbers. */
  readonly use?: Use | undefined;
}

/** Enforces the limits of volumes on the pods of this node. */
export interface Limits {
  /** A mount, volume or cgroup has changed: reconcile soon. */
  changed(): void;
  /** Resolves after the next reconciliation: why the limit at the target is not in force and what to do; `undefined`: it is. Never throws. */
  settle(id: VolumeId, target: string): Promise<string | undefined>;
  readonly table: Pick<EnforcementTable, 'enforcements' | 'counts'>;
  list(): Promise<readonly Listed[]>;
  stop(): Promise<void>;
}

/** Idle until `changed` or `settle`; from then on it also reconciles once an interval. */
export function createLimits(options: LimitsOptions): Limits {
  const table = createEnforcementTable(options.log);
  const unknownTargets = new Map<string, VolumeId>();
  const watcher = createWatcher(() => repeater.soon());
  let cgroups: Cgroups | undefined;
  const world = createWorld(options, {
    cgroups: async () => (cgroups = await readCgroups(options.settings, (folder) => watcher.add(folder))),
    watch: (folder) => watcher.add(folder),
  });
  const recent = createRecent(table, options.settings.interval);
  const repeater = createAwaitableRepeater({
    async task() {
      const known = new Map(unknownTargets);
      watcher.begin();
      const findings = await recent((had) => reconcile(world, known, had));
      watcher.sweep();
      for (const target of goneOf(known, findings)) unknownTargets.delete(target);
      table.update(findings);
    },
    every: options.settings.interval,
    delay: gatherDelay,
    failed: (error) => options.log.warn({ reason: messageOf(error) }, 'the limits of this node could not be examined'),
  });
  return {
    table,
    changed: () => repeater.soon(),
    async settle(id, target) {
      if (podOfTarget(target) === undefined) unknownTargets.set(target, id);
      const examined = await repeater.attempt();
      const enforcement = table.enforcements.find((known) => known.volume === id && known.target === target);
      if (!examined || !enforcement) return reasons.unexamined;
      return enforcement.reason && reasons[enforcement.reason];
    },
    list: () => Promise.all(table.enforcements.map((enforcement) => withUse(cgroups, enforcement))),
    async stop() {
      watcher.close();
      await repeater.stop();
    },
  };
}

/**
 * Reading the cgroups of a hundred pods for each pod that starts would cost more than the rest of its publish. So pods that use no volume
 * are checked once an interval; in between, only those that had a volume in the reconciliation before.
 */
function createRecent(table: EnforcementTable, interval: number) {
  let lookedAt = Number.NEGATIVE_INFINITY;
  return async <T>(look: (had: ReadonlySet<PodUid> | undefined) => Promise<T>): Promise<T> => {
    const now = performance.now();
    if (now - lookedAt < interval) return look(new Set(table.enforcements.flatMap(({ pod }) => pod ?? [])));
    const result = await look(undefined);
    lookedAt = now;
    return result;
  };
}

/** Targets that are no longer published. */
function goneOf(known: ReadonlyMap<string, VolumeId>, findings: readonly Finding[]): string[] {
  const targets = new Set(findings.map(({ target }) => target));
  return [...known.keys()].filter((target) => !targets.has(target));
}

function createWorld(
  { log, inventory, mounts, mapperNamesOf }: LimitsOptions,
  cgroups: Pick<World, 'cgroups' | 'watch'>,
) {
  return {
    inventory,
    mounts,
    mapperNamesOf,
    mapperName: deviceMapperName,
    failed: (error: unknown) => log.warn({ reason: messageOf(error) }, 'the cgroups of a pod could not be read'),
    ...cgroups,
  } satisfies World;
}

async function withUse(cgroups: Cgroups | undefined, enforcement: Enforcement): Promise<Listed> {
  const { cgroup, device, reason } = enforcement;
  const uses = cgroups && cgroup !== undefined ? await cgroups.throttle.use(cgroup) : undefined;
  return { ...enforcement, remedy: reason && reasons[reason], use: uses?.get(device) };
}
