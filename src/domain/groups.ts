import type { NodeName, VgName } from './ids.ts';
import type { PoolSpec } from './pool.ts';

/** A volume group, known by its UUID: names are not unique. */
export interface KnownGroup {
  readonly uuid: string;
  /** Quarry's tags by key, such as `node` and `pool`. */
  readonly tags: ReadonlyMap<string, string>;
}

/**
 * - `present` the pool's group is here, and has this UUID
 * - `none`    no group of that name is here, and none may come back: one may be created
 * - `away`    the pool's group, or one that may be it, cannot be used now: nothing is created, and no volume counts as absent
 * - `stuck`   the same, because LVM gives no answer about the group
 */
export type GroupState =
  | { readonly state: 'present'; readonly uuid: string }
  | { readonly state: 'none' }
  | { readonly state: 'away' | 'stuck'; readonly reason: string };

/** By the name of the group; each configured pool has an entry. */
export type GroupStates = ReadonlyMap<VgName, GroupState>;

/**
 * Finds the pool's group among those of its name. `recorded` is the group that was here last. A group with another node's tag belongs
 * to that node; a group with this node's tag is preferred to one without a tag.
 */
export function identifyGroup(
  spec: PoolSpec,
  node: NodeName,
  here: readonly KnownGroup[],
  recorded: KnownGroup | undefined,
): GroupState {
  const weigh = (group: KnownGroup) => claimOf(group, spec, node);
  const possible = here.filter((group) => weigh(group) > foreign);
  const most = Math.max(...possible.map(weigh));
  const best = possible.filter((group) => weigh(group) === most);
  const last = recorded && weigh(recorded) > foreign ? recorded : undefined;
  const known = last && best.find(({ uuid }) => uuid === last.uuid);
  if (known) return { state: 'present', uuid: known.uuid };
  const [only, ...more] = best;
  if (only && more.length === 0 && (!last || weigh(last) < most)) return { state: 'present', uuid: only.uuid };
  if (here.length === 0 && !recorded) return { state: 'none' };
  return { state: 'away', reason: reasonOf(spec.group, here, recorded) };
}

const foreign = 0;

/** How well a group matches the pool: 0 for another node's. */
function claimOf({ tags }: KnownGroup, spec: PoolSpec, node: NodeName): number {
  const owner = tags.get('node');
  if (owner !== undefined) return owner === node ? 3 : foreign;
  return tags.get('pool') === spec.name ? 2 : 1;
}

function reasonOf(group: VgName, here: readonly KnownGroup[], recorded: KnownGroup | undefined): string {
  const others = here.filter(({ uuid }) => uuid !== recorded?.uuid).map(describe);
  const last = recorded && `volume group ${group} (${describe(recorded)})`;
  const remedy = `its disks are missing, or their metadata cannot be read (the kernel's log says why): bring them back; if it is gone for good, remove LVM's record of it, /etc/lvm/backup/${group}`;
  if (!last) return `several volume groups are named ${group}, or one of another node: ${others.join(', ')}`;
  if (others.length === 0) return `${last} is not here: ${remedy}`;
  return `${last} cannot be distinguished from another one of that name (${others.join(', ')}): remove the other, or ${remedy}`;
}

function describe({ uuid, tags }: KnownGroup): string {
  const node = tags.get('node');
  return node === undefined ? `UUID ${uuid}` : `UUID ${uuid}, of node ${node}`;
}
