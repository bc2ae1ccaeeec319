import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { MiB } from '../../../src/domain/bytes.ts';
import { Failure } from '../../../src/domain/errors.ts';
import type { NodeName, VolumeId } from '../../../src/domain/ids.ts';
import { defaultLayout } from '../../../src/domain/pool.ts';
import { noQos } from '../../../src/domain/qos.ts';
import type { VolumeSpec } from '../../../src/domain/volume.ts';
import { type Authenticate, byToken } from '../../../src/fleet/server/identity.ts';
import { emptyPool, MemoryStorage, thickSpec } from '../../support/memory-storage.ts';
import {
  attached,
  authority,
  controller,
  filesOf,
  memberOf,
  never,
  node,
  serverCertificate,
  disconnected,
} from './harness.ts';
import { attachedPeer, hello, type Peer } from './peer.ts';
import { protocol } from './report.ts';

// The rows of docs/explanation/trust.md, "What is stolen", that no other file shows.

const fast = thickSpec('fast');
const wish: VolumeSpec = {
  name: 'pvc-1',
  pool: fast.name,
  layout: defaultLayout(fast, 'thick'),
  size: { required: MiB },
  mkfsOptions: [],
  qos: noQos,
};

describe('with the token of a node', () => {
  /** The API server's answer to a review. */
  let verdict: 'good' | 'refused' | 'unknown';
  beforeEach(() => (verdict = 'good'));
  const authenticate: Authenticate = async (token) => {
    if (verdict === 'unknown') throw new Failure('unavailable', 'the API server does not answer');
    if (verdict === 'refused') throw new Failure('invalid', 'the token is refused: its pod is gone');
    const named = token.replace('of-', '') as NodeName;
    return { node: named, expires: Number.POSITIVE_INFINITY, podUid: `pod-${named}` };
  };
  const begin = async (reviewEvery: number) => {
    const { certificate, key } = filesOf(serverCertificate(), authority.certificate);
    const running = await controller({ files: { certificate, key }, identify: byToken(authenticate), reviewEvery });
    const peer = await attachedPeer(running.port, { ...hello, instance: 'thief' }, 'of-a');
    await attached(running, 'a');
    return { running, peer };
  };
  const refused = { code: status.UNAUTHENTICATED, details: 'the token is refused: its pod is gone' };

  test('one is that node while it is away, for as long as its pod is there', async () => {
    const { running, peer } = await begin(300_000);
    const another = await attachedPeer(running.port, { ...hello, node: 'b', instance: 'b' }, 'of-b');
    verdict = 'refused';
    running.server.podGone('pod-b');
    // The controller looks at all streams in one turn, the older first.
    expect(await another.ended).toEqual(refused);
    expect(memberOf(running, 'a')?.connected).toBe(true);
    running.server.podGone('pod-a');
    expect(await peer.ended).toEqual(refused);
    await disconnected(running, 'a');
    expect(running.server.refused()).toEqual(new Map([['token', 2]]));
  });

  test('one is cut off by the next review, also where the deletion of the pod was not seen', async () => {
    const { peer } = await begin(200);
    verdict = 'refused';
    expect(await peer.ended).toEqual(refused);
  });

  test('one stays connected while the API server does not answer, and is reviewed again', async () => {
    const { running, peer } = await begin(200);
    verdict = 'unknown';
    const failed = 'a token could not be checked again';
    await vi.waitUntil(() => running.lines.filter(({ message }) => message === failed).length >= 2, 20_000);
    expect(memberOf(running, 'a')?.connected).toBe(true);
    verdict = 'refused';
    expect(await peer.ended).toEqual(refused);
  });
});

