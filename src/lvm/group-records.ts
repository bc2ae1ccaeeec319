import { join } from 'node:path';
import { type GroupState, type GroupStates, identifyGroup, type KnownGroup } from '../domain/groups.ts';
import type { NodeName, VgName } from '../domain/ids.ts';
import type { PoolSpec } from '../domain/pool.ts';
import { recordGroup, tagGroup } from './group-arguments.ts';
import { tagsIn } from './metadata/texts.ts';
import type { LvmArguments } from './process/lvm.ts';
import type { PhysicalVolume } from './physical-volumes.ts';
import { hostDirectory, type ReadHostFile } from './process/system.ts';
import { parseTags, tag } from './tags.ts';
import type { Writer } from './writer.ts';

export interface GroupRecordsOptions {
  readonly node: NodeName;
  readonly specs: readonly PoolSpec[];
  readonly readHostFile: ReadHostFile;
}

type RecordWriter = Pick<Writer, 'exclusive' | 'change'>;

/** A group in one state of its metadata. */
interface Listed extends KnownGroup {
  /** LVM's count of the changes of the group. */
  readonly sequence: number;
}

/** A group as the last call of `identify` found it. */
interface Remembered extends Listed {
  readonly recorded: boolean;
  /** LVM's backup is of this state. */
  readonly current: boolean;
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
  async record(spec: PoolSpec, writer: RecordWriter): Promise<void> {
    const group = this.#remembered.get(spec.group);
    const unmarked = group?.tags.get('pool') === spec.name && !group.tags.has('node');
    if (!group || (group.recorded && !unmarked)) return;
    if (!unmarked) return this.#write(spec, group, recordGroup(spec.group), writer);
    const { node } = this.#options;
    const marked = { ...group, tags: new Map([...group.tags, ['node', node]]) };
    return this.#write(spec, marked, tagGroup(spec.group, tag('node', node)), writer);
  }

  /**
   * Renews LVM's backup if the group has changed since. The long-lived process of LVM makes none, so an administrator would restore a group without its
   * volumes. Not for a group that lacks a disk: LVM makes no backup of it.
   */
  async renew(spec: PoolSpec, writer: RecordWriter): Promise<void> {
    const group = this.#remembered.get(spec.group);
    if (group && !group.current) await this.#write(spec, group, recordGroup(spec.group), writer);
  }

  async #write(spec: PoolSpec, group: Remembered, argv: LvmArguments, writer: RecordWriter): Promise<void> {
    const what = `volume group ${spec.group} could not be recorded`;
    await writer.exclusive(spec.group, undefined, () => writer.change(what, argv));
    this.#remembered.set(spec.group, { ...group, recorded: true, current: true });
  }

  /** LVM's backup of the group's metadata; empty if there is none. Throws `unavailable` if it cannot be read. */
  backupOf(group: VgName): Promise<string> {
    return this.#options.readHostFile(join(hostDirectory, 'backup', group));
  }

  /** Whether this group, whose metadata LVM cannot read, is the pool's, according to LVM's backup. */
  isPools(spec: PoolSpec, group: KnownGroup, backup: string): boolean {
    return identifyGroup(spec, this.#options.node, [group], parseBackup(backup)).state === 'present';
  }

  async #identify(
    spec: PoolSpec,
    volumes: readonly PhysicalVolume[],
    incomplete: string | undefined,
  ): Promise<GroupState> {
    const { node } = this.#options;
    const here = groupsNamed(spec.group, volumes);
    const file = parseBackup(await this.backupOf(spec.group));
    const before = this.#remembered.get(spec.group);
    const recorded = file ?? (before?.recorded === false ? before : undefined);
    const state = identifyGroup(spec, node, here, recorded);
    if (state.state === 'none' && incomplete !== undefined) return { state: 'away', reason: incomplete };
    const group = state.state === 'present' && here.find(({ uuid }) => uuid === state.uuid);
    if (group) {
      const current = file?.sequence === group.sequence;
      this.#remembered.set(spec.group, { ...group, recorded: isRecordOf(file, group), current });
    }
    if (state.state === 'none') this.#remembered.delete(spec.group);
    return state;
  }
}

function isRecordOf(file: KnownGroup | undefined, { uuid, tags }: KnownGroup): boolean {
  return file?.uuid === uuid && file.tags.get('node') === tags.get('node');
}

function groupsNamed(name: VgName, volumes: readonly PhysicalVolume[]): Listed[] {
  const groups = new Map<string, Listed>();
  for (const { group, groupUuid, groupTags, groupSequence: sequence } of volumes) {
    if (group === name) groups.set(groupUuid, { uuid: groupUuid, tags: parseTags(groupTags), sequence });
  }
  return [...groups.values()];
}

/**
 * The group in a backup that LVM wrote (lib/format_text/export.c); `undefined` for an empty text. A text without a UUID still records
 * a group.
 */
export function parseBackup(text: string): Listed | undefined {
  if (text.trim() === '') return undefined;
  const uuid = /^\tid = "([^"]+)"/m.exec(text)?.[1] ?? 'unknown';
  const sequence = Number(/^\tseqno = (\d+)/m.exec(text)?.[1] ?? 0);
  return { uuid, sequence, tags: tagsIn(text) };
}
