import { beforeEach, describe, expect, test } from 'vitest';
import { createLuksLayer } from '../../../src/block/luks/layer.ts';
import { createStack } from '../../../src/block/stack.ts';
import { createQueue } from '../../../src/concurrency/queue.ts';
import type { Encryption } from '../../../src/domain/encryption.ts';
import type { Volume } from '../../../src/domain/volume.ts';
import { volumeWith } from '../domain/reserved.ts';
import { failure } from '../node/calls.ts';
import { FakeDevices } from './fake-devices.ts';
import { FakeLuks, type Header } from './fake-luks.ts';

const { signal } = new AbortController();
const encryption: Encryption = {
  type: 'luks2',
  cipher: 'aes-xts-plain64',
  keySize: 512,
  memory: 64n * 1024n * 1024n,
  options: [],
};
const bottom = '/dev/mapper/vg-a';
const MiB = 1024n ** 2n;

let devices: FakeDevices;
let luks: FakeLuks;
let volume: Volume;
let size: bigint;
let changes: string[];
let death: { step: number; when: 'before' | 'after' } | undefined;

function change<T>(what: string, effect: () => T): T {
  changes.push(what);
  const dies = death?.step === changes.length;
  if (dies && death?.when === 'before') throw new Error(`died before ${what}`);
  const result = effect();
  if (dies) throw new Error(`died after ${what}`);
  return result;
}

/** A disk that nothing was written to. */
function useBlankDisk(): void {
  devices = new FakeDevices();
  devices.add(bottom, () => size);
  luks = new FakeLuks(devices, change);
}

beforeEach(() => {
  size = 64n * MiB;
  useBlankDisk();
  volume = { ...volumeWith('a', {}), encryption, headerless: true };
  changes = [];
  death = undefined;
});

/** A process that has just started. */
function started() {
  const layer = createLuksLayer({
    cryptsetup: luks,
    probe: luks.probe,
    writeAll: luks.writeAll,
    recordHeader: async () =>
      change('record', () => {
        const { headerless: _, ...made } = volume;
        volume = made;
      }),
    recordRotation: async () => change('record rotation', () => void (volume = { ...volume, rotated: 1 })),
    queue: createQueue(),
    kernel: devices,
  });
  const volumes = {
    activate: async () => ({ volume, device: bottom }),
    mustFind: async () => volume,
    deviceOf: () => bottom,
  };
  return createStack({ volumes, layers: [layer], kernel: devices });
}

const secret = { passphrase: 'one' };
const both = { passphrase: 'two', previousPassphrase: 'one' };
const open = (secrets: Record<string, string> = secret) => started().open(volume.id, secrets, signal);
const keys = () => {
  const header = luks.headers.get(bottom);
  if (!header || 'other' in header) return [];
  const { dead = [], marks = [] } = header.slots ?? {};
  return [...header.keys, ...[...dead, ...marks].map((left) => `left: ${String(left)}`)];
};
/** Of the device, when the disk below has 128 MiB. */
async function sizeAfterGrowth(device: string): Promise<bigint> {
  size = 128n * MiB;
  await started().resize(volume.id, signal);
  return devices.deviceSize(device);
}
/** What the kernel and LVM show. */
const state = () => {
  const { headerless, rotated } = volume;
  return structuredClone({ paths: devices.paths(), keys: keys(), headerless, rotated });
};

test('makes a header on a blank device once, opens it with less than its size, and grows with it', async () => {
  const { device } = await open();
  expect(changes).toEqual(['begin format', 'format', 'record', 'open']);
  expect(await devices.deviceSize(device)).toBe(48n * MiB);
  await open();
  expect(changes).toHaveLength(4);
  expect(await sizeAfterGrowth(device)).toBe(112n * MiB);
  await started().close(volume.id);
  expect(devices.paths()).toEqual([bottom]);
  await open();
  expect(changes.filter((what) => what === 'format')).toHaveLength(1);
});

test.each([
  ['a stage', 1, secret],
  ['a stage that exchanges passphrases', 2, both],
])('%s goes on after a death before or after any change', async (_what, count, last) => {
  const prepare = async () => {
    if (count > 1) {
      await open();
      await started().close(volume.id);
    }
    changes = [];
  };
  await prepare();
  await open(last);
  const [steps, wanted] = [changes.length, state()];
  for (let step = 1; step <= steps; step++) {
    for (const when of ['before', 'after'] as const) {
      useBlankDisk();
      const { rotated: _, ...unrotated } = volume;
      volume = { ...unrotated, headerless: true };
      await prepare();
      death = { step, when };
      await expect(open(last)).rejects.toThrow('died');
      death = undefined;
      if (count > 1) expect(keys().filter((key) => key === 'one' || key === 'two')).not.toEqual([]);
      if (volume.rotated !== undefined) expect(keys()).toEqual(['two']);
      changes = [];
      await open(last);
      expect(state(), `${when} change ${step}`).toEqual(wanted);
    }
  }
});

