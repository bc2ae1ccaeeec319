import { expect, test } from 'vitest';
import { parseMountinfo } from '../../../src/kernel/mountinfo.ts';
import { findHierarchy, readCgroups } from '../../../src/qos/cgroups.ts';

const mount = (target: string, filesystem: string, superOptions = 'rw') =>
  `30 24 0:26 / ${target} rw,nosuid - ${filesystem} ${filesystem} ${superOptions}`;
const find = (...lines: string[]) => findHierarchy(parseMountinfo(lines.join('\n')), '/sys/fs/cgroup');

test('finds a hierarchy of v2', () =>
  expect(find(mount('/', 'ext4'), mount('/sys/fs/cgroup', 'cgroup2'))).toEqual({
    version: 'v2',
    path: '/sys/fs/cgroup',
  }));

test('finds a hierarchy of v1', () =>
  expect(
    find(
      mount('/sys/fs/cgroup', 'tmpfs'),
      mount('/sys/fs/cgroup/cpu,cpuacct', 'cgroup', 'rw,cpu,cpuacct'),
      mount('/sys/fs/cgroup/blkio', 'cgroup', 'rw,blkio'),
    ),
  ).toEqual({ version: 'v1', path: '/sys/fs/cgroup/blkio' }));

test('finds the hierarchy with the controller on a hybrid host', () => {
  const unified = mount('/sys/fs/cgroup/unified', 'cgroup2');
  expect(find(unified, mount('/sys/fs/cgroup/blkio', 'cgroup', 'rw,blkio'))).toMatchObject({ version: 'v1' });
  expect(find(unified, mount('/sys/fs/cgroup/systemd', 'cgroup', 'rw,name=systemd'))).toEqual({
    version: 'v2',
    path: '/sys/fs/cgroup/unified',
  });
});

test('finds no hierarchy elsewhere, below another mount, or in a folder whose name begins alike', () => {
  expect(find(mount('/host/sys/fs/cgroup', 'cgroup2'), mount('/sys/fs/cgroup2', 'cgroup2'))).toBeUndefined();
  expect(find(mount('/sys/fs/cgroup', 'cgroup2'), mount('/sys/fs/cgroup', 'tmpfs'))).toBeUndefined();
});

test('finds no cgroups where none are mounted', async () => {
  expect(await readCgroups({ cgroupMount: '/none/of/them' }, async () => undefined)).toBeUndefined();
});
