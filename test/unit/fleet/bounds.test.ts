import { describe, expect, test } from 'vitest';
import type { NodeName } from '../../../src/domain/ids.ts';
import { offerOf } from '../../../src/domain/offer.ts';
import { NodeInventory } from '../../../src/fleet/server/node-inventory.ts';
import { readAge, readDelay, readTime } from '../../../src/fleet/wire/bounds.ts';
import { readPool } from '../../../src/fleet/wire/pools.ts';
import { readSpec, readVolume } from '../../../src/fleet/wire/volumes.ts';
import { protocol } from './report.ts';
import type { PoolInit } from '../../../src/gen/quarry/node/v1/Pool.ts';
import type { VolumeInit } from '../../../src/gen/quarry/node/v1/Volume.ts';

const tooMany = String(2n ** 63n);

function reported(message: PoolInit) {
  const pool: PoolInit = { name: 'fast', group: 'vg', stripes: 1, extentSize: '4194304', ...message };
  const { payload } = protocol.records.write('pool', 'fast', pool);
  return () => [readPool(protocol.records.read('pool', payload as Buffer))];
}

function volume(message: VolumeInit) {
  const whole = { id: 'a:pvc-1', name: 'pvc-1', pool: 'fast', group: 'vg', lv: 'pvc-1', layout: { thin: {} } };
  const { payload } = protocol.records.write('volume', 'a:pvc-1', { ...whole, ...message });
  return () => [readVolume(protocol.records.read('volume', payload as Buffer), 'a' as NodeName)];
}

describe('a figure that a node reports', () => {
  test.each<[string, PoolInit]>([
    ['stripes', { stripes: 129 }],
    ['mirrors', { mirrors: 10 }],
    ['the size of an extent', { extentSize: tooMany }],
    ['the size of a group', { size: tooMany }],
    ['free bytes', { free: tooMany }],
    ['free bytes of a disk', { deviceFree: ['1', tooMany] }],
    ['metadata', { metadataSize: tooMany }],
    ['free metadata', { metadataFree: tooMany }],
    ['a reserve', { reserve: tooMany }],
    ['a stripe size', { stripeSize: tooMany }],
    ['over-provisioning', { thinSpec: { overprovision: 1e300, share: 95, refuseAt: 95 } }],
    ['the size of a thin pool', { thinPool: { size: tooMany } }],
    ['the promised size of a thin pool', { thinPool: { promised: tooMany } }],
    ['a percentage', { thinPool: { dataPercent: 1e300 } }],
    ['a negative percentage', { thinPool: { metadataPercent: -1 } }],
    ['a budget', { budget: { rates: { readIops: tooMany } } }],
    ['the reservable share', { budget: { reservable: 4_294_967_295 } }],
  ])('refuses %s beyond what any node has', (_, message) => {
    expect(reported(message)).toThrow(expect.objectContaining({ kind: 'invalid' }));
  });

  test.each<[string, VolumeInit]>([
    ['size', { size: tooMany }],
    ['stripes', { layout: { thick: { stripes: 4_294_967_295 } } }],
    ['limit', { qos: { limits: { readIops: { fixed: tooMany } } } }],
    ['reservation for each GiB', { qos: { reservations: { readIops: { perGib: { rate: tooMany } } } } }],
  ])('refuses a %s of a volume that none can have', (_, message) => {
    expect(volume(message)).toThrow(expect.objectContaining({ kind: 'invalid' }));
  });

  test('can be added up at its largest', () => {
    const most = String(2n ** 63n - 1n);
    const [pool] =
      reported({
        size: most,
        free: most,
        deviceFree: [most, most],
        metadataSize: most,
        metadataFree: most,
        thinSpec: { overprovision: 1000, share: 100, refuseAt: 100 },
        thinPool: { size: most },
      })() ?? [];
    const pools = new Map([['fast' as never, pool as NonNullable<typeof pool>]]);
    const inventory = {
      pools,
      volumes: new Map(),
      snapshots: new Map(),
      given: new Map(),
      unready: new Map(),
      health: new Map(),
      reportedAt: 0,
      defaultPool: undefined,
    };
    const offer = offerOf(inventory, { pool: 'fast' as never, mkfsOptions: [], qos: { limits: {}, reservations: {} } });
    expect(offer).toMatchObject({ room: expect.any(BigInt) });
  });
});

test('what a node says to be wrong with a pool is cut to 1024 characters', () => {
  const [longest, cut] = ['x'.repeat(1025), 'x'.repeat(1024)];
  const thinPool = { size: '1', problem: longest };
  const [pool] = reported({ thinPool, encryptionProblem: longest, integrityProblem: longest })();
  expect(pool).toMatchObject({ thin: { problem: cut }, encryptionProblem: cut, integrityProblem: cut });
});

describe('a time from a peer', () => {
  const forever = String(2n ** 64n - 1n);

  test('is cut to what a timer holds, which would fire at once otherwise', () => {
    expect(readDelay(forever)).toBe(2_147_483_647);
    expect(readDelay(5, 100)).toBe(100);
  });

  test('is cut to what a date holds', () => {
    expect(readTime(forever)).toBeUndefined();
    expect(readTime('1000')).toBe(1000);
    expect(new Date(readAge(forever, 5000)).getTime()).toBe(0);
    expect(readAge('1000', 5000)).toBe(4000);
  });

  test('is left out of a volume where no date can hold it', () => {
    expect(volume({ createdMs: forever })()).toEqual([expect.not.objectContaining({ created: expect.anything() })]);
  });
});

test.each<[string, object]>([
  ['volume', { id: 'a:pvc-1', name: 'pvc-1', pool: 'fast', group: 'vg', lv: 'pvc-1', layout: { thin: {} } }],
  ['pool', { name: 'fast', group: 'vg', stripes: 1, extentSize: '4194304' }],
])('refuses the record of a %s under the key of another', (kind, message) => {
  const { write } = protocol.records;
  const apply = (key: string): void => {
    const record = write(kind as 'volume', key, message) as { kind: string; key: string; payload: Buffer };
    const records = { full: true, more: false, ageMs: '0', records: [record], removed: [] };
    new NodeInventory('a' as NodeName, protocol.records).apply(records, 0);
  };
  expect(() => apply(kind === 'volume' ? 'a:pvc-1' : 'fast')).not.toThrow();
  expect(() => apply(kind === 'volume' ? 'a:pvc-2' : 'slow')).toThrow(expect.objectContaining({ kind: 'invalid' }));
});

test.for([{ name: 'x'.repeat(129) }, { name: 'é'.repeat(65) }, { mkfsOptions: ['x'.repeat(4096)] }])(
  'a node refuses to make a volume whose report its controllers would refuse: %#',
  (change) => {
    const spec = { name: 'x'.repeat(128), pool: 'fast', layout: { thin: {} }, mkfsOptions: ['-O', 'quota'] };
    const create = protocol.volumes.find(({ key }) => key === 'create');
    const asked = (given: object) => {
      const read = create?.readRequest(create.writeRequest({ spec: given })) as {
        spec: Parameters<typeof readSpec>[0];
      };
      return () => readSpec(read.spec);
    };
    expect(asked(spec)).not.toThrow();
    expect(asked({ ...spec, ...change })).toThrow(expect.objectContaining({ kind: 'invalid' }));
  },
);
