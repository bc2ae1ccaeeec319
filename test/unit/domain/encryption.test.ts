import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MiB } from '../../../src/domain/bytes.ts';
import { withOverhead } from '../../../src/domain/capacity.ts';
import {
  type Cipher,
  ciphers,
  encryptionFor,
  encryptionFrom,
  grossSize,
  netSize,
  openOptions,
  parseEncryption,
  printEncryption,
  usableSize,
} from '../../../src/domain/encryption.ts';
import { parseParameters } from '../../../src/domain/parameters.ts';

const integrity = 'hmac-sha256';
const text = (parameters: Record<string, string>) => {
  const encryption = encryptionFrom(parseParameters(parameters));
  return encryption && printEncryption(encryption);
};

test('a class without encryption has none; one with it has the defaults, or what it says', () => {
  expect(text({})).toBeUndefined();
  expect(text({ encryption: 'luks2' })).toBe('luks2/aes-xts-plain64/512/67108864/');
  const more = {
    encryptionCipher: 'xchacha20,aes-adiantum-plain64',
    encryptionMemory: '8Mi',
    encryptionOptions: 'no-write-workqueue  discard',
  };
  expect(text({ encryption: 'luks2', ...more })).toBe(
    'luks2/xchacha20,aes-adiantum-plain64/256/8388608/discard+no-write-workqueue',
  );
});

test.each([
  [{ encryption: 'luks1' }, 'encryption "luks1" must be luks2'],
  [{ encryption: 'luks2', encryptionCipher: 'rot13' }, 'encryptionCipher "rot13" is unknown; known: aes-xts-plain64'],
  [{ encryption: 'luks2', encryptionKeySize: '128' }, 'encryptionKeySize "128" must be a whole number from 256'],
  [{ encryption: 'luks2', encryptionKeySize: '300' }, 'a key of aes-xts-plain64 has 512 or 256 bits'],
  [{ encryption: 'luks2', encryptionMemory: '2Gi' }, 'encryptionMemory "2Gi" must be from 4Mi to 1Gi'],
  [{ encryption: 'luks2', encryptionOptions: 'discard fast' }, 'unknown or twice; known: discard no-read-workqueue'],
  [
    { encryption: 'luks2', encryptionIntegrity: 'crc32c' },
    'encryptionIntegrity "crc32c" is unknown; known: hmac-sha256',
  ],
  [
    { encryption: 'luks2', encryptionIntegrity: 'hmac-sha256', encryptionOptions: 'discard' },
    'encryptionOptions "discard": give it without encryptionIntegrity',
  ],
  [{ encryptionIntegrity: 'hmac-sha256' }, 'encryptionIntegrity: give these with encryption luks2'],
  [{ encryptionMemory: '8Mi' }, 'encryptionMemory: give these with encryption luks2'],
])('%j is refused with the reason', (parameters, reason) => {
  expect(() => parseParameters(parameters)).toThrow(reason);
});

describe('the record of an encryption', () => {
  test('is read as it was written', () => {
    const names = Object.keys(ciphers) as Cipher[];
    const encryption = fc.record({
      type: fc.constant('luks2' as const),
      cipher: fc.constantFrom(...names),
      keySize: fc.constantFrom(256, 512),
      memory: fc.bigInt(0n, 2n ** 30n),
      options: fc.subarray([...openOptions]),
    });
    const code = fc.constantFrom({}, { integrity }, { integrity, usable: 33_554_432n });
    fc.assert(
      fc.property(encryption, code, (given, more) => {
        expect(parseEncryption(printEncryption({ ...given, ...more }))).toEqual({ ...given, ...more });
      }),
    );
  });

  test.each([
    'luks3/x',
    'luks2/rot13/256/4194304/',
    'luks2/aes-xts-plain64/512/1/fast',
    'luks2/aes-xts-plain64/512/1//x',
    'luks2/aes-xts-plain64/512/1//hmac-sha256/x',
    'luks2/aes-xts-plain64/512/1//hmac-sha256/1/x',
    'x',
  ])('of a newer version is unknown: %s', (record) => expect(parseEncryption(record)).toEqual({ type: 'unknown' }));
});

test('the header comes on top of the size asked for', () => {
  const encryption = parseEncryption('luks2/aes-xts-plain64/512/67108864/');
  if (!encryption) throw new Error('not read');
  expect(withOverhead({ required: 8n * MiB, limit: 8n * MiB }, encryption)).toEqual({
    required: 24n * MiB,
    limit: 24n * MiB,
  });
  expect(withOverhead({ required: 0n }, encryption)).toEqual({ required: 1040n * MiB });
  expect(withOverhead({ required: 5n }, undefined)).toEqual({ required: 5n });
  expect(usableSize({ encryption, size: 24n * MiB })).toBe(8n * MiB);
  expect(usableSize({ size: 24n * MiB })).toBe(24n * MiB);
});

describe('a volume with integrity', () => {
  const encryption = encryptionFrom(parseParameters({ encryption: 'luks2', encryptionIntegrity: integrity }));
  if (!encryption) throw new Error('not read');
  const size = fc.bigInt(1n, 2n ** 60n);

  test('gets what was asked for, whatever its logical volume has', () => {
    const volume = { encryption: encryptionFor(encryption, { required: 5n * MiB, limit: 5n * MiB }), size: 96n * MiB };
    expect(usableSize(volume)).toBe(5n * MiB);
    expect(withOverhead({ required: 5n * MiB, limit: 5n * MiB }, encryption)).toEqual({
      required: grossSize(encryption, 5n * MiB),
    });
  });

  test('has room for its header, a code of 32 bytes for each 4096, and a journal', () => {
    fc.assert(
      fc.property(size, (usable) => {
        const codes = usable / 128n;
        const journal = codes < 64n * MiB ? codes : 64n * MiB;
        expect(grossSize(encryption, usable) - usable - 16n * MiB).toBeGreaterThan(codes + journal);
      }),
    );
  });

  test('is as large as its logical volume allows', () => {
    fc.assert(
      fc.property(size, (usable) => {
        const found = netSize(encryption, grossSize(encryption, usable));
        expect(found >= usable && found <= usable + 2n).toBe(true);
      }),
    );
    expect(netSize(encryption, 8n * MiB)).toBe(0n);
  });
});
