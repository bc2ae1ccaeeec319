/**
 * Runs in the guest: the Node service over real mounts and real logical volumes of the group `vg`. Reads one call per line from
 * stdin, `{ call, method, request }`, and answers each with `{ call, response }` or `{ call, failure }`. Volumes are created with lvm
 * commands here, because the storage has other tests.
 */
import { createInterface } from 'node:readline';
import { createStack, type LogicalVolumes } from '../../src/block/stack.ts';
import { createUsesOf } from '../../src/block/uses.ts';
import { createLocks } from '../../src/concurrency/locks.ts';
import { createPatience } from '../../src/concurrency/patience.ts';
import { createUnbroken } from '../../src/concurrency/unbroken.ts';
import { Failure, isFailure } from '../../src/domain/errors.ts';
import { noQos } from '../../src/domain/qos.ts';
import {
  type LvName,
  type NodeName,
  type PoolName,
  type VgName,
  type VolumeId,
  volumeIdFor,
} from '../../src/domain/ids.ts';
import type { InlineVolumes, Inventory, NodeVolumes } from '../../src/domain/storage.ts';
import type { FilesystemState, Volume } from '../../src/domain/volume.ts';
import { createRun, type Run } from '../../src/exec/run.ts';
import { createSurvivors } from '../../src/exec/survivors.ts';
import { createFilesystems } from '../../src/mount/filesystem.ts';
import { createMounter } from '../../src/mount/mounter.ts';
import { createTerminalLog } from '../../src/log.ts';
import { stateOfPodFolder } from '../../src/mount/pod-folders.ts';
import { mountsOf, readMounts } from '../../src/mount/table.ts';
import { createNodeService } from '../../src/node/service.ts';
import { createLimits } from '../../src/qos/limits.ts';
import { createLinearLayer } from '../support/linear-layer.ts';
import { fixed, poolWith } from '../unit/domain/reserved.ts';

/** The programs that the service has started since the last question. */
const programs: string[] = [];
const run = createRun(createSurvivors(() => undefined));
const counted: Run = (argv, options) => {
  programs.push(argv[0]);
  return run(argv, options);
};
const node = 'guest' as NodeName;

async function output(...argv: [string, ...string[]]): Promise<string> {
  const { exitCode, stdout, stderr } = await run(argv, { deadline: 60_000 });
  if (exitCode !== 0) throw new Error(`${argv.join(' ')}: ${stderr}`);
  return stdout.trim();
}

/** `linear`: each volume has a layer of device-mapper on its logical volume, and a limit. */
const layered = process.argv[2] === 'linear';
const qos = layered ? { ...noQos, limits: fixed(100n) } : noQos;
const known = new Map<VolumeId, Volume>();

const logicalVolumes: LogicalVolumes = {
  async activate(id) {
    const volume = await logicalVolumes.mustFind(id);
    return { volume, device: logicalVolumes.deviceOf(volume) };
  },
  deviceOf: ({ lv }) => `/dev/mapper/vg-${lv}`,
  async mustFind(id) {
    const lv = id.slice(id.indexOf(':') + 1) as LvName;
    const filesystem = ((await output('lvs', '--noheadings', '-o', 'lv_tags', `vg/${lv}`)) ||
      'none') as FilesystemState;
    const layout = { type: 'thick', stripes: 1, stripeSize: 0n, mirrors: 0 } as const;
    const named = { id, node, name: lv, lv, group: 'vg' as VgName, pool: 'fast' as PoolName };
    const size = BigInt(await output('blockdev', '--getsize64', `/dev/mapper/vg-${lv}`));
    const volume = { ...named, filesystem, layout, size, mkfsOptions: [], qos, state: 'ready' as const };
    known.set(id, volume);
    return volume;
  },
};

const volumes: NodeVolumes = {
  async recordUse(id, filesystem) {
    await output('lvchange', '--addtag', filesystem, `vg/${id.slice(id.indexOf(':') + 1)}`);
  },
  recordHeader: async () => undefined,
  recordRotation: async () => undefined,
  volumeLimit: () => 1000,
};

/** The storage makes them, and has other tests. */
const noInlineVolumes: InlineVolumes = {
  idOf: (handle) => volumeIdFor(node, handle as never),
  create: () => Promise.reject(new Failure('unimplemented', 'no inline volumes here')),
  remove: async () => undefined,
  list: () => [],
};

const stack = createStack({ volumes: logicalVolumes, layers: layered ? [createLinearLayer(counted)] : [] });
const usesOf = createUsesOf(mountsOf);

const inventory = (): Inventory => ({
  pools: new Map([['fast' as PoolName, poolWith({})]]),
  volumes: known,
  snapshots: new Map(),
  given: new Map(),
  reportedAt: 0,
  unready: new Map(),
  health: new Map(),
  defaultPool: undefined,
});
const limits = createLimits({
  settings: { cgroupMount: '/sys/fs/cgroup', interval: 3_600_000 },
  log: createTerminalLog(),
  inventory,
  mounts: () => readMounts(),
  mapperNamesOf: (volume) => stack.mapperNamesOf(volume),
});

const service = createNodeService({
  node,
  driver: 'lab.test',
  volumes,
  inline: noInlineVolumes,
  podFolders: { stateOf: stateOfPodFolder },
  devices: stack,
  mounts: createMounter(counted),
  limits,
  filesystems: createFilesystems({ run: counted, patience: createPatience(), unbroken: createUnbroken() }),
  locks: createLocks(),
});

type Handler = (request: unknown, call: { signal: AbortSignal }) => Promise<unknown>;
const handlers = {
  ...service,
  usesOf: (device: string) => usesOf(device),
  programs: async () => programs.splice(0),
} as unknown as Record<string, Handler>;

async function answer(line: string): Promise<unknown> {
  const { call, method, request } = JSON.parse(line) as { call: number; method: string; request: unknown };
  try {
    return { call, response: await handlers[method]?.(request, { signal: new AbortController().signal }) };
  } catch (error) {
    if (isFailure(error)) return { call, failure: { kind: error.kind, message: error.message } };
    return { call, failure: { kind: 'unknown', message: error instanceof Error ? error.stack : String(error) } };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await answer(line))}\n`);
}
