import { writeFile } from 'node:fs/promises';
import { onTestFinished } from 'vitest';
import { GiB, MiB } from '../../../../src/domain/bytes.ts';
import type { Member } from '../../../../src/domain/fleet.ts';
import { keyOfNotice, type News, type Notice } from '../../../../src/domain/news.ts';
import type { PoolName, VolumeId } from '../../../../src/domain/ids.ts';
import { createOverviewService } from '../../../../src/features/overview/service.ts';
import type { ClaimPage } from '../../../../src/kubernetes/persistent-volumes.ts';
import { admin } from '../../../../src/grpc/load.ts';
import { createServer } from '../../../../src/grpc/server.ts';
import { emptyPool, MemoryStorage, thickSpec } from '../../../support/memory-storage.ts';
import { quarry } from '../../cli/harness.ts';
import { memoryLog, temporarySocket } from '../../grpc/harness.ts';
import { specOf } from '../../fleet/gated-storage.ts';

export const never = new AbortController().signal;
const since = Date.parse('2026-11-21T12:00:00Z');

const thin = {
  share: 100,
  overprovision: 2,
  refuseAt: 95,
};

function poolsOf() {
  const disks = { rates: { readIops: 1000n, writeBandwidth: 100n * MiB }, reservable: 50, unreserved: {} };
  const fast = emptyPool(thickSpec('fast', { budget: disks }), 32n * GiB);
  const lean = emptyPool(thickSpec('lean', { type: 'thin', thin }), 8n * GiB);
  const state = { size: 8n * GiB, promised: 12n * GiB, dataPercent: 71.4, metadataPercent: 2.5 };
  return [fast, { ...lean, thin: state }];
}

interface Fleet {
  /** Without them, the controller runs without Kubernetes. */
  readonly claims?: (token: string | undefined) => Promise<ClaimPage>;
}

/** A controller of two nodes, and the command line that asks it. */
export async function begin({ claims }: Fleet = {}) {
  const storages = { a: new MemoryStorage('a', poolsOf()), b: new MemoryStorage('b', poolsOf()) };
  const away = new Set<string>();
  const members = [storages.b, storages.a].map((storage): Member => ({
    node: storage.node,
    get connected() {
      return !away.has(storage.node);
    },
    since,
    storage,
  }));
  const socket = temporarySocket();
  const server = createServer({
    endpoint: `unix://${socket}`,
    interface: admin,
    services: { Admin: createOverviewService({ members: () => members }, claims && { claims }) },
    log: memoryLog().log,
  });
  await server.start();
  onTestFinished(() => void server.stop(0));
  const config = `${socket}.yaml`;
  const fleet = 'fleet: { listen: "127.0.0.1:0", certificate: /c, key: /k, clientCa: /ca }';
  await writeFile(config, `admin: unix://${socket}\n${fleet}\n`);
  const run = async (...words: string[]) => quarry([...words, '--config', config]);
  const json = async (...words: string[]) =>
    JSON.parse((await run(...words, '-o', 'json')).stdout) as { items: object[] };
  return { storages, away, members, socket, run, json };
}

/** A volume of `fast` on node a. */
export async function withVolume(options: Fleet = {}) {
  const begun = await begin(options);
  const volume = await begun.storages.a.create(specOf('pvc-1'), never);
  return { ...begun, volume };
}

/** A job that runs and is stalled, and disks that wait. */
export function newsOf(volume: VolumeId): News {
  const target = { pool: fast, volume, lv: 'quarry-fast/pvc-1', size: GiB };
  const progress = { state: 'running', done: 0.419, rate: 50n * MiB, reason: undefined, failures: 0, since };
  const job = { id: 'copy quarry-fast/pvc-1', kind: 'copy', ...target, ...progress };
  const notices: Notice[] = [
    { reason: 'JobStalled', volume, message: 'its cause' },
    { reason: 'DisksProposed', pool: fast, message: '1 disk' },
  ];
  const uses = new Map([[volume, { readIops: 120n, writeBandwidth: 12n * MiB + 345n }]]);
  return {
    jobs: new Map([[job.id, job]]),
    notices: new Map(notices.map((notice) => [keyOfNotice(notice), notice])),
    uses,
  };
}

export const fast = 'fast' as PoolName;
export const lean = 'lean' as PoolName;
