import { expect, test } from 'vitest';
import { parseQos } from '../../../src/lvm/qos.ts';

test('reads a setting in the format of a later version as unknown, and not as absent', () => {
  expect(parseQos('ri=later&+wb=later&wi=5&xx=1')).toEqual({
    limits: { writeIops: { fixed: 5n } },
    reservations: {},
    enforcement: 'report',
    unknown: { limits: ['readIops'], reservations: ['writeBandwidth'] },
  });
  expect(parseQos('wi=5&xx=1').unknown).toBeUndefined();
});
