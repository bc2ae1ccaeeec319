import { expect, test } from 'vitest';
import { grossSize, parseEncryption } from '../../../src/domain/encryption.ts';
import { MiB } from '../../support/driver.ts';
import { luksDeviceOf, secretsFor, usableOf, withPlainDevice } from '../../storm/encryption.ts';
import { copyStep } from '../../storm/copy-verbs.ts';
import { factsFrom, leaks, losses } from '../../storm/invariants.ts';
import { absentVolume, acknowledge, known } from '../../storm/model.ts';
import type { Observation } from '../../storm/observe.ts';
import { createRandom } from '../../storm/random.ts';
import { pathsOf, uidOf } from '../../storm/site.ts';
import { planStep, verbs } from '../../storm/verbs.ts';

const bytes = 16 * MiB;
const luks2 = parseEncryption('luks2/aes-xts-plain64/512/67108864//hmac-sha256/0');
const shape = { type: 'thin', stripes: 1, mirrors: 0, access: 'ext4', encrypted: true } as const;
const made = acknowledge(absentVolume('storm-1'), { facts: { exists: true, size: bytes, iops: 500 }, shape });
const random = createRandom(1, 1);
const seen: Observation = {
  listed: new Map([['storm-1', bytes]]),
  snapshots: new Map(),
  logicalVolumes: [
    { group: 'qstorm', name: 'storm-1', bytes: 2 * bytes, tags: ['quarry.id=node-1:storm-1', 'quarry.qos=ri=500'] },
  ],
  devices: [
    { name: 'qstorm-storm--1', number: '254:7', suspended: false },
    { name: luksDeviceOf(made), number: '254:9', suspended: false },
  ],
  mounts: [],
  limits: [],
  members: [],
  foreign: '',
  thin: new Set(),
};

test('the header of an encrypted volume is not part of its size', () => {
  expect(losses([made], seen, '')).toEqual([]);
  expect(factsFrom(made, seen)).toEqual(known(made));
  const short = { ...seen, logicalVolumes: seen.logicalVolumes.map((lv) => ({ ...lv, bytes })) };
  expect(losses([made], short, '')).toEqual(['storm-1: the size of the logical volume is 0, not 16777216']);
});

test('the device of an encrypted volume belongs to it, and is a leak without it', () => {
  expect(leaks([made], seen, [])).toEqual([]);
  const left = { ...seen, listed: new Map(), logicalVolumes: [] };
  expect(leaks([absentVolume('storm-1')], left, [])).toContain(
    `the device ${luksDeviceOf(made)} belongs to no logical volume`,
  );
});

const codedShape = { ...shape, integrity: true } as const;
const coded = acknowledge(absentVolume('storm-1'), {
  facts: { exists: true, size: bytes, iops: 500 },
  shape: codedShape,
});

test('what the codes of a volume with integrity take is not part of its size, for each size and layout', () => {
  for (let size = 8 * MiB; size <= 768 * MiB; size += 8 * MiB) {
    const gross = Number(grossSize(luks2, BigInt(size)));
    for (const step of [4 * MiB, 8 * MiB]) expect(usableOf(coded, Math.ceil(gross / step) * step)).toBe(size);
  }
});

test('the devices of a volume with integrity belong to it, also those of a first stage that was cut off', () => {
  const logicalVolumes = seen.logicalVolumes.map((lv) => ({ ...lv, bytes: 44 * MiB }));
  const names = ['', '_dif', '-new', '-new_dif'].map((end) => `${luksDeviceOf(made)}${end}`);
  const devices = names.map((name) => ({ name, number: '254:9', suspended: false }));
  const now = { ...seen, logicalVolumes, devices: [...seen.devices, ...devices] };
  expect(losses([coded], now, '')).toEqual([]);
  expect(leaks([coded], now, [])).toEqual([]);
  expect(leaks([made], now, [])).toHaveLength(3);
});

