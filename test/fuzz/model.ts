import { normalize } from 'node:path';
import { type NodeName, parseVolumeId } from '../../src/domain/ids.ts';
import { groupSnapshotNames, lvNameFor, snapshotLvNameFor } from '../../src/lvm/names.ts';
import { victim } from './subjects.ts';

/** What an answer says about one thing; with `perhaps` the request may have been served or not. */
export type Existence = 'there' | 'gone' | 'perhaps there' | 'perhaps gone';

/** What one answered request did to one thing: a volume (`volume n1:pvc-0`), a snapshot, a group or a mount (`mount /kubelet/…`). */
export interface Effect {
  readonly thing: string;
  readonly exists: Existence;
}

type Fields = Readonly<Record<string, unknown>>;

export interface Answered {
  readonly path: string;
  /** Decoded; absent: it was no message. */
  readonly request: Fields | undefined;
  readonly code: string;
  /** Decoded. */
  readonly reply: Fields | undefined;
}

/** Codes that leave open whether the request was served. */
const openCodes: ReadonlySet<string> = new Set(['UNAVAILABLE', 'CANCELLED', 'DEADLINE_EXCEEDED', 'none']);

/** A request that was refused has none. */
export function effectsOf({ path, request, code, reply }: Answered): Effect[] {
  const open = openCodes.has(code);
  if (!request || (!open && code !== 'OK')) return [];
  const [there, gone] = open ? (['perhaps there', 'perhaps gone'] as const) : (['there', 'gone'] as const);
  switch (path) {
    case '/csi.v1.Controller/CreateVolume':
      return volume(madeId(reply, 'volumeId') ?? idFor(text(request, 'name')), there);
    case '/csi.v1.Controller/DeleteVolume':
      return volume(text(request, 'volumeId'), gone);
    case '/quarry.admin.v1.Admin/DeleteOrphan':
      return orphan(text(request, 'id'), text(request, 'node') === victim ? gone : 'perhaps gone');
    case '/quarry.node.v1.Volumes/Create':
      return volume(madeId(reply, 'id') ?? idFor(text((request['spec'] ?? {}) as Fields, 'name')), there);
    case '/quarry.node.v1.Volumes/Remove':
      return volume(text(request, 'volume'), gone);
    default:
      return [...snapshotEffects({ path, request, reply }, there, gone), ...mountEffects(path, request, there, gone)];
  }
}

/** It is a volume, a snapshot or a group snapshot. Of another node the one of the same id was perhaps deleted. */
function orphan(id: string, gone: Existence): Effect[] {
  return ['volume', 'snapshot', 'group'].map((kind) => ({ thing: `${kind} ${id}`, exists: gone }));
}

/** A member of a group is part of the group. */
function snapshotEffects(
  { path, request, reply }: { readonly path: string; readonly request: Fields; readonly reply: Fields | undefined },
  there: Existence,
  gone: Existence,
): Effect[] {
  const made = (kind: string, field: string): string | undefined => reply && text((reply[kind] ?? {}) as Fields, field);
  const name = text(request, 'name');
  const snapshot = (id: string, exists: Existence): Effect[] => [{ thing: `snapshot ${id}`, exists }];
  const group = (id: string, exists: Existence): Effect[] => [{ thing: `group ${id}`, exists }];
  const snapshotId = `${victim}:${snapshotLvNameFor(name)}`;
  const groupId = groupSnapshotNames(victim as NodeName, name).id;
  switch (path) {
    case '/csi.v1.Controller/CreateSnapshot':
      return snapshot(made('snapshot', 'snapshotId') ?? snapshotId, there);
    case '/quarry.node.v1.Snapshots/TakeSnapshot':
      return snapshot(made('snapshot', 'id') ?? snapshotId, there);
    case '/csi.v1.Controller/DeleteSnapshot':
      return snapshot(text(request, 'snapshotId'), gone);
    case '/quarry.node.v1.Snapshots/RemoveSnapshot':
      return snapshot(text(request, 'snapshot'), gone);
    case '/csi.v1.GroupController/CreateVolumeGroupSnapshot':
      return group(made('groupSnapshot', 'groupSnapshotId') ?? groupId, there);
    case '/quarry.node.v1.Snapshots/TakeGroupSnapshot':
      return group(made('group', 'id') ?? groupId, there);
    case '/csi.v1.GroupController/DeleteVolumeGroupSnapshot':
      return group(text(request, 'groupSnapshotId'), gone);
    case '/quarry.node.v1.Snapshots/RemoveGroupSnapshot':
      return group(text(request, 'group'), gone);
    default:
      return [];
  }
}

