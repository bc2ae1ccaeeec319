import type { BlockQuery, Extent } from '../../domain/changed-blocks.ts';
import { parseEncryption, printEncryption } from '../../domain/encryption.ts';
import { Failure } from '../../domain/errors.ts';
import { type NodeName, parseGroupSnapshotId, parseSnapshotId, type SnapshotId } from '../../domain/ids.ts';
import type { Membership, Snapshot, Snapshots, SnapshotSpec } from '../../domain/snapshot.ts';
import { parseSnapshotRoom, printSnapshotRoom, type SnapshotRoom } from '../../domain/snapshot-room.ts';
import { parseFilesystemState } from '../../domain/volume.ts';
import type { Extent as ExtentMessage } from '../../gen/quarry/node/v1/Extent.ts';
import type { Snapshot as SnapshotMessage, SnapshotInit } from '../../gen/quarry/node/v1/Snapshot.ts';
import type { SnapshotsDefinition, SnapshotsHandlers } from '../../gen/quarry/node/v1/Snapshots.ts';
import type { SnapshotsMethods } from '../../grpc/services.ts';
import { readAnswer } from './answers.ts';
import { readFigure, readTime } from './bounds.ts';
import type { Calls, Target } from './caller.ts';
import { readPoolName, readVgName, readVolumeId } from './names.ts';

// Both ends of the service in proto/node/snapshots.proto: the port `Snapshots` on a controller, and what serves it on the node.

/** The node's end. */
export function createSnapshotsService(
  snapshots: Snapshots,
): Pick<SnapshotsMethods, 'findSnapshot' | 'takeSnapshot' | 'removeSnapshot' | 'listBlocks'> {
  return {
    async findSnapshot({ snapshot }, { signal }) {
      const found = await snapshots.find(readSnapshotId(snapshot), signal);
      return found ? { snapshot: writeSnapshot(found) } : {};
    },
    async takeSnapshot({ name, source, room }, { signal }) {
      refuseLongName(name, 'the snapshot asked for');
      const spec = { name, source: readVolumeId(source).id, room: readRoom(room) };
      return { snapshot: writeSnapshot(await snapshots.take(spec, signal)) };
    },
    async removeSnapshot({ snapshot }, { signal }) {
      await snapshots.remove(readSnapshotId(snapshot), signal);
      return {};
    },
    async *listBlocks({ snapshot, base, from }, { signal }) {
      const pair = { snapshot: readSnapshotId(snapshot), base: base === '' ? undefined : readSnapshotId(base) };
      for await (const list of snapshots.blocks({ ...pair, from: readFigure(from, 'the offset') }, signal)) {
        yield { extents: list.map(({ start, length }) => ({ start: String(start), length: String(length) })) };
      }
    },
  };
}

export type SnapshotsCalls = Calls<SnapshotsDefinition, SnapshotsHandlers>;

/** The controller's end: throws what the node throws. */
export class RemoteSnapshots implements Snapshots {
  readonly #remote: Target & { readonly node: NodeName };
  readonly #calls: SnapshotsCalls;

  constructor(remote: Target & { readonly node: NodeName }, calls: SnapshotsCalls) {
    this.#remote = remote;
    this.#calls = calls;
  }

  async find(id: SnapshotId, signal: AbortSignal): Promise<Snapshot | undefined> {
    const { snapshot } = await this.#calls.findSnapshot(this.#remote, { snapshot: id }, { signal });
    return snapshot ? this.#read(snapshot, (found) => found.id === id) : undefined;
  }

  async take({ name, source, room }: SnapshotSpec, signal: AbortSignal): Promise<Snapshot> {
    const request = { name, source, room: writeRoom(room) };
    const { snapshot } = await this.#calls.takeSnapshot(this.#remote, request, { signal });
    if (snapshot) return this.#read(snapshot, (found) => found.name === name && found.source === source);
    throw new Failure('unavailable', `node ${this.#remote.node} says that it succeeded, and names no snapshot`);
  }

  async remove(id: SnapshotId, signal: AbortSignal): Promise<void> {
    await this.#calls.removeSnapshot(this.#remote, { snapshot: id }, { signal });
  }

