import { expect, test } from 'vitest';
import { decode, encode, loadProto } from '../../../src/grpc/load.ts';

const type = loadProto().lookupType('csi.v1.ListVolumesResponse');

const page = (count: number) => ({
  entries: Array.from({ length: count }, (_, index) => ({
    volume: { volumeId: `n:v${index}`, capacityBytes: String(2n ** 53n + BigInt(index)) },
  })),
  nextToken: '1.next',
});

test.each([0, 1, 31, 32, 33, 64, 65, 500])('a list of %i entries is the same message as encoded at once', (count) => {
  const message = page(count);
  const whole = Buffer.from(type.encode(type.fromObject(message)).finish());
  const bytes = encode(type, message);
  expect(bytes.length).toBe(whole.length);
  expect(decode(type, bytes)).toEqual(decode(type, whole));
});

test('refuses an entry of another shape, wherever it is in a long list', () => {
  const { entries } = page(200);
  expect(() => encode(type, { entries: [...entries, 'no entry'] })).toThrow(TypeError);
});
