import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { createCgroupV1 } from '../../../src/qos/cgroup-v1.ts';
import { findPodCgroups } from '../../../src/qos/pods.ts';
import { createCgroupV2 } from '../../../src/qos/cgroup-v2.ts';
import { createWatcher } from '../../../src/qos/watcher.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'quarry-cgroups-'));
  return () => rm(root, { recursive: true });
});

/** Plain files instead of the kernel's: they keep the last write. */
async function files(contents: Record<string, string>): Promise<void> {
  for (const [name, content] of Object.entries(contents)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), content);
  }
}
const visit = async () => undefined;

describe('finding the cgroups of pods', () => {
  test('finds the cgroups of both drivers, in all classes, below any root, and visits each folder before reading it', async () => {
    const paths = {
      a: 'kubepods/poda',
      b: 'kubepods/besteffort/podb',
      c: 'deep/er/kubepods/burstable/podc',
      'd-d': 'kubepods.slice/kubepods-podd_d.slice',
      'e-e': 'x.slice/x-kubepods.slice/x-kubepods-burstable.slice/x-kubepods-burstable-pode_e.slice',
    };
    for (const path of Object.values(paths)) await mkdir(join(root, path), { recursive: true });
    await mkdir(join(root, 'system.slice/kubelet.service/kubepods/podhidden'), { recursive: true });
    const visited: string[] = [];
    const found = await findPodCgroups(root, async (folder) => void visited.push(folder));
    expect(Object.fromEntries(found)).toEqual(
      Object.fromEntries(Object.entries(paths).map(([uid, path]) => [uid, join(root, path)])),
    );
    expect(visited.sort()).toEqual(
      [
        '',
        'kubepods',
        'kubepods/besteffort',
        'deep/er/kubepods',
        'deep/er/kubepods/burstable',
        'kubepods.slice',
        'x.slice/x-kubepods.slice',
        'x.slice/x-kubepods.slice/x-kubepods-burstable.slice',
      ]
        .map((folder) => join(root, folder))
        .sort(),
    );
  });

  test('finds no cgroups if there is no such folder', async () =>
    expect(await findPodCgroups(join(root, 'nowhere'), visit)).toEqual(new Map()));
});

describe('cgroup v2', () => {
  test('distinguishes a pod that is gone from a missing controller', async () => {
    await files({
      'cgroup.subtree_control': 'io memory',
      'kubepods/cgroup.subtree_control': 'io',
      'kubepods/poda/cgroup.procs': '',
    });
    const throttle = createCgroupV2(root);
    expect(await throttle.write(join(root, 'kubepods/podx'), '253:0', {})).toBe('no-pod-cgroup');
    expect(await throttle.write(join(root, 'kubepods/poda'), '253:0', {})).toBe('no-io-controller');
    expect(await throttle.read(join(root, 'kubepods/podx'))).toEqual(new Map());
  });

  test('enables the io controller only where it is missing', async () => {
    await files({
      'cgroup.subtree_control': 'cpu io',
      'kubepods/cgroup.subtree_control': 'memory',
      'kubepods/poda/x': '',
    });
    await createCgroupV2(root).write(join(root, 'kubepods/poda'), '253:0', {});
    expect(await readFile(join(root, 'cgroup.subtree_control'), 'utf8')).toBe('cpu io');
    expect(await readFile(join(root, 'kubepods/cgroup.subtree_control'), 'utf8')).toContain('+io');
  });
});

describe('cgroup v1', () => {
  const commands: Record<string, string> = { 1: 'pause', 2: 'postgres', 3: 'pause' };
  const throttle = createCgroupV1(async (pid) => commands[pid] ?? '');
  const places = async () => {
    const { limited, others } = await throttle.places(join(root, 'pod'), visit);
    const names = (paths: readonly string[]) => paths.map((path) => path.slice(root.length + 1)).sort();
    return { limited: names(limited), others: names(others) };
  };

  test('limits the leaves with processes other than that of the sandbox', async () => {
    await files({
      'pod/cgroup.procs': '',
      'pod/sandbox/cgroup.procs': '1\n',
      'pod/main/cgroup.procs': '3\n2\n',
      'pod/empty/cgroup.procs': '',
    });
    expect(await places()).toEqual({ limited: ['pod/main'], others: ['pod', 'pod/empty', 'pod/sandbox'] });
  });

  test('limits all leaves if none has processes, and the pod itself if it has no leaves', async () => {
    await files({ 'pod/cgroup.procs': '' });
    expect(await places()).toEqual({ limited: ['pod'], others: [] });
    await files({ 'pod/sandbox/cgroup.procs': '1\n', 'pod/main/deep/cgroup.procs': '' });
    expect(await places()).toEqual({ limited: ['pod/main/deep', 'pod/sandbox'], others: ['pod', 'pod/main'] });
  });
});

test('a watcher reports new folders, written limits and recreated folders, but no folder that it no longer watches', async () => {
  await mkdir(join(root, 'pod'));
  await files({ 'pod/io.max': '', 'pod/memory.events': '' });
  let told = Promise.withResolvers<void>();
  let count = 0;
  const watcher = createWatcher(() => {
    count += 1;
    told.resolve();
  });
  onTestFinished(() => watcher.close());
  const watchBoth = async () => {
    watcher.begin();
    await watcher.add(root);
    await watcher.add(join(root, 'pod'));
    watcher.sweep();
    told = Promise.withResolvers();
  };
  await watchBoth();
  await writeFile(join(root, 'pod/io.max'), 'x');
  await told.promise;
  await watchBoth();
  await mkdir(join(root, 'pod/container'));
  await told.promise;
  await rename(join(root, 'pod'), join(root, 'old'));
  await mkdir(join(root, 'pod'));
  await files({ 'pod/io.max': '' });
  await watchBoth();
  await writeFile(join(root, 'pod/io.max'), 'y');
  await told.promise;

  watcher.begin();
  await watcher.add(root);
  watcher.sweep();
  told = Promise.withResolvers();
  const before = count;
  await writeFile(join(root, 'pod/io.max'), 'z');
  await mkdir(join(root, 'last'));
  await told.promise;
  expect(count - before).toBe(1);
});
