import { setTimeout as wait } from 'node:timers/promises';
import * as fc from 'fast-check';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { Connection } from '../../../src/fleet/client/connection.ts';
import { backoffDelay, Dialer } from '../../../src/fleet/client/dialer.ts';
import { memoryLog } from '../grpc/harness.ts';
import { attached, controller, node } from './harness.ts';
import { GatedStorage } from './gated-storage.ts';

test('a name is resolved again and again: a controller that joins is dialled', async () => {
  const [one, two] = [await controller(), await controller()];
  let ports = [one.port];
  node(new GatedStorage('a'), [], {
    resolve: async () => ports.map((port) => ({ host: '127.0.0.1', name: 'localhost', port })),
  });
  await attached(one, 'a');
  ports = [one.port, two.port];
  await attached(two, 'a');
});

test('a controller that restarts gets its nodes back', async () => {
  const first = await controller();
  node(new GatedStorage('a'), [first.port]);
  await attached(first, 'a');
  await first.server.stop();
  await attached(await controller({ port: first.port }), 'a');
});

test('a node counts no controller whose stream has ended', async () => {
  const [one, two] = [await controller(), await controller()];
  const { client } = node(new GatedStorage('a'), [one.port, two.port]);
  await Promise.all([attached(one, 'a'), attached(two, 'a')]);
  expect(client.connected).toBe(2);
  await two.server.stop();
  await vi.waitUntil(() => client.connected === 1, 20_000);
});

test('the delay before the next dial is random within a span that grows up to a limit', () => {
  const random = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
  fc.assert(
    fc.property(fc.nat(10_000), random, (failures, at) => {
      const delay = backoffDelay(failures, () => at);
      expect(delay).toBe(at * Math.min(15_000, 500 * 2 ** failures));
      expect(delay).toBeLessThan(15_000);
    }),
  );
});

test('a controller that cannot be reached is dialled ever less often, and soon after a stream that lasted', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'], fakeNodeBuiltins: true });
  onTestFinished(() => void vi.useRealTimers());
  const [began, dials]: [number, number[]] = [performance.now(), []];
  const lasted = { left: wait(20_000, 'over') } as unknown as Connection;
  const dialer = new Dialer({
    address: { host: '127.0.0.1', name: 'localhost', port: 1 },
    log: memoryLog().log,
    random: () => 1,
    async dial() {
      dials.push(performance.now() - began);
      if (dials.length === 4) return lasted;
      throw new Error('refused');
    },
  });
  await vi.advanceTimersByTimeAsync(29_000);
  expect(dials).toEqual([0, 1000, 3000, 7000, 20_500, 21_500, 23_500, 27_500]);
  await dialer.stop();
});
