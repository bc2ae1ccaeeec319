import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { GiB } from '../../../../src/domain/bytes.ts';
import type { VolumeId } from '../../../../src/domain/ids.ts';
import type { JobStatus } from '../../../../src/domain/jobs.ts';
import { createJobsPart } from '../../../../src/features/jobs/node.ts';
import { admin } from '../../../../src/grpc/load.ts';
import { quarry } from '../../cli/harness.ts';
import { serve } from '../../grpc/harness.ts';

const since = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const jobs: readonly JobStatus[] = [
  {
    kind: 'repair',
    pool: 'thin',
    volume: undefined,
    lv: 'vg/thinpool',
    size: 4n * GiB,
    state: 'running',
    done: 0.419,
    failures: 0,
    reason: undefined,
    since,
  },
  {
    kind: 'creation',
    pool: 'fast',
    volume: 'node-1:a' as VolumeId,
    lv: 'vg/a',
    size: GiB,
    state: 'failed',
    done: 0,
    failures: 7,
    reason: 'the device does not answer',
    since,
  },
];

async function ask(listed: readonly JobStatus[], ...words: string[]): Promise<string> {
  const Admin = createJobsPart({ list: () => listed }, () => new Map([['node-1:a', 'db/data-0']])).admin;
  const { path } = await serve({}, { additional: [{ interface: admin, services: { Admin } }] });
  const config = `${path}.yaml`;
  await writeFile(config, `pools: []\nendpoint: unix://${path}`);
  return (await quarry(['jobs', '--config', config, ...words])).stdout;
}

test('quarry jobs shows each job with its progress and its reason', async () => {
  const rows = (await ask(jobs)).split('\n').map((row) => row.split(/ {2,}/));
  expect(rows).toEqual([
    ['KIND', 'POOL', 'CLAIM', 'VOLUME', 'STATE', 'DONE', 'FAILURES', 'SINCE', 'REASON'],
    ['repair', 'thin', '(thin pool)', 'running', '41 %', '0', '2026-01-02T03:04:05.678Z'],
    [
      'creation',
      'fast',
      'db/data-0',
      'node-1:a',
      'failed',
      '0 %',
      '7',
      '2026-01-02T03:04:05.678Z',
      'the device does not answer',
    ],
    [''],
  ]);
});

test('quarry jobs -o json gives bytes and percent as numbers', async () => {
  expect(JSON.parse(await ask(jobs, '-o', 'json')).items).toMatchObject([
    { kind: 'repair', lv: 'vg/thinpool', size: 4 * 2 ** 30, donePercent: 41, failures: 0 },
    { volume: 'node-1:a', state: 'failed', failures: 7, reason: 'the device does not answer' },
  ]);
});

test('quarry jobs says that there is none', async () => {
  expect(await ask([])).toBe('No job on this node.\n');
});
