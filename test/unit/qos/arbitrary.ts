import fc from 'fast-check';
import { rateKeys, type Rates } from '../../../src/domain/qos.ts';

const rate = fc.option(fc.bigInt({ min: 1n, max: 2n ** 31n }), { nil: undefined });

/** Rates that the kernel can have: 1 or more, absent for no limit. */
export const anyRates: fc.Arbitrary<Rates> = fc
  .tuple(rate, rate, rate, rate)
  .map((values) =>
    Object.fromEntries(rateKeys.flatMap((key, index) => (values[index] === undefined ? [] : [[key, values[index]]]))),
  );

export const anyDevice = fc.tuple(fc.nat(4095), fc.nat(1048575)).map(([major, minor]) => `${major}:${minor}`);
