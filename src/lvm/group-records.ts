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

  /**
   * Records the pool's group if it has no record yet, and tags a group that Quarry made with its node. Renews LVM's backup if the group has changed and none
   * of its disks is missing: the long-lived process of LVM makes none, and an administrator would restore one without volumes.
   */
  async record(spec: PoolSpec, writer: Pick<Writer, 'exclusive' | 'change'>, isWhole: boolean): Promise<void> {
    const { node } = this.#options;
    const group = this.#remembered.get(spec.group);
    const unmarked = group?.tags.get('pool') === spec.name && !group.tags.has('node');
    if (!group || (group.recorded && (group.current || !isWhole) && !unmarked)) return;
    const what = `volume group ${spec.group} could not be recorded`;
    const argv = unmarked ? tagGroup(spec.group, tag('node', node)) : recordGroup(spec.group);
    await writer.exclusive(spec.group, undefined, () => writer.change(what, argv));
    const tags = unmarked ? new Map([...group.tags, ['node', node]]) : group.tags;
    this.#remembered.set(spec.group, { ...group, tags, recorded: true, current: true });
  }

  /** LVM's backup of the group's metadata; empty if there is none. Throws `unavailable` if it cannot be read. */
  backupOf(group: VgName): Promise<string> {
    return this.#options.readHostFile(join(hostDirectory, 'backup', group));
  }

  /** Whether this group, whose metadata LVM cannot read, is the pool's. */
  async isPools(spec: PoolSpec, group: KnownGroup): Promise<boolean> {
    const recorded = parseBackup(await this.backupOf(spec.group));
    return identifyGroup(spec, this.#options.node, [group], recorded).state === 'present';
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
  const tags = /^\ttags = \[([^\]]*)\]/m.exec(text)?.[1] ?? '';
  return { uuid, sequence, tags: parseTags([...tags.matchAll(/"([^"]*)"/g)].map(([, name]) => name).join(',')) };
}
