import { expect, test } from 'vitest';
import type { NodeName } from '../../../src/domain/ids.ts';
import { Credential } from '../../../src/fleet/server/credential.ts';
import { quick } from './harness.ts';

const identity = { node: 'a' as NodeName, expires: 1000, token: 'digest' };

test('a token that is offered is reviewed at once, and not at the next look', async () => {
  const reviewed: unknown[] = [];
  const second = Promise.withResolvers<void>();
  const context = {
    timing: quick,
    identify: async ({ authorization }: { authorization: string }) => {
      reviewed.push(authorization);
      if (reviewed.length === 2) second.resolve();
      return identity;
    },
    now: () => 0,
    ticks: () => 0,
  };
  const peer = { certificate: undefined, address: '127.0.0.1:1' };
  const credential = new Credential({ peer, context, refuse: (reason: string) => expect.fail(reason) } as never);
  expect(await credential.begin('Bearer first')).toMatchObject({ node: 'a' });
  credential.offer('second');
  await second.promise;
  expect(reviewed).toEqual(['Bearer first', 'Bearer second']);
});

test('a token is reviewed in the second half of the time that it has left, and not only every few minutes', async () => {
  const reviewed: number[] = [];
  let ticks = 0;
  const context = {
    timing: quick,
    identify: async () => {
      reviewed.push(ticks);
      return identity;
    },
    now: () => identity.expires - 100,
    ticks: () => ticks,
  };
  const peer = { certificate: undefined, address: '127.0.0.1:1' };
  const credential = new Credential({ peer, context, refuse: (reason: string) => expect.fail(reason) } as never);
  await credential.begin('Bearer first');
  for (ticks = 1; ticks <= 100; ticks += 1) {
    credential.check();
    if (reviewed.length > 1) break;
  }
  expect(reviewed[1]).toBeGreaterThanOrEqual(50);
  expect(reviewed[1]).toBeLessThanOrEqual(100);
});
