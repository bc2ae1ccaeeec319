import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Luks2, openOptions } from '../../../src/domain/encryption.ts';
import type { LvName, NodeName, PoolName, SnapshotId, VgName, VolumeId } from '../../../src/domain/ids.ts';
import type { Pool, PoolSpec } from '../../../src/domain/pool.ts';
import { reservableRates } from '../../../src/domain/reservations.ts';
import { applyChange, noQos, type QosChange, type Rate, type RateKey, rateKeys } from '../../../src/domain/qos.ts';
import type { ContentSource } from '../../../src/domain/snapshot.ts';
import { filesystemTypes, knownLayout, type Layout, type Volume, type VolumeSpec } from '../../../src/domain/volume.ts';
import type { FromNodeInit } from '../../../src/gen/quarry/fleet/v1/FromNode.ts';
import type { Pool as PoolMessage, PoolInit } from '../../../src/gen/quarry/node/v1/Pool.ts';
import type { Volume as VolumeMessage, VolumeInit } from '../../../src/gen/quarry/node/v1/Volume.ts';
import { readFailure } from '../../../src/fleet/wire/failures.ts';
import { readPool, writePool } from '../../../src/fleet/wire/pools.ts';
import { protocol, requestOf, callOf } from './report.ts';
import { readQosChange, writeQosChange } from '../../../src/fleet/wire/qos.ts';
import { readSpec, readVolume, writeSpec, writeVolume } from '../../../src/fleet/wire/volumes.ts';

const up = (message: FromNodeInit) => protocol.fromNode(protocol.writeFromNode(message));
const sent = (volume: VolumeInit): VolumeMessage =>
  protocol.records.read('volume', protocol.records.write('volume', '', volume).payload as Buffer);
const sentPool = (given: PoolInit): PoolMessage =>
  protocol.records.read('pool', protocol.records.write('pool', '', given).payload as Buffer);
const asked = (key: string, request: object) => {
  const { call } = protocol.toNode(protocol.writeToNode(callOf('1', key, request)));
  return requestOf(call?.method ?? '', call?.payload ?? Buffer.alloc(0)) as never as {
    spec: Parameters<typeof readSpec>[0];
    change: Parameters<typeof readQosChange>[0];
  };
};

const bytes = fc.bigInt(0n, 2n ** 63n - 1n);
const rate: fc.Arbitrary<Rate> = fc.oneof(
  fc.record({ fixed: bytes }),
  fc.record({ perGiB: bytes, least: bytes, most: bytes }, { requiredKeys: ['perGiB'] }),
);
const settings = <T>(value: fc.Arbitrary<T>) =>
  fc.record(Object.fromEntries(rateKeys.map((key) => [key, value])) as Record<RateKey, fc.Arbitrary<T>>, {
    requiredKeys: [],
  });