describe('with a node', () => {
  /** Answers the next call with that. */
  async function answering(peer: Peer, answer: object): Promise<void> {
    const { id, method } = await peer.until('call');
    peer.send({
      reply: { id, payload: protocol.volumes.find(({ path }) => path === method)?.writeResponse(answer) ?? '' },
    });
  }
  const volume = { id: 'a:pvc-1', name: 'pvc-1', pool: 'fast', group: 'vg', lv: 'pvc-1', layout: { thin: {} } };

  test('one can answer that a volume of that node was deleted which was not', async () => {
    const running = await controller();
    const peer = await attachedPeer(running.port);
    const member = await attached(running, 'a');
    const removed = member.storage.remove('a:pvc-1' as VolumeId, never);
    await answering(peer, {});
    await removed;
  });

  test('one cannot answer with bytes that are no answer: the node is set apart with the reason, and the others are served', async () => {
    const running = await controller();
    const other = new MemoryStorage('b', [emptyPool(fast, 1024n * MiB)]);
    node(other, [running.port]);
    const peer = await attachedPeer(running.port);
    const [member, healthy] = [await attached(running, 'a'), await attached(running, 'b')];
    const failed = expect(member.storage.create(wish, never)).rejects.toMatchObject({ kind: 'unavailable' });
    const { id } = await peer.until('call');
    peer.send({ reply: { id, payload: Buffer.from([0x0a, 0xff, 0xff]) } });
    await failed;
    const reason = 'the answer is not a well-formed CreateResponse';
    expect(await peer.ended).toEqual({ code: status.INVALID_ARGUMENT, details: reason });
    await disconnected(running, 'a');
    expect(memberOf(running, 'a')?.apart).toBe(reason);
    expect(running.server.refused()).toEqual(new Map([['malformed', 1]]));
    expect(await healthy.storage.create(wish, never)).toMatchObject({ node: 'b' });
    expect(memberOf(running, 'b')).toMatchObject({ connected: true, apart: undefined });
  });

  test('one cannot answer with the volume of another node', async () => {
    const running = await controller();
    const peer = await attachedPeer(running.port);
    const member = await attached(running, 'a');
    const created = member.storage.create(wish, never);
    const failed = expect(created).rejects.toMatchObject({ kind: 'unavailable' });
    await answering(peer, { volume: { ...volume, id: 'b:pvc-1' } });
    await failed;
    expect(await peer.ended).toMatchObject({ code: status.INVALID_ARGUMENT });
  });
});

describe('with a node', () => {
  test('one cannot answer for a volume with another one', async () => {
    const running = await controller();
    const peer = await attachedPeer(running.port);
    const member = await attached(running, 'a');
    const found = expect(member.storage.find('a:pvc-2' as VolumeId, never)).rejects.toMatchObject({
      kind: 'unavailable',
    });
    const { id } = await peer.until('call');
    const other = { id: 'a:pvc-1', name: 'pvc-1', pool: 'fast', group: 'vg', lv: 'pvc-1', layout: { thin: {} } };
    const find = protocol.volumes.find(({ key }) => key === 'find');
    peer.send({ reply: { id, payload: find?.writeResponse({ volume: other }) ?? '' } });
    await found;
    expect(await peer.ended).toMatchObject({ code: status.INVALID_ARGUMENT });
  });
});

describe('with a controller', () => {
  test('one can create and delete volumes of every node, and no volume that is in use', async () => {
    const running = await controller();
    const storage = new MemoryStorage('a', [emptyPool(fast, 1024n * MiB)]);
    node(storage, [running.port]);
    const member = await attached(running, 'a');
    const { id } = await member.storage.create(wish, never);
    // As the storage over LVM does: test/unit/lvm/storage.test.ts.
    storage.interrupt = async (operation) => {
      if (operation === 'remove') throw new Failure('precondition', 'it is mounted');
    };
    await expect(member.storage.remove(id, never)).rejects.toMatchObject({ kind: 'precondition' });
    storage.interrupt = async () => undefined;
    await member.storage.remove(id, never);
    expect(storage.volumes.size).toBe(0);
  });

  test('one has no command that reads or writes data, mounts, or starts a program', () => {
    const names = protocol.volumes.map(({ key }) => key);
    expect(names.toSorted()).toEqual(['create', 'expand', 'find', 'modify', 'record', 'remove', 'retain']);
    const services = readdirSync(join(import.meta.dirname, '../../../proto/node')).flatMap((file) => {
      const proto = readFileSync(join(import.meta.dirname, '../../../proto/node', file), 'utf8');
      return [...proto.matchAll(/^service (\w+)/gm)].map(([, name]) => name);
    });
    expect(new Set(services)).toEqual(new Set(['Snapshots', 'Volumes']));
    const ofSnapshots = protocol.snapshots.map(({ key }) => key);
    expect(ofSnapshots.toSorted()).toEqual([
      'findGroupSnapshot',
      'findSnapshot',
      'listBlocks',
      'removeGroupSnapshot',
      'removeSnapshot',
      'takeGroupSnapshot',
      'takeSnapshot',
    ]);
    const text = readFileSync(join(import.meta.dirname, '../../../proto/fleet.proto'), 'utf8');
    const [, messages = ''] = /message ToNode \{\s*oneof message \{([^}]*)\}/.exec(text) ?? [];
    expect([...messages.matchAll(/^ *(\w+) \w+ = \d+;$/gm)].map(([, name]) => name)).toEqual([
      'Welcome',
      'Pong',
      'Call',
      'Credit',
      'Cancel',
    ]);
  });
});
