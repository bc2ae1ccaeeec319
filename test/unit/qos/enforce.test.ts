import { expect, test } from 'vitest';
import type { Rates } from '../../../src/domain/qos.ts';
import { enforcePod } from '../../../src/qos/enforce.ts';
import type { Throttle } from '../../../src/qos/throttle.ts';

test('counts a write or a refusal in one cgroup of a pod for the whole pod', async () => {
  const limits = new Map<string, Map<string, Rates>>([
    ['one', new Map([['253:0', { readIops: 50n }]])],
    ['two', new Map()],
    ['other', new Map([['253:1', { readIops: 1n }]])],
  ]);
  const refused = new Set<string>();
  const throttle: Throttle = {
    places: async () => ({ limited: ['one', 'two'], others: ['other'] }),
    read: async (cgroup) => new Map(limits.get(cgroup)),
    write: async (cgroup, device, rates) => {
      if (refused.has(cgroup)) return 'write-refused';
      limits.get(cgroup)?.set(device, rates);
      return undefined;
    },
    use: async () => new Map(),
  };
  const options = { isOurs: async () => true, visit: async () => undefined };
  const enforce = async () =>
    (await enforcePod(throttle, 'pod', new Map([['253:0', { readIops: 100n }]]), options)).devices;
  expect((await enforce()).get('253:0')).toEqual({ inForce: { readIops: 100n }, reason: undefined, wrote: true });
  expect(limits.get('other')?.get('253:1')).toEqual({});
  expect((await enforce()).get('253:0')).toMatchObject({ wrote: false });
  limits.get('two')?.clear();
  refused.add('two');
  expect((await enforce()).get('253:0')).toEqual({ inForce: {}, reason: 'write-refused', wrote: true });
});