test('a volume with integrity never grows, and its copy is as large as it is', () => {
  const plan = (name: string) => {
    const verb = verbs.volume.find((one) => one.name === name) ?? never();
    return Array.from({ length: 20 }, () => planStep(verb, coded, known(coded) ?? never(), random));
  };
  const larger = plan('expand').filter((step) => step?.text !== '16 MiB');
  expect(larger.length).toBeGreaterThan(0);
  for (const step of larger)
    expect(step).toMatchObject({
      outcomes: ['FAILED_PRECONDITION'],
      says: ['encryptionIntegrity'],
      change: { facts: {} },
    });
  const frozen = { source: 'storm-1', shape: codedShape, size: bytes, regions: coded.regions };
  for (let copy = 0; copy < 20; copy += 1)
    expect(copyStep(absentVolume('storm-2'), frozen, { volume: 'a' }, random).change).toMatchObject({
      facts: { size: bytes },
      shape: { encrypted: true, integrity: true },
    });
});

test('some encrypted volumes have integrity, and the choice changes no other one', () => {
  const create = verbs.volume.find(({ name }) => name === 'create') ?? never();
  const shapes = Array.from({ length: 400 }, (_, round) => {
    const drawn = createRandom(3, round);
    const step = planStep(create, absentVolume('storm-1'), known(absentVolume('storm-1')) ?? never(), drawn);
    const same = createRandom(3, round);
    const other = planStep(create, absentVolume('storm-2'), known(absentVolume('storm-2')) ?? never(), same);
    expect(drawn.below(1_000_000)).toBe(same.below(1_000_000));
    expect({ ...other?.change.shape, integrity: undefined }).toEqual({ ...step?.change.shape, integrity: undefined });
    return step?.change.shape;
  });
  expect(shapes.some((one) => one?.integrity)).toBe(true);
  expect(shapes.some((one) => one?.encrypted && !one.integrity)).toBe(true);
  expect(shapes.some((one) => one?.integrity && !(one.encrypted && ['block', 'ext4'].includes(one.access)))).toBe(
    false,
  );
});

test('the limit of a pod is that of the device that it uses', () => {
  const published = acknowledge(made, { facts: { staged: true, published: true } });
  const { staged, target } = pathsOf(published);
  const line = (number: string) => `${number} rbps=max wbps=max riops=500 wiops=500`;
  const limits = [{ uid: uidOf('storm-1'), line: line('254:7') }];
  expect(leaks([published], { ...seen, mounts: [staged, target], limits }, [])).toContain(
    `the limit is missing: ${uidOf('storm-1')} ${line('254:9')}`,
  );
});

test('each stage gives two passphrases, in one order or the other', () => {
  const drawn = Array.from({ length: 20 }, () => secretsFor(made, random)['passphrase']);
  expect(new Set(drawn)).toEqual(new Set(['storm one', 'storm two']));
  expect(secretsFor(absentVolume('storm-2'), random)).toEqual({});
});

test('a wrong passphrase is tried on encrypted volumes with content alone', () => {
  const wrongly = verbs.volume.find(({ name }) => name === 'stage wrongly');
  const plan = (volume: typeof made) => wrongly && planStep(wrongly, volume, known(made) ?? never(), random);
  expect(plan(made)).toBeUndefined();
  const written = acknowledge(made, { facts: {}, write: { region: 0, content: 7 } });
  expect(plan(written)?.outcomes).toEqual(['UNAUTHENTICATED']);
  expect(plan({ ...written, shape: { type: 'thin', stripes: 1, mirrors: 0, access: 'ext4' } })).toBeUndefined();
});

test('the filesystem of an encrypted volume is checked in its open device', () => {
  expect(withPlainDevice(made, 'e2fsck -fn')).toContain('e2fsck -fn /dev/mapper/check-storm-1');
  expect(withPlainDevice(absentVolume('storm-2'), 'e2fsck -fn')).toContain('e2fsck -fn /dev/qstorm/storm-2');
});

function never(): never {
  throw new Error('the volume is not settled');
}
