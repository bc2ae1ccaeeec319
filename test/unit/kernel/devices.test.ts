import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { devicesAbove, devicesBelow } from '../../../src/kernel/block-device.ts';

let sys: string;
beforeEach(() => void (sys = mkdtempSync(join(tmpdir(), 'sys-'))));
afterEach(() => rmSync(sys, { recursive: true }));

function add(kernelName: string, number: string, dmName?: string): void {
  const folder = join(sys, 'class/block', kernelName);
  for (const side of ['slaves', 'holders']) mkdirSync(join(folder, side), { recursive: true });
  writeFileSync(join(folder, 'dev'), `${number}\n`);
  if (dmName !== undefined) {
    mkdirSync(join(folder, 'dm'));
    writeFileSync(join(folder, 'dm/name'), `${dmName}\n`);
  }
  mkdirSync(join(sys, 'dev/block'), { recursive: true });
  symlinkSync(folder, join(sys, 'dev/block', number));
}

function build(upper: string, lower: string): void {
  symlinkSync(join(sys, 'class/block', upper), join(sys, 'class/block', lower, 'holders', upper));
  symlinkSync(join(sys, 'class/block', lower), join(sys, 'class/block', upper, 'slaves', lower));
}

test('finds every device that is built on another once, with its path', async () => {
  add('dm-0', '253:0', 'vg-a');
  add('dm-1', '253:1', 'clone');
  add('dm-2', '253:2', 'top');
  add('md!volume', '9:0');
  build('dm-1', 'dm-0');
  build('md!volume', 'dm-0');
  build('dm-2', 'dm-1');
  build('dm-2', 'md!volume');
  const above = await devicesAbove('253:0', sys);
  expect(above).toHaveLength(3);
  expect(above).toEqual(
    expect.arrayContaining([
      { number: '253:1', path: '/dev/mapper/clone' },
      { number: '9:0', path: '/dev/md/volume' },
      { number: '253:2', path: '/dev/mapper/top' },
    ]),
  );
  expect(new Set(await devicesBelow('253:2', sys))).toEqual(new Set(['253:1', '9:0']));
  expect(await devicesBelow('253:0', sys)).toEqual([]);
});

test('reads a device once, however many paths lead to it', async () => {
  add('dm-0', '253:0', 'bottom');
  // Each layer doubles the number of paths to the top: 2^24.
  for (let layer = 1; layer <= 24; layer += 1) {
    const below = layer === 1 ? ['dm-0'] : [`left-${layer - 1}`, `right-${layer - 1}`];
    for (const [index, side] of ['left', 'right'].entries()) {
      add(`${side}-${layer}`, `${253 + index + 1}:${layer}`);
      for (const lower of below) build(`${side}-${layer}`, lower);
    }
  }
  expect(await devicesAbove('253:0', sys)).toHaveLength(48);
});

test('finds nothing above a device that is gone, or vanishes meanwhile', async () => {
  add('dm-0', '253:0', 'vg-a');
  symlinkSync('/nowhere', join(sys, 'class/block/dm-0/holders/dm-9'));
  expect(await devicesAbove('253:0', sys)).toEqual([]);
  expect(await devicesAbove('253:7', sys)).toEqual([]);
});

test('throws if holders cannot be read', async () => {
  add('dm-0', '253:0', 'vg-a');
  mkdirSync(join(sys, 'class/block/dm-0/holders/dm-1/dev'), { recursive: true });
  await expect(devicesAbove('253:0', sys)).rejects.toMatchObject({ kind: 'unavailable' });
});
