import { describe, expect, test } from 'vitest';
import {
  hasForgottenSpare,
  problemsOfNext,
  problemsOfRecovery,
  problemsOfRepeat,
  type Seen,
} from '../../replay/judge.ts';

const before: Seen = {
  facts: ['qmain 4 free', 'qmain kept'],
  thinDevices: [1],
  thinVolumes: [1],
  thinDeletions: [],
  suspended: [],
  contents: { kept: 'sum' },
};
const after: Seen = { ...before, facts: [...before.facts, 'qmain new'], thinDevices: [1, 2], thinVolumes: [1, 2] };
const references = { before, after };

describe('the state after a cut', () => {
  test('may be the one before the operation, or the one after it', () => {
    expect(problemsOfRecovery(references, before, false)).toEqual([]);
    expect(problemsOfRecovery(references, after, false)).toEqual([]);
  });

  test('must be the one after it if the operation was answered', () => {
    expect(problemsOfRecovery(references, after, true)).toEqual([]);
    expect(problemsOfRecovery(references, before, true)).toEqual([
      'compared with the state after the operation, missing: qmain new',
    ]);
  });

  test('is not a third one', () => {
    const leaked = { ...before, facts: [...before.facts, 'qmain new_rmeta_0'] };
    expect(problemsOfRecovery(references, leaked, false)).toEqual([
      'compared with the state before the operation, unexpected: qmain new_rmeta_0',
    ]);
  });

  test('may be one between them, where an operation has such a one', () => {
    const half = { ...after, facts: [...before.facts, 'qmain half'] };
    const inSteps = { ...references, between: [half.facts] };
    expect(problemsOfRecovery(inSteps, half, false)).toEqual([]);
    expect(problemsOfRecovery(references, half, false)).not.toEqual([]);
    expect(problemsOfRecovery(inSteps, half, true)).not.toEqual([]);
    expect(problemsOfRepeat(inSteps, half)).not.toEqual([]);
  });

  test('has the devices of the thin pool that nobody knew before', () => {
    const filled = { before: { ...before, thinDevices: [1, 7] }, after: { ...after, thinDevices: [1, 2, 7] } };
    expect(problemsOfRecovery(filled, filled.after, false)).toEqual([]);
    expect(problemsOfRecovery(filled, { ...filled.before, thinDevices: [1, 7, 8] }, false)).toEqual([
      'the thin pool has the device 8, which belongs to no volume',
    ]);
  });

  test.each([
    [{ thinDevices: [1, 2] }, 'the thin pool has the device 2, which belongs to no volume'],
    [{ thinDevices: [] }, 'the thin pool lacks the device 1 of a volume'],
    [{ suspended: ['qmain-kept'] }, 'the device qmain-kept is suspended'],
    [{ contents: { kept: 'other' } }, 'the content of kept is wrong'],
    [{ contents: {} }, 'the content of kept is wrong'],
  ])('has no leftovers and the content of the other volumes: %o', (change, problem) => {
    expect(problemsOfRecovery(references, { ...before, ...change }, false)).toEqual([problem]);
  });
});

test('a volume that the operation makes has its content as soon as it is there', () => {
  const copied = { before, after: { ...after, contents: { kept: 'sum', new: 'copy' } } };
  expect(problemsOfRecovery(copied, before, false)).toEqual([]);
  expect(problemsOfRecovery(copied, { ...after, contents: { kept: 'sum', new: 'half' } }, false)).toEqual([
    'the content of new is wrong',
  ]);
});

test('a device that LVM has yet to delete is not leaked', () => {
  expect(problemsOfRecovery(references, { ...before, thinDevices: [1, 2], thinDeletions: [2] }, false)).toEqual([]);
});

test('the repeated call leads to the state after the operation', () => {
  expect(problemsOfRepeat(references, after)).toEqual([]);
  expect(problemsOfRepeat(references, { ...after, thinDevices: [1, 2, 3] })).toEqual([
    'the thin pool has the device 3, which belongs to no volume',
  ]);
  expect(problemsOfRepeat(references, before)).toEqual([
    'compared with the state after the operation, missing: qmain new',
  ]);
});

test('the spare of a pool that LVM forgot is known by its name and by its lack of tags', () => {
  const seen = (fact: string): Seen => ({ ...before, facts: [fact] });
  expect(hasForgottenSpare(seen('qlate lvol0 4194304 -wi-a----- '))).toBe(true);
  expect(hasForgottenSpare(seen('qlate [lvol0_pmspare] 4194304 ewi------- '))).toBe(false);
  expect(hasForgottenSpare(seen('qlate lvol0 4194304 -wi-a----- quarry.role=volume'))).toBe(false);
});

test('after further changes the removed volume is gone, the new one is there, and the thin pool has the devices of both accordingly', () => {
  const changes = { removed: 'n:old', made: 'n:next' };
  const seen = { ...after, facts: ['listed n:next 8', 'qmain kept'] };
  expect(problemsOfNext(references, seen, changes)).toEqual([]);
  expect(problemsOfNext(references, { ...seen, facts: ['listed n:old 8'] }, changes)).toEqual([
    'n:old is still there after its deletion',
    'n:next is not there after its creation',
  ]);
  expect(problemsOfNext(references, { ...seen, thinDevices: [1, 2, 3] }, changes)).toEqual([
    'the thin pool has the device 3, which belongs to no volume',
  ]);
});