const enforcement = fc.constantFrom('strict' as const, 'report' as const);
const qos = fc.record({ limits: settings(rate), reservations: settings(rate), enforcement });
const unknownLimit = { limits: {}, reservations: {}, enforcement: 'report' as const };
const count = fc.integer({ min: 1, max: 128 });
const layout: fc.Arbitrary<Layout> = fc.oneof(
  fc.constant({ type: 'thin' as const }),
  fc.record({ type: fc.constant('thick' as const), stripes: count, stripeSize: bytes, mirrors: fc.nat(9) }),
);
const range = fc.record({ required: bytes, limit: bytes }, { requiredKeys: ['required'] });
const text = fc.string({ unit: 'binary', maxLength: 30 }).map((value) => value.toWellFormed());
const group = fc.constantFrom('vg' as VgName, 'quarry-fast' as VgName);
const poolName = fc.constantFrom('fast' as PoolName, 'bulk' as PoolName);
const snapshotRoom = fc.constantFrom({ percent: 12.5 }, { bytes: 5n });
const erase = fc.constantFrom('discard' as const, 'cryptographic' as const, 'zero' as const);
const encryption: fc.Arbitrary<Luks2> = fc.record({
  type: fc.constant('luks2' as const),
  cipher: fc.constantFrom('aes-xts-plain64' as const, 'xchacha20,aes-adiantum-plain64' as const),
  keySize: fc.constantFrom(256, 512),
  memory: fc.bigInt(0n, 2n ** 30n),
  options: fc.subarray([...openOptions]),
});
const spec: fc.Arbitrary<VolumeSpec> = fc.record(
  {
    name: text,
    pool: poolName,
    layout,
    size: range,
    mkfsOptions: fc.array(text),
    qos,
    snapshotRoom,
    encryption,
    erase,
    source: fc.constantFrom<ContentSource>({ snapshot: 'a:snap-1' as SnapshotId }, { volume: 'a:pvc-2' as VolumeId }),
  },
  { requiredKeys: ['name', 'pool', 'layout', 'size', 'mkfsOptions', 'qos'] },
);
const named = ['id', 'node', 'name', 'pool', 'group', 'lv'] as const;
const volume: fc.Arbitrary<Volume> = fc.record(
  {
    id: fc.constant('a:pvc-1' as VolumeId),
    node: fc.constant('a' as NodeName),
    name: text,
    pool: poolName,
    group,
    lv: fc.constant('pvc-1' as LvName),
    size: bytes,
    layout,
    filesystem: fc.constantFrom('none' as const, 'unknown' as const, ...filesystemTypes),
    mkfsOptions: fc.array(text),
    qos,
    state: fc.constantFrom('ready' as const, 'creating' as const),
    created: fc.nat(),
    rotated: fc.nat(),
    retained: fc.constant(true as const),
    erase,
    encryption: fc.oneof(encryption, fc.constant({ type: 'unknown' as const })),
  },
  {
    requiredKeys: [...named, 'size', 'layout', 'filesystem', 'mkfsOptions', 'qos', 'state'],
  },
);
const figure = fc.double({ min: 0, max: 1000, noNaN: true });
const common = { name: poolName, group, stripes: count, stripeSize: bytes, mirrors: fc.nat(9), reserve: bytes };
const budget = fc.record({ rates: settings(bytes), reservable: count, unreserved: settings(bytes) });
const poolSpec: fc.Arbitrary<PoolSpec> = fc.oneof(
  fc.record(
    { ...common, approve: fc.constant('manual' as const), type: fc.constant('thick' as const), budget },
    { requiredKeys: ['name', 'group', 'stripes', 'stripeSize', 'mirrors', 'reserve', 'approve', 'type'] },
  ),
  fc.record({
    ...common,
    approve: fc.constant('manual' as const),
    type: fc.constant('thin' as const),
    thin: fc.record({ share: count, overprovision: figure, refuseAt: count }),
  }),
);
const pool: fc.Arbitrary<Pool> = fc.record(
  {
    spec: poolSpec,
    extentSize: fc.bigInt(1n, 2n ** 63n - 1n),
    size: bytes,
    free: bytes,
    deviceFree: fc.array(bytes),
    metadata: fc.record({ size: bytes, free: bytes }),
    thin: fc.record(
      {
        size: bytes,
        promised: bytes,
        dataPercent: figure,
        metadataPercent: figure,
        problem: fc.string({ minLength: 1, maxLength: 64 }),
      },
      { requiredKeys: ['size', 'promised', 'dataPercent', 'metadataPercent'] },
    ),
    encryptionProblem: fc.string({ minLength: 1, maxLength: 64 }),
    integrityProblem: fc.string({ minLength: 1, maxLength: 64 }),
  },
  { requiredKeys: ['spec', 'extentSize', 'size', 'free', 'deviceFree', 'metadata'] },
);

describe('a codec returns unchanged', () => {
  test('a volume', () => {
    fc.assert(
      fc.property(volume, (given) => {
        expect(readVolume(sent(writeVolume(given)), given.node)).toEqual(given);
      }),
    );
  });

  test('the specification of a volume', () => {
    fc.assert(
      fc.property(spec, (given) => {
        const request = asked('create', { spec: writeSpec(given) });
        expect(readSpec(request.spec)).toEqual(given);
      }),
    );
  });

  test('a pool', () => {
    fc.assert(
      fc.property(pool, (given) => {
        expect(readPool(sentPool(writePool(given)))).toEqual(given);
      }),
    );
  });

  test('a change of limits, in which absent, cleared and set differ', () => {
    const change: fc.Arbitrary<QosChange> = fc.record(
      {
        limits: settings(fc.oneof(rate, fc.constant('max' as const))),
        reservations: settings(fc.oneof(rate, fc.constant('none' as const))),
        enforcement,
      },
      { requiredKeys: ['limits', 'reservations'] },
    );
    fc.assert(
      fc.property(change, (given) => {
        const request = asked('modify', { volume: 'a:x', change: writeQosChange(given) });
        expect(readQosChange(request.change)).toEqual(given);
      }),
    );
  });
});