describe('a volume with integrity', () => {
  const coded = { ...encryption, integrity: 'hmac-sha256', usable: 32n * MiB } as const;
  beforeEach(() => {
    volume = { ...volume, encryption: coded };
  });
  const top = async () => (await open()).device;

  test('is written whole before its header is recorded, and opened with its journal only then', async () => {
    const device = await top();
    const first = ['begin format', 'format', 'open codes', 'open', 'write all', 'close', 'close codes', 'record'];
    expect(changes).toEqual([...first, 'open codes', 'open']);
    expect(await top()).toBe(device);
    expect(changes).toHaveLength(10);
    expect(await sizeAfterGrowth(device)).toBe(48n * MiB);
    await started().close(volume.id);
    expect(devices.paths()).toEqual([bottom]);
  });

  test.each(['stage', 'unstage'] as const)(
    'is not handed out before it is written, and the %s after a death at any change closes what is left',
    async (next) => {
      await open();
      const [steps, wanted] = [changes.length, state()];
      for (let step = 1; step <= steps; step++) {
        for (const when of ['before', 'after'] as const) {
          useBlankDisk();
          volume = { ...volume, headerless: true };
          changes = [];
          death = { step, when };
          await expect(open()).rejects.toThrow('died');
          death = undefined;
          if (next === 'unstage') await started().close(volume.id);
          if (next === 'unstage') expect(devices.paths(), `${when} change ${step}`).toEqual([bottom]);
          if (!volume.headerless) expect([...luks.written]).toEqual([bottom]);
          await open();
          expect(state(), `${when} change ${step}`).toEqual(wanted);
          expect([...luks.written]).toEqual([bottom]);
        }
      }
    },
  );

  test('is not handed out with less than its user was promised', async () => {
    volume = { ...volume, encryption: { ...coded, usable: 49n * MiB } };
    expect(await failure('unavailable', open())).toContain('fewer than its user was promised');
    expect(devices.paths()).toEqual([bottom]);
    expect(volume.headerless).toBe(true);
  });
});

describe('refuses', () => {
  const foreign: [string, Header, string][] = [
    ['a filesystem', { other: 'ext4' }, 'holds ext4'],
    ['the header of somebody else', { uuid: 'theirs', keys: new Set(['x']) }, 'holds crypto_LUKS'],
  ];
  test.each(foreign)('to encrypt over %s', async (_what, header, text) => {
    luks.headers.set(bottom, header);
    expect(await failure('precondition', open())).toContain(text);
    expect(changes).toEqual([]);
  });

  test('to make a second header on a volume that has lost its own', async () => {
    await open();
    await started().close(volume.id);
    luks.headers.clear();
    changes = [];
    await failure('unavailable', open());
    expect(changes).toEqual([]);
  });

  test('a wrong passphrase, a wrong pair and a missing passphrase, and changes nothing', async () => {
    await open();
    await started().close(volume.id);
    changes = [];
    expect(await failure('bad-secret', open({ passphrase: 'x' }))).toContain('does not open volume');
    const pair = { passphrase: 'x', previousPassphrase: 'y' };
    expect(await failure('bad-secret', open(pair))).toContain('neither passphrase');
    expect(await failure('bad-secret', open({ other: 'one' }))).toContain('node-stage-secret-name');
    expect(await failure('bad-secret', open({ passphrase: 'x'.repeat(5000) }))).toContain('longer than 4096 bytes');
    expect(changes).toEqual([]);
    expect(keys()).toEqual(['one']);
  });

  test('a volume that a newer version encrypted', async () => {
    volume = { ...volume, encryption: { type: 'unknown' } };
    expect(await failure('unimplemented', open())).toContain('newer version');
  });
});

test('keeps a passphrase that is given as both, and those that an administrator added', async () => {
  await open({ passphrase: 'one', previousPassphrase: 'one' });
  await started().close(volume.id);
  expect(keys()).toEqual(['one']);
  const header = luks.headers.get(bottom);
  if (header && 'keys' in header) header.keys.add('recovery');
  await open(both);
  expect(keys()).toEqual(['recovery', 'two']);
});

test('leaves a key slot alone that neither passphrase opens and no mark names', async () => {
  await open();
  await started().close(volume.id);
  const slots = { dead: new Set(['dead']), marks: new Map<string, string>() };
  luks.headers.set(bottom, { ...luks.headers.get(bottom), uuid: 'ours', keys: new Set(['one']), slots });
  await open(both);
  expect(keys()).toEqual(['two', 'left: dead']);
  expect(volume.rotated).toBeDefined();
});

describe('an inline volume', () => {
  beforeEach(() => {
    volume = { ...volume, role: 'inline' };
  });

  test('has a random key each time, without a Secret', async () => {
    await open({});
    const [key = ''] = keys();
    expect(Buffer.from(key, 'base64')).toHaveLength(32);
    await started().close(volume.id);
    luks.headers.clear();
    volume = { ...volume, headerless: true };
    await open(secret);
    expect(keys()).toHaveLength(1);
    expect([key, secret.passphrase]).not.toContain(keys()[0]);
  });

  test('is not opened again', async () => {
    await open({});
    await open({});
    await started().close(volume.id);
    expect(await failure('precondition', open({}))).toContain('is gone');
    expect(changes).toEqual(['begin format', 'format', 'record', 'open', 'close']);
  });
});