function madeId(reply: Fields | undefined, field: string): string | undefined {
  return reply && text((reply['volume'] ?? {}) as Fields, field);
}

function idFor(name: string): string {
  return `${victim}:${lvNameFor(name)}`;
}

function mountEffects(path: string, request: Fields, there: Existence, gone: Existence): Effect[] {
  const block = Boolean((request['volumeCapability'] as Fields | null | undefined)?.['block']);
  const staging = clean(text(request, 'stagingTargetPath'));
  const target = clean(text(request, 'targetPath'));
  switch (path) {
    case '/csi.v1.Node/NodeStageVolume':
      return mount(block ? `${staging}/device` : staging, there);
    case '/csi.v1.Node/NodePublishVolume':
      return mount(target, there);
    case '/csi.v1.Node/NodeUnstageVolume':
      return known(request) ? [...mount(staging, gone), ...mount(`${staging}/device`, gone)] : [];
    case '/csi.v1.Node/NodeUnpublishVolume':
      return known(request) ? mount(target, gone) : [];
    default:
      return [];
  }
}

/** For another id there is nothing to undo. */
function known(request: Fields): boolean {
  return parseVolumeId(text(request, 'volumeId')) !== undefined;
}

const volume = (id: string, exists: Existence): Effect[] => [{ thing: `volume ${id}`, exists }];
const mount = (path: string, exists: Existence): Effect[] => [{ thing: `mount ${path}`, exists }];

function text(fields: Fields, name: string): string {
  const value = fields[name];
  return typeof value === 'string' ? value : '';
}

function clean(path: string): string {
  return path === '' ? '' : normalize(path).replace(/(?<=.)\/+$/, '');
}

/** What exists by the answers so far. */
export class Model {
  /** `true`: it must be there, `false`: it may be there. Absent: it must not. */
  readonly #things = new Map<string, boolean>();

  /** The effects of requests that were served at the same time: where they differ, either may have been the last. */
  apply(effects: readonly Effect[]): void {
    for (const [thing, states] of Map.groupBy(effects, (effect) => effect.thing)) {
      const has = (exists: Existence): boolean => states.some((state) => state.exists === exists);
      const stays = !has('gone') && !has('perhaps gone');
      if (has('there')) this.#things.set(thing, stays);
      else if (has('perhaps there')) this.#things.set(thing, stays && this.#things.get(thing) === true);
      else if (has('gone')) this.#things.delete(thing);
      else if (this.#things.has(thing)) this.#things.set(thing, false);
    }
  }

  /** A line for each thing that exists and should not, or should and does not. */
  compare(present: ReadonlySet<string>): string[] {
    const unasked = [...present].filter((thing) => !this.#things.has(thing));
    const lost = [...this.#things].filter(([thing, must]) => must && isCompared(thing) && !present.has(thing));
    return [
      ...unasked.map((thing) => `${thing} is there, and no request that succeeded asked for it`),
      ...lost.map(([thing]) => `${thing} is gone, and no request that succeeded removed it`),
    ];
  }
}

/** The volumes and snapshots of other nodes are not looked at. */
function isCompared(thing: string): boolean {
  return thing.startsWith('mount ') || thing.includes(` ${victim}:`);
}
