import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { backoffDelay } from '../../../src/fleet/client/dialer.ts';
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
