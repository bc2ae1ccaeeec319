import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GiB, MiB } from '../../../src/domain/bytes.ts';
import { isFailure } from '../../../src/domain/errors.ts';
import {
  applyChange,
  mergeChanges,
  mostRate,
  noQos,
  type QosChange,
  type Rate,
  rateKeys,
  ratesFor,
  reservedName,
} from '../../../src/domain/qos.ts';
import { parseQosChange, parseRate, qosParameterNames } from '../../../src/domain/qos-parameters.ts';

const nothing: QosChange = { limits: {}, reservations: {}, enforcement: undefined };

function problemOf(parameters: Record<string, string>): string {
  try {
    parseQosChange(parameters);
    return '';
  } catch (error) {
    if (!isFailure(error, 'invalid')) throw error;
    return error.message;
  }
}

describe('a change', () => {
  it('is empty for parameters of others', () =>
    expect(parseQosChange({ 'csi.storage.k8s.io/pvc/name': 'x' })).toEqual(nothing));

  it('reads quantities, rates per GiB with bounds, and the words that remove a setting', () =>
    expect(
      parseQosChange({
        readIops: '500',
        writeIops: 'max',
        readBandwidth: '1.5G',
        writeBandwidthPerGiB: '1Mi',
        writeBandwidthMin: '10Mi',
        writeBandwidthMax: '100Mi',
        reservedReadIops: '200',
        reservedWriteIops: 'none',
        reservedReadBandwidthPerGiB: '1k',
        qosEnforcement: 'strict',
      }),
    ).toEqual({
      limits: {
        readIops: { fixed: 500n },
        writeIops: 'max',
        readBandwidth: { fixed: 1_500_000_000n },
        writeBandwidth: { perGiB: MiB, least: 10n * MiB, most: 100n * MiB },
      },
      reservations: { readIops: { fixed: 200n }, writeIops: 'none', readBandwidth: { perGiB: 1000n } },
      enforcement: 'strict',
    }));

  it.each([
    [{ readIops: '0' }, 'readIops "0" must be a whole number from 1 to 1P, such as 500, 2k or 100Mi, or max'],
    [{ readIops: 'none' }, 'readIops "none" must be'],
    [{ reservedReadIops: 'max' }, 'or none'],
    [{ readIopsPerGiB: 'max' }, 'readIopsPerGiB "max" must be a whole number from 1 to 1P, such as 500, 2k or 100Mi'],
    [{ readIops: '1.5' }, 'readIops "1.5" must be'],
    [{ readIops: '2P' }, 'readIops "2P" must be'],
    [{ readIops: '5', readIopsPerGiB: '1' }, 'readIops and readIopsPerGiB contradict each other: give one of them'],
    [{ readIopsMin: '5' }, 'readIopsMin bounds readIopsPerGiB: give both, or leave readIopsMin out'],
    [{ readIopsPerGiB: '1', readIopsMin: '5', readIopsMax: '4' }, 'readIopsMin 5 is more than readIopsMax 4'],
    [
      { reservedReadIops: '5', readIops: '4' },
      'reservedReadIops 5 is more than readIops 4: lower it or raise the limit',
    ],
    [{ qosEnforcement: 'on' }, 'qosEnforcement "on" must be strict or report'],
    [{ pool: 'fast' }, 'parameter "pool" cannot be changed; these can: readIops, '],
    [{ readiops: '5' }, 'parameter "readiops" cannot be changed'],
  ])('refuses %o', (parameters: Record<string, string>, expected) => {
    expect(problemOf(parameters)).toContain(expected);
  });

  it('overrides a class, each setting by itself', () => {
    const read = (parameters: Record<string, string>) => parseQosChange(parameters);
    const earlier = read({ readIopsPerGiB: '5', readIopsMax: '9', writeIops: '7', qosEnforcement: 'strict' });
    const merged = mergeChanges(earlier, read({ readIops: '3', reservedWriteIops: '1' }));
    expect(applyChange(noQos, merged)).toEqual({
      limits: { readIops: { fixed: 3n }, writeIops: { fixed: 7n } },
      reservations: { writeIops: { fixed: 1n } },
      enforcement: 'strict',
    });
    expect(applyChange(applyChange(noQos, merged), read({ readIops: 'max', reservedWriteIops: 'none' }))).toEqual({
      limits: { writeIops: { fixed: 7n } },
      reservations: {},
      enforcement: 'strict',
    });
  });
});

