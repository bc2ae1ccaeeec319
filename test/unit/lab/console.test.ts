import { expect, test } from 'vitest';
import { faultsIn } from '../../../lab/console.ts';

const trace = ['Call Trace:', ' dm_table_resume_targets+0x8f/0xd0', '---[ end trace ]---'];
const doubt = ['WARNING: drivers/md/dm-raid.c:4140 at raid_resume+0x371/0x3c8 [dm_raid], CPU#0: lvm/3610', ...trace];
const bug = ['BUG: kernel NULL pointer dereference', ...trace];

test.each([
  ['a boot without faults', ['md/raid1:mdX: active with 2 out of 2 mirrors'], []],
  ['a fault with its trace', bug, ['BUG: kernel NULL pointer dereference', 'Call Trace:']],
  ['a doubt of dm-raid with its trace', doubt, []],
  ['a fault after a doubt', [...doubt, ...bug], ['BUG: kernel NULL pointer dereference', 'Call Trace:']],
  ['a doubt after a fault', [...bug, ...doubt], ['BUG: kernel NULL pointer dereference', 'Call Trace:']],
  [
    'another warning of dm-raid',
    ['WARNING: drivers/md/dm-raid.c:12 at raid_ctr+0x1/0x2'],
    ['WARNING: drivers/md/dm-raid.c:12 at raid_ctr+0x1/0x2'],
  ],
])('the faults of %s', (_of, lines, faults) => {
  expect(faultsIn(lines.join('\n'))).toEqual(faults);
});
