import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { createCgroupV1 } from '../../../src/qos/cgroup-v1.ts';
import { findPodCgroups } from '../../../src/qos/pods.ts';
import { createCgroupV2 } from '../../../src/qos/cgroup-v2.ts';
import { writeCgroupFile } from '../../../src/qos/throttle.ts';
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

test('a file that the kernel lets nobody write is read-only, and one that is gone is missing', async () => {
  expect(await writeCgroupFile('/proc/sys/kernel/osrelease', 'x')).toBe('cgroup-read-only');
  expect(await writeCgroupFile(root, 'x')).toBe('write-refused');
  expect(await writeCgroupFile(join(root, 'absent'), 'x')).toBe('missing');
});

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

  test('searches three levels for the cgroup of all pods, and passes only units that hold no cgroups of others', async () => {
    await mkdir(join(root, 'a/b/c/kubepods/poddeep'), { recursive: true });
    await mkdir(join(root, 'x.service.slice/kubepods/podshown'), { recursive: true });
    expect([...(await findPodCgroups(root, visit)).keys()]).toEqual(['shown']);
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

  test('misses the controller where it cannot be enabled', async () => {
    await files({ 'kubepods/poda/x': '' });
    expect(await createCgroupV2(root).write(join(root, 'kubepods/poda'), '253:0', {})).toBe('no-io-controller');
  });

  test('says that the controller cannot be enabled because its file is read-only', async () => {
    await files({ 'kubepods/poda/cgroup.controllers': 'memory' });
    await symlink('/proc/sys/kernel/osrelease', join(root, 'cgroup.subtree_control'));
    expect(await createCgroupV2(root).write(join(root, 'kubepods/poda'), '253:0', {})).toBe('cgroup-read-only');
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

test('cgroup v2 reads and writes the files of a pod, and has no limits or use for one that is gone', async () => {
  const throttle = createCgroupV2(root);
  const pod = join(root, 'kubepods/poda');
  await files({
    'kubepods/poda/io.max': '253:0 rbps=1 wbps=max riops=max wiops=max\n',
    'kubepods/poda/io.stat': '253:0 rbytes=1 wbytes=2 rios=3 wios=4\n',
  });
  expect(await throttle.read(pod)).toEqual(new Map([['253:0', { readBandwidth: 1n }]]));
  expect(await throttle.use(pod)).toEqual(
    new Map([['253:0', { readBytes: 1n, writtenBytes: 2n, reads: 3n, writes: 4n }]]),
  );
  const visited: string[] = [];
  const places = await throttle.places(pod, async (folder) => void visited.push(folder));
  expect(places).toEqual({ limited: [pod], others: [] });
  expect(visited).toEqual([pod]);
  await files({ 'kubepods/poda/io.max': '' });
  expect(await throttle.write(pod, '253:0', { readIops: 5n })).toBeUndefined();
  expect(await readFile(join(pod, 'io.max'), 'utf8')).toContain('253:0 riops=5 ');
  expect(await throttle.use(join(root, 'kubepods/podx'))).toEqual(new Map());
});

test('a file that refuses the write is reported by both versions of cgroups', async () => {
  for (const name of ['io.max', 'blkio.throttle.read_iops_device'])
    await mkdir(join(root, 'poda', name), { recursive: true });
  const pod = join(root, 'poda');
  expect(await createCgroupV2(root).write(pod, '253:0', {})).toBe('write-refused');
  expect(await createCgroupV1().write(pod, '253:0', {})).toBe('write-refused');
});

describe('cgroup v1', () => {
  const rates = { readBandwidth: 1n, writeBandwidth: 2n, readIops: 3n, writeIops: 4n };

  test('reads and writes a file for each rate', async () => {
    const written = createCgroupV1();
    const pod = join(root, 'pod');
    await files({
      'pod/blkio.throttle.read_bps_device': '253:0 1\n8:0 9\n',
      'pod/blkio.throttle.write_bps_device': '253:0 2\n',
      'pod/blkio.throttle.read_iops_device': '253:0 3\n',
    });
    expect(await written.read(pod)).toEqual(
      new Map([
        ['253:0', { readBandwidth: 1n, writeBandwidth: 2n, readIops: 3n }],
        ['8:0', { readBandwidth: 9n }],
      ]),
    );
    expect(await written.write(pod, '253:0', rates)).toBe('no-pod-cgroup');
    for (const name of ['read_bps', 'write_bps', 'read_iops', 'write_iops'])
      await files({ [`pod/blkio.throttle.${name}_device`]: '' });
    expect(await written.write(pod, '253:0', rates)).toBeUndefined();
    expect(await written.read(pod)).toEqual(new Map([['253:0', rates]]));
  });

  test('reads the use of a pod with the cgroups below it', async () => {
    await files({
      'pod/blkio.throttle.io_service_bytes_recursive': '253:0 Read 4096\n',
      'pod/blkio.throttle.io_serviced_recursive': '253:0 Write 2\n',
    });
    const throttled = createCgroupV1();
    expect(await throttled.use(join(root, 'pod'))).toEqual(
      new Map([['253:0', { readBytes: 4096n, writtenBytes: 0n, reads: 0n, writes: 2n }]]),
    );
    expect(await throttled.use(join(root, 'gone'))).toEqual(new Map());
  });

  test('knows the process of a sandbox by the name that the kernel has for it', async () => {
    const program = join(root, 'pause');
    await copyFile('/bin/sleep', program);
    const pause = spawn(program, ['1000']);
    onTestFinished(() => void pause.kill('SIGKILL'));
    await once(pause, 'spawn');
    await files({ 'pod/sandbox/cgroup.procs': `${pause.pid}\n`, 'pod/main/cgroup.procs': `${process.pid}\n` });
    const { limited } = await createCgroupV1().places(join(root, 'pod'), visit);
    expect(limited).toEqual([join(root, 'pod/main')]);
  });

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
