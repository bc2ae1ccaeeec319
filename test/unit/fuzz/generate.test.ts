import { expect, test } from 'vitest';
import { generate } from '../../fuzz/generate.ts';
import { allMethods, fieldsOf, plan, sourceTexts } from '../../fuzz/requests.ts';
import { createRandom } from '../../storm/random.ts';

const methods = allMethods();
const planned = (seed: number, round: number) => {
  const random = createRandom(seed, round);
  return Array.from({ length: 32 }, () => plan(methods, random));
};
const text = (seed: number, round: number): string =>
  JSON.stringify(planned(seed, round).map(({ method, bytes }) => [method.path, bytes.toString('base64', 0, 1000)]));

test('the requests of a round follow from the seed and its number alone', () => {
  expect(text(7, 3)).toBe(text(7, 3));
  expect(text(7, 3)).not.toBe(text(7, 4));
  expect(text(7, 3)).not.toBe(text(8, 3));
});

test('every call of CSI, of the command line and of registration is made, and every kind of request', () => {
  const all = Array.from({ length: 150 }, (_, round) => planned(1, round)).flat();
  const paths = new Set(methods.map(({ path }) => path));
  expect(new Set(all.map(({ method }) => method.path))).toEqual(paths);
  expect(paths).toContain('/csi.v1.GroupController/CreateVolumeGroupSnapshot');
  expect(paths).toContain('/csi.v1.SnapshotMetadata/GetMetadataDelta');
  expect(paths).toContain('/quarry.admin.v1.Admin/DeleteOrphan');
  const kinds = ['bent', 'frames', 'generated', 'mutated', 'noise', 'oversized', 'valid'];
  expect([...new Set(all.map(({ kind }) => kind))].sort()).toEqual(kinds);
  expect(all.some(({ cancelAfter }) => cancelAfter !== undefined)).toBe(true);
});

test('generated messages have each field with extreme values, and some are no messages', () => {
  const create = methods.find(({ path }) => path.endsWith('/CreateVolume'));
  if (!create) throw new Error('there is no CreateVolume');
  const all = Array.from({ length: 500 }, (_, round) =>
    fieldsOf(create.request, generate(create.request, { random: createRandom(1, round), texts: sourceTexts })),
  );
  const good = all.filter((fields) => fields !== undefined);
  expect(good.length).toBeGreaterThan(100);
  expect(good.length).toBeLessThan(500);
  for (const { name } of create.request.fieldsArray) {
    expect(good.some((fields) => Object.keys(fields[name] ?? {}).length > 0)).toBe(true);
  }
  const sizes = good.map((fields) => (fields['capacityRange'] as { requiredBytes?: string } | null)?.requiredBytes);
  expect(sizes).toContain('-9223372036854775808');
  expect(sizes).toContain('9223372036854775807');
});
