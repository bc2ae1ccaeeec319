import { join } from 'node:path';
import { type GroupState, type GroupStates, identifyGroup, type KnownGroup } from '../domain/groups.ts';
import type { NodeName, VgName } from '../domain/ids.ts';
import type { PoolSpec } from '../domain/pool.ts';
import { recordGroup, tagGroup } from './group-arguments.ts';
import type { PhysicalVolume } from './physical-volumes.ts';
import { hostDirectory, type ReadHostFile } from './process/system.ts';
import { parseTags, tag } from './tags.ts';
import type { Writer } from './writer.ts';

export interface GroupRecordsOptions {
  readonly node: NodeName;
  readonly specs: readonly PoolSpec[];
  readonly readHostFile: ReadHostFile;
}

/** A group as the last call of `identify` found it. */
interface Remembered extends KnownGroup {
  readonly recorded: boolean;
}

/**
 * Identifies the pools' groups by their UUIDs. LVM keeps a backup of a group's metadata on the root disk and removes it with the group:
 * this backup is the record of a missing group. Groups seen since the start are remembered until they are recorded.
 */
export class GroupRecords {
  readonly #options: GroupRecordsOptions;
  readonly #remembered = new Map<VgName, Remembered>();

  constructor(options: GroupRecordsOptions) {
    this.#options = options;
  }

  /** @param incomplete why LVM may not have listed all groups. Throws `unavailable` if a record cannot be read. */
  async identify(volumes: readonly PhysicalVolume[], incomplete: string | undefined): Promise<GroupStates> {
    const states = new Map<VgName, GroupState>();
    for (const spec of this.#options.specs) states.set(spec.group, await this.#identify(spec, volumes, incomplete));
    return states;
  }

  /** Records the pool's group if it has no record yet, and tags a group that Quarry made with its node. */
  async record(spec: PoolSpec, writer: Pick<Writer, 'exclusive' | 'change'>): Promise<void> {
    const { node } = this.#options;
    const group = this.#remembered.get(spec.group);
    const unmarked = group?.tags.get('pool') === spec.name && !group.tags.has('node');
    if (!group || (group.recorded && !unmarked)) return;
    const what = `volume group ${spec.group} could not be recorded`;
    const argv = unmarked ? tagGroup(spec.group, tag('node', node)) : recordGroup(spec.group);
    await writer.exclusive(spec.group, undefined, () => writer.change(what, argv));
    const tags = unmarked ? new Map([...group.tags, ['node', node]]) : group.tags;
    this.#remembered.set(spec.group, { ...group, tags, recorded: true });
  }

  async #identify(
    spec: PoolSpec,
    volumes: readonly PhysicalVolume[],
    incomplete: string | undefined,
  ): Promise<GroupState> {
    const { node, readHostFile } = this.#options;
    const here = groupsNamed(spec.group, volumes);
    const file = parseBackup(await readHostFile(join(hostDirectory, 'backup', spec.group)));
    const before = this.#remembered.get(spec.group);
    const recorded = file ?? (before?.recorded === false ? before : undefined);
    const state = identifyGroup(spec, node, here, recorded);
    if (state.state === 'none' && incomplete !== undefined) return { state: 'away', reason: incomplete };
    const group = state.state === 'present' && here.find(({ uuid }) => uuid === state.uuid);
    if (group) this.#remembered.set(spec.group, { ...group, recorded: isRecordOf(file, group) });
    if (state.state === 'none') this.#remembered.delete(spec.group);
    return state;
  }
}

function isRecordOf(file: KnownGroup | undefined, { uuid, tags }: KnownGroup): boolean {
  return file?.uuid === uuid && file.tags.get('node') === tags.get('node');
}

function groupsNamed(name: VgName, volumes: readonly PhysicalVolume[]): KnownGroup[] {
  const groups = new Map<string, KnownGroup>();
  for (const { group, groupUuid, groupTags } of volumes) {
    if (group === name) groups.set(groupUuid, { uuid: groupUuid, tags: parseTags(groupTags) });
  }
  return [...groups.values()];
}

/**
 * The group in a backup that LVM wrote (lib/format_text/export.c); `undefined` for an empty text. A text without a UUID still records
 * a group.
 */
export function parseBackup(text: string): KnownGroup | undefined {
  if (text.trim() === '') return undefined;
  const uuid = /^\tid = "([^"]+)"/m.exec(text)?.[1] ?? 'unknown';
  const tags = /^\ttags = \[([^\]]*)\]/m.exec(text)?.[1] ?? '';
  return { uuid, tags: parseTags([...tags.matchAll(/"([^"]*)"/g)].map(([, name]) => name).join(',')) };
}
