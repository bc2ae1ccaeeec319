import { Failure } from '../../domain/errors.ts';
import type { GroupSnapshot, GroupSnapshots, GroupSnapshotSpec } from '../../domain/group-snapshot.ts';
import { type GroupSnapshotId, type NodeName, parseGroupSnapshotId } from '../../domain/ids.ts';
import type {
  GroupSnapshot as GroupSnapshotMessage,
  GroupSnapshotInit,
} from '../../gen/quarry/node/v1/GroupSnapshot.ts';
import type { SnapshotsMethods } from '../../grpc/services.ts';
import { readAnswer } from './answers.ts';
import type { Target } from './caller.ts';
import { readRoom, readSnapshot, refuseLongName, type SnapshotsCalls, writeRoom, writeSnapshot } from './snapshots.ts';
import { readVolumeId } from './names.ts';

// Both ends of the calls about group snapshots in proto/node/snapshots.proto.

type GroupMethods = Pick<SnapshotsMethods, 'findGroupSnapshot' | 'takeGroupSnapshot' | 'removeGroupSnapshot'>;

/** The node's end. */
export function createGroupSnapshotsService(groups: GroupSnapshots): GroupMethods {
  return {
    async findGroupSnapshot({ group }, { signal }) {
      const found = await groups.find(readGroupId(group), signal);
      return found ? { group: write(found) } : {};
    },
    async takeGroupSnapshot({ name, sources, room }, { signal }) {
      refuseLongName(name, 'the group snapshot asked for');
      if (sources.length === 0) throw new Failure('invalid', 'a group snapshot of no volumes was asked for');
      const spec = { name, sources: sources.map((source) => readVolumeId(source).id), room: readRoom(room) };
      return { group: write(await groups.take(spec, signal)) };
    },
    async removeGroupSnapshot({ group, members }, { signal }) {
      await groups.remove(readGroupId(group), members, signal);
      return {};
    },
  };
}

/** The controller's end: throws what the node throws. */
export class RemoteGroupSnapshots implements GroupSnapshots {
  readonly #remote: Target & { readonly node: NodeName };
  readonly #calls: SnapshotsCalls;

  constructor(remote: Target & { readonly node: NodeName }, calls: SnapshotsCalls) {
    this.#remote = remote;
    this.#calls = calls;
  }

  async find(id: GroupSnapshotId, signal: AbortSignal): Promise<GroupSnapshot | undefined> {
    const { group } = await this.#calls.findGroupSnapshot(this.#remote, { group: id }, { signal });
    return group ? this.#read(group, (found) => found.id === id) : undefined;
  }

  async take({ name, sources, room }: GroupSnapshotSpec, signal: AbortSignal): Promise<GroupSnapshot> {
    const request = { name, sources: [...sources], room: writeRoom(room) };
    const { group } = await this.#calls.takeGroupSnapshot(this.#remote, request, { signal });
    if (group) return this.#read(group, ({ members }) => members.every((member) => member.name === name));
    throw new Failure('unavailable', `node ${this.#remote.node} says that it succeeded, and names no group snapshot`);
  }

  async remove(id: GroupSnapshotId, listed: readonly string[], signal: AbortSignal): Promise<void> {
    await this.#calls.removeGroupSnapshot(this.#remote, { group: id, members: [...listed] }, { signal });
  }

  #read(message: GroupSnapshotMessage, fits: (group: GroupSnapshot) => boolean): GroupSnapshot {
    return readAnswer(this.#remote, () => {
      const id = readGroupId(message.id);
      const members = message.members.map((member) => readSnapshot(member, this.#remote.node));
      const ofGroup = members.length > 0 && members.every(({ memberOf }) => memberOf?.id === id);
      if (ofGroup && fits({ id, members })) return { id, members };
      throw new Failure('invalid', `group snapshot ${id} is not what was asked for`);
    });
  }
}

function write({ id, members }: GroupSnapshot): GroupSnapshotInit {
  return { id, members: members.map(writeSnapshot) };
}

/** Throws `invalid`. */
function readGroupId(text: string): GroupSnapshotId {
  const parsed = parseGroupSnapshotId(text);
  if (parsed) return parsed.id;
  throw new Failure('invalid', `"${text.slice(0, 128)}" is no id of a group snapshot`);
}
