import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { admin } from '../../../../src/grpc/load.ts';
import { createQosService, type QosEntry } from '../../../../src/features/qos/service.ts';
import { quarry } from '../../cli/harness.ts';
import { serve, temporarySocket } from '../../grpc/harness.ts';

const held: QosEntry = {
  volume: 'node-1:a',
  pod: 'p',
  target: '/kubelet/a',
  wanted: { readIops: 500n, writeBandwidth: 2n ** 62n },
  inForce: { readIops: 500n, writeBandwidth: 2n ** 62n },
  state: 'enforced',
  since: Date.parse('2026-01-02T03:04:05.678Z'),
  use: { readBytes: 4096n, writtenBytes: 3n * 2n ** 20n, reads: 1n, writes: 2n },
};
const failed: QosEntry = {
  volume: 'node-1:b',
  pod: undefined,
  target: '/tmp/b',
  wanted: { readBandwidth: 1048576n, writeBandwidth: 1_500_000n },
  inForce: {},
  state: 'failed',
  reason: 'unknown-pod',
  remedy: 'publish it elsewhere',
  since: 0,
};

/** `quarry qos`, with a configuration that names the socket. */
async function ask(socket: string, ...words: string[]): Promise<string> {
  const config = `${socket}.yaml`;
  await writeFile(config, `pools: []\nendpoint: unix://${socket}`);
  return (await quarry(['qos', '--config', config, ...words])).stdout;
}

async function askWith(entries: readonly QosEntry[], ...words: string[]): Promise<string> {
  const services = {
    Admin: createQosService(
      async () => entries,
      () => new Map([['node-1:a', 'db/data-0']]),
    ),
  };
  return ask((await serve({}, { additional: [{ interface: admin, services }] })).path, ...words);
}

test('the command line gets every field of a limit, on the socket of the CSI services', async () => {
  const rows = (await askWith([held, failed])).split('\n').map((row) => row.split(/ {2,}/));
  expect(rows).toEqual([
    ['CLAIM', 'VOLUME', 'POD', 'WANTED', 'IN FORCE', 'STATE', 'SINCE', 'USED'],
    [
      'db/data-0',
      'node-1:a',
      'p',
      'readIops=500 writeBandwidth=4194304TiB/s',
      'readIops=500 writeBandwidth=4194304TiB/s',
      'enforced',
      '2026-01-02T03:04:05.678Z',
      'read 4 KiB in 1, written 3 MiB in 2',
    ],
    [
      '',
      'node-1:b',
      '/tmp/b',
      'readBandwidth=1MiB/s writeBandwidth=1500000B/s',
      'max',
      'failed: unknown-pod',
      '1970-01-01T00:00:00.000Z',
    ],
    [''],
    ['unknown-pod: publish it elsewhere'],
    [''],
  ]);
});

test('JSON has the rates as numbers, and leaves out what is not known', async () => {
  const text = await askWith([held, failed], '-o', 'json');
  expect(text).toContain(`"writeBandwidth": ${2n ** 62n}`);
  expect(JSON.parse(text)).toEqual({
    items: [
      {
        claim: 'db/data-0',
        volumeId: 'node-1:a',
        podUid: 'p',
        targetPath: '/kubelet/a',
        wanted: { readIops: 500, writeBandwidth: 2 ** 62 },
        inForce: { readIops: 500, writeBandwidth: 2 ** 62 },
        state: 'enforced',
        since: '2026-01-02T03:04:05.678Z',
        used: { readBytes: 4096, writtenBytes: 3 * 2 ** 20, reads: 1, writes: 2 },
      },
      {
        volumeId: 'node-1:b',
        targetPath: '/tmp/b',
        wanted: { readBandwidth: 1048576, writeBandwidth: 1_500_000 },
        inForce: {},
        state: 'failed',
        reason: 'unknown-pod',
        remedy: 'publish it elsewhere',
        since: '1970-01-01T00:00:00.000Z',
      },
    ],
  });
});

test('nothing published is said in words', async () => {
  expect(await askWith([])).toBe('No volume is published on this node.\n');
});

test('where no driver runs, the command says so and where it looked', async () => {
  const socket = temporarySocket();
  await expect(ask(socket)).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringContaining(`no Quarry answers on ${socket}`),
  });
});

test('a driver that lacks the question is told apart from none', async () => {
  const { path } = await serve({});
  await expect(ask(path)).rejects.toMatchObject({ kind: 'unimplemented' });
});