  async *blocks({ snapshot, base, from }: BlockQuery, signal: AbortSignal): AsyncGenerator<readonly Extent[], void> {
    const request = { snapshot, base: base ?? '', from: String(from) };
    let end = from;
    for await (const { extents } of this.#calls.listBlocks(this.#remote, request, { signal })) {
      const list = readAnswer(this.#remote, () => readExtents(extents, end));
      for (const { start, length } of list.slice(-1)) end = start + length;
      yield list;
    }
  }

  #read(message: SnapshotMessage, fits: (snapshot: Snapshot) => boolean): Snapshot {
    return readAnswer(this.#remote, () => {
      const snapshot = readSnapshot(message, this.#remote.node);
      if (fits(snapshot)) return snapshot;
      throw new Failure('invalid', `snapshot ${snapshot.id} is not what was asked for`);
    });
  }
}

/** Throws `invalid` for extents that overlap, are not in order, or begin before `end`. */
function readExtents(messages: readonly ExtentMessage[], end: bigint): Extent[] {
  let last = end;
  return messages.map((message) => {
    const extent = { start: readFigure(message.start, 'an offset'), length: readFigure(message.length, 'a length') };
    if (extent.length === 0n || extent.start < last) throw new Failure('invalid', 'the blocks are not in order');
    last = readFigure(String(extent.start + extent.length), 'an offset');
    return extent;
  });
}

export function writeSnapshot(snapshot: Snapshot): SnapshotInit {
  const { id, name, source, pool, group, lv, size, filesystem, taken, memberOf, state, room = 0n } = snapshot;
  const place = { pool, group, lv, size: String(size), room: String(room) };
  const states = { creating: state === 'creating', overfull: state === 'overfull' };
  const encryption = snapshot.encryption ? printEncryption(snapshot.encryption) : '';
  const content = { filesystem, encryption };
  return { id, name, source, ...place, ...content, takenMs: String(taken), ...states, ...writeMembership(memberOf) };
}

function writeMembership(memberOf: Membership | undefined): SnapshotInit {
  return memberOf ? { memberOf: memberOf.id, members: memberOf.members } : {};
}

/** Bytes, as CSI limits them. */
const longestName = 128;

/** Throws `invalid`, on both sides: a controller that reads a longer name in a report sets the node apart. */
export function refuseLongName(name: string, of: string): void {
  if (Buffer.byteLength(name) <= longestName) return;
  throw new Failure('invalid', `the name of ${of} is longer than any can be`);
}

/** Throws `invalid` for what no node of ours sends: a node has only snapshots that it took itself. */
export function readSnapshot(message: SnapshotMessage, node: NodeName): Snapshot {
  const parsed = parseSnapshotId(message.id);
  if (parsed?.node !== node)
    throw new Failure('invalid', `"${message.id.slice(0, 128)}" is no snapshot of node ${node}`);
  refuseLongName(message.name, `snapshot ${parsed.id}`);
  const room = readFigure(message.room, `the room of snapshot ${parsed.id}`);
  const encryption = parseEncryption(message.encryption);
  const memberOf = parseGroupSnapshotId(message.memberOf);
  return {
    id: parsed.id,
    node,
    name: message.name,
    source: readVolumeId(message.source).id,
    pool: readPoolName(message.pool),
    group: readVgName(message.group),
    lv: parsed.lv,
    size: readFigure(message.size, `the size of snapshot ${parsed.id}`),
    filesystem: parseFilesystemState(message.filesystem),
    ...(encryption && { encryption }),
    ...(memberOf && { memberOf: { id: memberOf.id, members: message.members } }),
    taken: readTime(message.takenMs) ?? 0,
    state: message.creating ? 'creating' : message.overfull ? 'overfull' : 'ready',
    ...(room > 0n && { room }),
  };
}

export function writeRoom(room: SnapshotRoom | undefined): string {
  return room ? printSnapshotRoom(room) : '';
}

/** Throws `invalid`. */
export function readRoom(text: string): SnapshotRoom | undefined {
  const room = parseSnapshotRoom(text);
  if (room || text === '') return room;
  throw new Failure('invalid', `"${text.slice(0, 128)}" is no room of a snapshot`);
}

/** Throws `invalid`. */
export function readSnapshotId(text: string): SnapshotId {
  const parsed = parseSnapshotId(text);
  if (parsed) return parsed.id;
  throw new Failure('invalid', `"${text.slice(0, 128)}" is no snapshot id`);
}
