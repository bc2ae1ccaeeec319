import { expect, test } from 'vitest';
import type { NodeName } from '../../../src/domain/ids.ts';
import { createAuthenticator } from '../../../src/kubernetes/authenticate.ts';
import type { ApiServer, Review } from '../../support/api-server.ts';
import { startApiServer } from './harness.ts';

const audience = 'lvm.quarry.csi';
const noon = Date.parse('2026-11-21T12:00:00Z');

const tokenOf = (claims: object): string =>
  ['{"alg":"RS256"}', JSON.stringify(claims), 'signature']
    .map((part) => Buffer.from(part).toString('base64url'))
    .join('.');
const good = tokenOf({ exp: noon / 1000 + 3600 });

const vouched = {
  authenticated: true,
  audiences: [audience],
  user: {
    username: 'system:serviceaccount:quarry:quarry-node',
    extra: {
      'authentication.kubernetes.io/node-name': ['Node-1'],
      'authentication.kubernetes.io/node-uid': ['n-uid'],
      'authentication.kubernetes.io/pod-uid': ['p-uid'],
    },
  },
};

async function begin(review: Review, now: () => number = () => noon) {
  const { server, api } = await startApiServer();
  server.review = review;
  server.clock = () => noon;
  const nodeName = (name: string) => name.toLowerCase() as NodeName;
  const serviceAccount = 'quarry:quarry-node';
  return { server, ...createAuthenticator({ api, audience, serviceAccount, nodeName, now, holds: 10_000 }) };
}

const asked = (server: ApiServer): number => server.requests.filter((line) => line.startsWith('POST')).length;

test('reviews a token for our audience, and takes its node, its pod and its expiry from the review', async () => {
  const { authenticate } = await begin((token, audiences) => {
    expect([token, audiences]).toEqual([good, [audience]]);
    return vouched;
  });
  const expires = noon + 3_600_000;
  expect(await authenticate(good)).toEqual({ node: 'node-1', nodeUid: 'n-uid', podUid: 'p-uid', expires });
});

test.each([
  ['not known', { authenticated: false, error: 'token has expired' }, /token has expired/],
  ['unknown, without a reason', {}, /does not know it/],
  ['for another audience', { ...vouched, audiences: ['https://kubernetes.default.svc'] }, /not for lvm.quarry.csi/],
  ['checked by a server without audiences', { ...vouched, audiences: null }, /not for/],
  [
    'of another ServiceAccount',
    { ...vouched, user: { ...vouched.user, username: 'system:serviceaccount:x:quarry-node' } },
    /x:quarry-node/,
  ],
  ['of a user', { ...vouched, user: { ...vouched.user, username: 'quarry:quarry-node' } }, /belongs to quarry/],
  [
    'bound to no node',
    { ...vouched, user: { ...vouched.user, extra: { 'authentication.kubernetes.io/pod-uid': ['p'] } } },
    /not bound/,
  ],
  [
    'bound to a node and no pod',
    { ...vouched, user: { ...vouched.user, extra: { 'authentication.kubernetes.io/node-name': ['node-1'] } } },
    /not bound to a pod/,
  ],
  ['bound to nothing', { ...vouched, user: { ...vouched.user, extra: null } }, /not bound/],
])('refuses a token that is %s, and asks about it again', async (_what, review, message) => {
  const { server, authenticate } = await begin(() => review);
  for (const times of [1, 2]) {
    await expect(authenticate(good)).rejects.toMatchObject({
      kind: 'invalid',
      message: expect.stringMatching(message),
    });
    expect(asked(server)).toBe(times);
  }
});

test.each([
  ['no JSON', 'a.b.c'],
  ['too few parts', good.slice(0, good.lastIndexOf('.'))],
  ['too many parts', `${good}.more`],
  ['no expiry', tokenOf({})],
  ['an expiry that is not a number', tokenOf({ exp: 'never' })],
])('refuses a token with %s without asking, and does not quote it', async (_what, token) => {
  const { server, authenticate } = await begin(() => vouched);
  const failure: unknown = await authenticate(token).catch((error: unknown) => error);
  expect(failure).toMatchObject({ kind: 'invalid' });
  expect((failure as Error).message).not.toContain(token);
  expect(server.requests).toEqual([]);
});

test('caches an accepted token for a while, and never beyond its expiry', async () => {
  let now = noon;
  const { server, authenticate } = await begin(
    () => vouched,
    () => now,
  );
  const brief = tokenOf({ exp: noon / 1000 + 4 });
  await authenticate(good);
  await authenticate(brief);
  now += 3999;
  await authenticate(good);
  await authenticate(brief);
  expect(asked(server)).toBe(2);
  now += 1;
  await authenticate(brief);
  expect(asked(server)).toBe(3);
  now += 6000;
  await authenticate(good);
  expect(asked(server)).toBe(4);
});

test('reviews a token again when its pod is deleted', async () => {
  const { server, authenticate, podGone } = await begin(() => vouched);
  await authenticate(good);
  podGone('another');
  await authenticate(good);
  expect(asked(server)).toBe(1);
  podGone('p-uid');
  server.review = () => undefined;
  await expect(authenticate(good)).rejects.toMatchObject({ kind: 'invalid' });
});

test("an hour's difference of the clocks changes nothing", async () => {
  const hour = 3_600_000;
  for (const skew of [-hour, hour]) {
    const { authenticate } = await begin(
      () => vouched,
      () => noon + skew,
    );
    expect((await authenticate(good)).expires).toBe(noon + skew + hour);
  }
});

test('is unavailable if the API server cannot review the token', async () => {
  const { server, authenticate } = await begin(() => vouched);
  server.failing = 403;
  await expect(authenticate(good)).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringMatching(/403 told to fail/),
  });
  server.failing = undefined;
  await server.down();
  await expect(authenticate(good)).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringMatching(/does not answer/),
  });
  await server.up();
  expect((await authenticate(good)).node).toBe('node-1');
});

test('a caller that cancels gets its own reason', async () => {
  const { authenticate } = await begin(() => vouched);
  const reason = new Error('enough');
  await expect(authenticate(good, AbortSignal.abort(reason))).rejects.toBe(reason);
});
