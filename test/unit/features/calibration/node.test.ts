import { expect, test } from 'vitest';
import { MiB } from '../../../../src/domain/bytes.ts';
import { createCalibrationPart } from '../../../../src/features/calibration/node.ts';
import { memoryLog } from '../../grpc/harness.ts';
import { FakeLvm, spec } from '../../lvm/fake-lvm.ts';
import { fakeStorage } from '../../lvm/fake-storage.ts';

const tags = () => new Set(['quarry.v=1', 'quarry.role=scratch']);

async function start() {
  const lvm = new FakeLvm();
  lvm.volumes.set('q-scratch', { size: 64n * MiB, tags: tags() });
  lvm.volumes.set('foreign', { size: 64n * MiB, tags: new Set() });
  const local = fakeStorage({ lvm });
  await local.cache.refresh();
  const { log, lines } = memoryLog();
  return { lvm, lines, part: createCalibrationPart({ config: { pools: [spec] }, local, log }) };
}

test('a node that is ready removes the scratch volume of a calibration that was killed, and nothing else', async () => {
  const { lvm, part } = await start();
  await part.ready?.();
  expect([...lvm.volumes.keys()]).toEqual(['foreign']);
});

test('a scratch volume that LVM does not remove is logged with its pool, and the node goes on', async () => {
  const { lvm, part, lines } = await start();
  lvm.change = async () => ({ ok: false, messages: ['a failure on purpose'] });
  await part.ready?.();
  expect(lines).toMatchObject([
    { level: 'warn', message: 'the scratch volume was not removed', fields: { pool: 'fast' } },
  ]);
});