describe('a value that only a newer peer knows', () => {
  test('as the kind of a failure leaves the outcome unknown', () => {
    const { reply } = up({ reply: { id: '1', error: { kind: 99 as never, message: 'new' } } });
    expect(reply?.error && readFailure(reply.error, 'a')).toMatchObject({
      kind: 'unavailable',
      message: 'node a: new',
    });
  });

  test('as a filesystem makes a volume that is not blank', () => {
    const [given] = fc.sample(volume, 1);
    const message = sent({ ...writeVolume(given as Volume), filesystem: 'zfs' });
    expect(message && readVolume(message, 'a' as NodeName).filesystem).toBe('unknown');
  });

  test('as a layout makes a volume that is listed and left alone', () => {
    const [given] = fc.sample(volume, 1);
    const message = sent({ ...writeVolume(given as Volume), layout: {} });
    const read = message && readVolume(message, 'a' as NodeName);
    expect(read?.layout).toEqual({ type: 'unknown' });
    expect(() => knownLayout(read)).toThrow(expect.objectContaining({ kind: 'unimplemented' }));
  });

  test('as a reservation leaves nothing of that rate to be reserved', () => {
    const [given] = fc.sample(volume, 1);
    const half = { reservations: { readIops: {}, writeIops: { fixed: '100' } } };
    const message = sent({ ...writeVolume(given as Volume), qos: half });
    const read = message && readVolume(message, 'a' as NodeName);
    expect(read?.qos).toMatchObject({
      unknown: { limits: [], reservations: ['readIops'] },
      reservations: { writeIops: { fixed: 100n } },
    });
    const rates = { readIops: 1000n, writeIops: 1000n };
    const budgeted = { name: read?.pool, budget: { rates, reservable: 100, unreserved: {} } };
    expect(reservableRates({ spec: budgeted } as Pool, read ? [read] : [])).toEqual({ readIops: 0n, writeIops: 900n });
  });

  test('as a limit is an unknown limit, not the absence of one', () => {
    const [given] = fc.sample(volume, 1);
    const half = { limits: { readIops: {} } };
    const message = sent({ ...writeVolume(given as Volume), qos: half });
    const read = message && readVolume(message, 'a' as NodeName).qos;
    const carried = { ...unknownLimit, unknown: { limits: ['readIops'], reservations: [] } };
    expect(read).toEqual(carried);
    // It stays unknown over the wire again, and through a change of another rate.
    const again = sent(writeVolume({ ...(given as Volume), qos: read ?? noQos }));
    expect(readVolume(again, 'a' as NodeName).qos).toEqual(carried);
    const change = (limits: QosChange['limits']) => applyChange(read ?? noQos, { limits, reservations: {} });
    expect(change({ writeIops: { fixed: 5n } }).unknown).toEqual(carried.unknown);
    expect(change({ readIops: { fixed: 5n } })).toEqual({ ...unknownLimit, limits: { readIops: { fixed: 5n } } });
  });

  test('as a limit does not change the reservation of the volume', () => {
    const [given] = fc.sample(volume, 1);
    const reserved = { readIops: { fixed: '300' } };
    const left = (limits: object): unknown => {
      const settingsOf = { limits, reservations: reserved };
      const message = sent({ ...writeVolume(given as Volume), qos: settingsOf });
      const read = message && readVolume(message, 'a' as NodeName);
      const declared = { rates: { readIops: 1000n }, reservable: 100, unreserved: {} };
      return reservableRates({ spec: { name: read?.pool, budget: declared } } as Pool, read ? [read] : []);
    };
    expect(left({ readIops: { fixed: '200' } })).toEqual({ readIops: 800n });
    expect(left({ readIops: {} })).toEqual({ readIops: 700n });
  });

  test.each([
    ['a layout', { layout: {} }],
    ['a limit', { layout: { thin: {} }, qos: { limits: { readIops: {} } } }],
  ])('that asks for %s this node does not know is refused, and nothing is made', (_, part) => {
    const request = asked('create', { spec: { name: 'x', pool: 'fast', ...part } });
    expect(() => readSpec(request.spec)).toThrow(expect.objectContaining({ kind: 'unimplemented' }));
  });

  test('in a change of a limit changes nothing', () => {
    const request = asked('modify', { volume: 'a:x', change: { reservations: { writeIops: {} } } });
    expect(() => readQosChange(request.change)).toThrow(expect.objectContaining({ kind: 'unimplemented' }));
  });
});
