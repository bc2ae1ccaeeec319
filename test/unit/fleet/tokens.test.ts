import { status } from '@grpc/grpc-js';
import { describe, expect, test, vi } from 'vitest';
import { Failure } from '../../../src/domain/errors.ts';
import type { NodeName } from '../../../src/domain/ids.ts';
import { type Authenticate, byToken } from '../../../src/fleet/server/identity.ts';
import { attached, authority, controller, filesOf, memberOf, serverCertificate, disconnected } from './harness.ts';
import { expectRefused, intrude } from './intruder.ts';
import { attachedPeer, hello } from './peer.ts';

describe('a token', () => {
  const tokens = new Map([
    ['of-a', 'a'],
    ['of-a-next', 'a'],
    ['of-b', 'b'],
  ]);
  let expires = Number.POSITIVE_INFINITY;
  const authenticate: Authenticate = async (token) => {
    if (token === 'unchecked') throw new Failure('unavailable', 'the API server does not answer');
    const name = tokens.get(token);
    if (name === undefined) throw new Failure('invalid', 'the token is not one of ours');
    return { node: name as NodeName, expires };
  };
  const withTokens = () => {
    const { certificate, key } = filesOf(serverCertificate(), authority.certificate);
    return controller({ files: { certificate, key }, identify: byToken(authenticate) });
  };

  test('that is missing is refused', async () => {
    const running = await withTokens();
    expect(await intrude(running.port, {}).ended).toEqual({
      code: status.UNAUTHENTICATED,
      details: 'no bearer token was sent',
    });
    await expectRefused(running, 'token');
  });

  test('that is expired, foreign or false is refused', async () => {
    const running = await withTokens();
    expect(await intrude(running.port, { token: 'foreign' }).ended).toEqual({
      code: status.UNAUTHENTICATED,
      details: 'the token is not one of ours',
    });
    await expectRefused(running, 'token');
  });

  test('that cannot be checked now is refused for now', async () => {
    const running = await withTokens();
    expect(await intrude(running.port, { token: 'unchecked' }).ended).toEqual({
      code: status.UNAVAILABLE,
      details: 'the API server does not answer',
    });
    await expectRefused(running, 'unchecked');
  });

  test('of another node is refused', async () => {
    const running = await withTokens();
    expect(await intrude(running.port, { token: 'of-b' }).ended).toMatchObject({ code: status.PERMISSION_DENIED });
    await expectRefused(running, 'identity');
  });

  test('that was copied is refused while the node that it was copied from is there', async () => {
    const running = await withTokens();
    await attachedPeer(running.port, hello, 'of-a');
    await attached(running, 'a');
    const thief = intrude(running.port, { token: 'of-a' }, { ...hello, instance: 'two' });
    expect(await thief.ended).toEqual({
      code: status.UNAUTHENTICATED,
      details: 'the token is in use by another process',
    });
    expect(running.server.refused()).toEqual(new Map([['replay', 1]]));
    expect(memberOf(running, 'a')?.connected).toBe(true);
  });

  test('that expires ends the stream, and one that is renewed does not', async () => {
    const running = await withTokens();
    expires = Date.now() + 1500;
    const peers = [await attachedPeer(running.port, hello, 'of-a')];
    peers.push(await attachedPeer(running.port, { ...hello, node: 'b' }, 'of-b'));
    await Promise.all([attached(running, 'a'), attached(running, 'b')]);
    expires = Number.POSITIVE_INFINITY;
    peers[0]?.send({ credential: { token: 'of-a-next' } });
    expect(await peers[1]?.ended).toMatchObject({ code: status.UNAUTHENTICATED });
    expect(running.server.refused()).toEqual(new Map([['expired', 1]]));
    expect(memberOf(running, 'a')?.connected).toBe(true);
  });

  test.each([
    ['of another node', 'of-b', 'identity', status.PERMISSION_DENIED],
    ['that is false', 'foreign', 'token', status.UNAUTHENTICATED],
  ] as const)('a new one %s ends the stream', async (_, token, reason, code) => {
    const running = await withTokens();
    const peer = await attachedPeer(running.port, hello, 'of-a');
    await attached(running, 'a');
    peer.send({ credential: { token } });
    expect(await peer.ended).toMatchObject({ code });
    expect(running.server.refused()).toEqual(new Map([[reason, 1]]));
    await disconnected(running, 'a');
  });

  test('that is new and cannot be checked leaves the stream as it was', async () => {
    const running = await withTokens();
    const peer = await attachedPeer(running.port, hello, 'of-a');
    await attached(running, 'a');
    peer.send({ credential: { token: 'unchecked' } });
    await vi.waitUntil(() => running.lines.some(({ message }) => message === 'a new token could not be checked'));
    expect(memberOf(running, 'a')?.connected).toBe(true);
  });
});