it('a rate per GiB follows the size within its bounds, and stays a rate', () => {
  const rates = (rate: Rate, size: bigint) => ratesFor({ readIops: rate }, size).readIops;
  expect(rates({ perGiB: 10n }, (5n * GiB) / 2n)).toBe(25n);
  expect(rates({ perGiB: 10n, least: 100n, most: 200n }, GiB)).toBe(100n);
  expect(rates({ perGiB: 10n, least: 100n, most: 200n }, 50n * GiB)).toBe(200n);
  expect(rates({ perGiB: 1n }, MiB)).toBe(1n);
  expect(rates({ perGiB: mostRate }, 100n * GiB)).toBe(mostRate);
});

const rate = fc.bigInt(1n, mostRate);
const setting: fc.Arbitrary<Rate> = fc.oneof(
  fc.record({ fixed: rate }),
  fc
    .record({ perGiB: rate, least: fc.option(rate, { nil: undefined }), most: fc.option(rate, { nil: undefined }) })
    .filter(({ least, most }) => least === undefined || most === undefined || least <= most),
);
const settingsOf = <Word extends string>(word: Word) =>
  fc.record(
    Object.fromEntries(rateKeys.map((key) => [key, fc.oneof(setting, fc.constant(word))])) as Record<
      (typeof rateKeys)[number],
      fc.Arbitrary<Rate | Word>
    >,
    { requiredKeys: [] },
  );

function print({ limits, reservations, enforcement }: QosChange): Record<string, string> {
  const parameters: Record<string, string> = enforcement ? { qosEnforcement: enforcement } : {};
  const put = (name: string, value: Rate | string) => {
    if (typeof value === 'string') parameters[name] = value;
    else if ('fixed' in value) parameters[name] = String(value.fixed);
    else {
      parameters[`${name}PerGiB`] = String(value.perGiB);
      if (value.least !== undefined) parameters[`${name}Min`] = String(value.least);
      if (value.most !== undefined) parameters[`${name}Max`] = String(value.most);
    }
  };
  for (const key of rateKeys) {
    if (limits[key] !== undefined) put(key, limits[key]);
    if (reservations[key] !== undefined) put(reservedName(key), reservations[key]);
  }
  return parameters;
}

describe('for any parameters', () => {
  it('a written change is read back equal', () =>
    fc.assert(
      fc.property(
        settingsOf('max'),
        settingsOf('none'),
        fc.constantFrom('strict' as const, 'report' as const, undefined),
        (limits, reservations, enforcement) => {
          const change = { limits, reservations, enforcement };
          const problem = problemOf(print(change));
          if (problem === '') expect(parseQosChange(print(change))).toEqual(change);
          // Only this conflict is possible between settings that are valid by themselves.
          else expect(problem).toMatch(/^mutable_parameters: (?:reserved\w+ \d+ is more than \w+ \d+: [^;]+(?:; )?)+$/);
        },
      ),
    ));

  const names = fc.oneof(fc.constantFrom(...qosParameterNames, 'pool', '__proto__', 'constructor'), fc.string());
  const texts = fc.oneof(
    fc.constantFrom('max', 'none', 'strict', '500', '2k', '100Mi', '0', '1.5', '-1', '1e3', '0x10', ' 5', '9P'),
    fc.string(),
  );

  it('returns a change, or a failure that names every wrong parameter', () =>
    fc.assert(
      fc.property(fc.dictionary(names, texts), (parameters) => {
        const problem = problemOf(parameters);
        for (const [name, text] of Object.entries(parameters)) {
          if (name.startsWith('csi.storage.k8s.io/')) continue;
          const known = qosParameterNames.includes(name);
          const words = name === 'qosEnforcement' ? ['strict', 'report'] : [];
          if (/Iops$|Bandwidth$/.test(name)) words.push(name.startsWith('reserved') ? 'none' : 'max');
          const right = known && (words.includes(text) || (name !== 'qosEnforcement' && parseRate(text) !== undefined));
          if (!right)
            expect(problem).toContain(known ? `${name} "${text}" must be` : `parameter "${name}" cannot be changed`);
        }
      }),
      { numRuns: 500 },
    ));
});
