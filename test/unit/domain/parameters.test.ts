import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isFailure } from '../../../src/domain/errors.ts';
import { parameterNames, parseParameters } from '../../../src/domain/parameters.ts';
import { noQos } from '../../../src/domain/qos.ts';

const unchanged = { limits: noQos.limits, reservations: noQos.reservations, enforcement: undefined };

describe('parseParameters', () => {
  it('reads every parameter', () =>
    expect(
      parseParameters({
        pool: 'fast',
        type: 'thick',
        stripes: '2',
        stripeSize: '64Ki',
        mirrors: '1',
        mkfsOptions: ' -m  1 -T news ',
        snapshotSize: '12.5%',
        erase: 'zero',
        readIops: '2k',
        qosEnforcement: 'strict',
      }),
    ).toEqual({
      pool: 'fast',
      type: 'thick',
      stripes: 2,
      stripeSize: 65_536n,
      mirrors: 1,
      mkfsOptions: ['-m', '1', '-T', 'news'],
      snapshotRoom: { percent: 12.5 },
      erase: 'zero',
      qos: { ...unchanged, limits: { readIops: { fixed: 2000n } }, enforcement: 'strict' },
    }));

  it('ignores the parameters that Kubernetes adds', () =>
    expect(parseParameters({ 'csi.storage.k8s.io/pvc/name': 'x', 'csi.storage.k8s.io/fstype': 'xfs' })).toEqual({
      mkfsOptions: [],
      qos: unchanged,
    }));

  it('names every problem, and the known keys', () => {
    const parse = () =>
      parseParameters({
        Pool: 'x',
        type: 'thinn',
        stripes: '0',
        stripeSize: '3Ki',
        snapshotSize: '101%',
        erase: 'shred',
        readIops: '0',
      });
    for (const text of [
      '"Pool" is unknown',
      'known: pool, type',
      'type "thinn"',
      'stripes "0"',
      'stripeSize "3Ki"',
      'snapshotSize "101%"',
      'erase "shred" must be one of',
      'readIops "0"',
    ]) {
      expect(parse).toThrow(text);
    }
  });

  it('accepts the destruction of keys of encrypted volumes only, thin ones too', () => {
    const erase = 'cryptographic';
    expect(() => parseParameters({ erase })).toThrow('give it with encryption luks2');
    expect(parseParameters({ erase, encryption: 'luks2', type: 'thin' })).toMatchObject({ erase });
  });

  it('returns parameters or throws a failure of kind invalid, for any input', () =>
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.oneof(fc.constantFrom(...parameterNames, '__proto__', 'constructor'), fc.string()),
          fc.string(),
        ),
        (given) => {
          try {
            parseParameters(given);
          } catch (error) {
            expect(isFailure(error, 'invalid')).toBe(true);
          }
        },
      ),
    ));
});
