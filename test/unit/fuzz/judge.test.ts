import { describe, expect, test } from 'vitest';
import type { Answer } from '../../fuzz/caller.ts';
import { isFar, problemOf } from '../../fuzz/judge.ts';
import { allMethods, type Planned } from '../../fuzz/requests.ts';

function call(path: string, change: Partial<Planned> = {}): Planned {
  const method = allMethods().find((one) => one.path === path);
  if (!method) throw new Error(`there is no ${path}`);
  return { kind: 'valid', method, bytes: Buffer.alloc(5), fields: {}, ...change };
}

const answer = (code: string, message = 'why'): Answer => ({ code, message, bytes: Buffer.alloc(5), http: 200 });
const list = '/csi.v1.Controller/ListVolumes';
const stage = '/csi.v1.Node/NodeStageVolume';

describe('an answer is wrong', () => {
  test.for<[string, Planned, Answer]>([
    ['that is INTERNAL', call(list), answer('INTERNAL')],
    [
      'that is UNKNOWN, also of another node',
      call('/csi.v1.Controller/DeleteVolume', { fields: { volumeId: 'evil:a' } }),
      answer('UNKNOWN'),
    ],
    ['whose code the call never has', call(list), answer('NOT_FOUND')],
    [
      'that is anything but UNIMPLEMENTED to a call that is not offered',
      call('/csi.v1.Controller/ControllerPublishVolume'),
      answer('OK'),
    ],
    ['without a text', call(list), answer('ABORTED', '')],
    ['that accepts bytes that are no message', call(list, { fields: undefined }), answer('OK')],
    ['that accepts a path with ".."', call(stage, { fields: { stagingTargetPath: '/a/../b' } }), answer('OK')],
    ['that accepts a name over the limit', call(list, { fields: { startingToken: 'x'.repeat(129) } }), answer('OK')],
    ['that accepts a call without a volume', call(stage, { fields: { volumeId: '' } }), answer('OK')],
    ['that never comes', call(list), answer('none', '')],
    ['that accepts too large a message', call(list, { kind: 'oversized', fields: undefined }), answer('OK')],
  ])('%s', ([, planned, given]) => {
    expect(problemOf(planned, given)).toContain(planned.method.path);
  });
});

test('an answer is right that the call may have, and none is needed by a caller that gave up', () => {
  expect(problemOf(call(list), answer('OK'))).toBeUndefined();
  expect(problemOf(call(list), answer('ABORTED'))).toBeUndefined();
  expect(problemOf(call(list, { fields: undefined }), answer('INVALID_ARGUMENT'))).toBeUndefined();
  expect(problemOf(call('/csi.v1.Controller/ControllerPublishVolume'), answer('UNIMPLEMENTED'))).toBeUndefined();
  expect(problemOf(call(list, { cancelAfter: 1 }), answer('none', ''))).toBeUndefined();
});

test('only what another node may be asked about is judged mildly', () => {
  const create = '/csi.v1.Controller/CreateVolume';
  const on = (node: string) => ({ accessibilityRequirements: { requisite: [{ segments: { key: node } }] } });
  expect(isFar(call(create, { fields: on('n1') }))).toBe(false);
  expect(isFar(call(create, { fields: on('evil') }))).toBe(true);
  expect(isFar(call(create, { fields: { ...on('n1'), name: 'far-1' } }))).toBe(true);
  expect(isFar(call(create))).toBe(true);
  expect(isFar(call('/csi.v1.Controller/DeleteVolume', { fields: { volumeId: 'n1:a' } }))).toBe(false);
  const orphan = '/quarry.admin.v1.Admin/DeleteOrphan';
  expect(isFar(call(orphan, { fields: { id: 'n1:a', node: 'n1' } }))).toBe(false);
  expect(isFar(call(orphan, { fields: { id: 'n1:a', node: '' } }))).toBe(true);
  expect(isFar(call(stage, { fields: { volumeId: 'evil:a' } }))).toBe(false);
});
