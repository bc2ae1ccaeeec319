import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MiB } from '../../../src/domain/bytes.ts';
import { withHeader } from '../../../src/domain/capacity.ts';
import {
  type Cipher,
  ciphers,
  encryptionFrom,
  luksHeader,
  openOptions,
  parseEncryption,
  printEncryption,
  usableSize,
} from '../../../src/domain/encryption.ts';
import { parseParameters } from '../../../src/domain/parameters.ts';

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
    fc.assert(
      fc.property(encryption, (given) => {
        expect(parseEncryption(printEncryption(given))).toEqual(given);
      }),
    );
  });

  test.each([
    'luks3/x',
    'luks2/rot13/256/4194304/',
    'luks2/aes-xts-plain64/512/1/fast',
    'luks2/aes-xts-plain64/512/1//x',
    'x',
  ])('of a newer version is unknown: %s', (record) => expect(parseEncryption(record)).toEqual({ type: 'unknown' }));
});

test('the header comes on top of the size asked for', () => {
  expect(withHeader({ required: 8n * MiB, limit: 8n * MiB }, luksHeader)).toEqual({
    required: 24n * MiB,
    limit: 24n * MiB,
  });
  expect(withHeader({ required: 0n }, luksHeader)).toEqual({ required: 1040n * MiB });
  expect(withHeader({ required: 5n }, 0n)).toEqual({ required: 5n });
  const encryption = parseEncryption('luks2/aes-xts-plain64/512/67108864/');
  if (!encryption) throw new Error('not read');
  expect(usableSize({ encryption, size: 24n * MiB })).toBe(8n * MiB);
  expect(usableSize({ size: 24n * MiB })).toBe(24n * MiB);
});
