import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { stateOfPodFolder } from '../../../src/mount/pod-folders.ts';
import { failure } from '../node/calls.ts';
import { folderOfTest } from '../../support/folder-of-test.ts';

let pods: string;
let target: string;
beforeEach(() => {
  pods = join(folderOfTest(), 'pods');
  target = join(pods, 'u-1/volumes/kubernetes.io~csi/scratch/mount');
});

test('is present while kubelet has the folder, with or without the target', async () => {
  mkdirSync(dirname(target), { recursive: true });
  expect(await stateOfPodFolder(target)).toBe('present');
  mkdirSync(target);
  expect(await stateOfPodFolder(target)).toBe('present');
});

test('is gone if kubelet has folders of other pods only', async () => {
  mkdirSync(join(pods, 'u-2'), { recursive: true });
  expect(await stateOfPodFolder(target)).toBe('gone');
  mkdirSync(dirname(dirname(target)), { recursive: true });
  expect(await stateOfPodFolder(target)).toBe('gone');
});

test('is unknown without the folder of pods, with an empty one, and if it cannot be read', async () => {
  expect(await failure('unavailable', stateOfPodFolder(target))).toContain('could not be examined');
  mkdirSync(pods, { recursive: true });
  expect(await failure('unavailable', stateOfPodFolder(target))).toContain('has no pod');
  rmSync(pods, { recursive: true });
  writeFileSync(pods, '');
  expect(await failure('unavailable', stateOfPodFolder(target))).toContain('could not be examined');
  await failure('unavailable', stateOfPodFolder('/tmp/elsewhere'));
});
