/**
 * Runs in the guest: the Node service over real mounts and real logical volumes of the group `vg`. Reads a call a line on
 * stdin, `{ call, method, request }`, and answers each with `{ call, response }` or `{ call, failure }`. Volumes are kept with lvm commands
 * here: the Storage has tests of its own.
 */
import { createInterface } from 'node:readline';
import { createLocks } from '../../src/concurrency/locks.ts';
import { createPatience } from '../../src/concurrency/patience.ts';
import { createUnbroken } from '../../src/concurrency/unbroken.ts';
import { isFailure } from '../../src/domain/errors.ts';
import { noQos } from '../../src/domain/qos.ts';
import type { LvName, NodeName, PoolName, VgName } from '../../src/domain/ids.ts';
import type { NodeVolumes } from '../../src/domain/storage.ts';
import type { FilesystemState } from '../../src/domain/volume.ts';
import { createRun, type Run } from '../../src/exec/run.ts';
import { createSurvivors } from '../../src/exec/survivors.ts';
import { createFilesystems } from '../../src/mount/filesystem.ts';
import { createMounter } from '../../src/mount/mounter.ts';
import { usesOf } from '../../src/mount/table.ts';
import { createNodeService } from '../../src/node/service.ts';

/** What the service started, since it was last asked for. */
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

const sizeOf = async (device: string): Promise<bigint> => BigInt(await output('blockdev', '--getsize64', device));

const volumes: NodeVolumes = {
  async open(id) {
    const lv = id.slice(id.indexOf(':') + 1) as LvName;
    const device = `/dev/mapper/vg-${lv}`;
    const filesystem = ((await output('lvs', '--noheadings', '-o', 'lv_tags', `vg/${lv}`)) ||
      'none') as FilesystemState;
    const layout = { type: 'thick', stripes: 1, stripeSize: 0n, mirrors: 0 } as const;
    const named = { id, node, name: lv, lv, group: 'vg' as VgName, pool: 'fast' as PoolName };
    const volume = {
      ...named,
      filesystem,
      layout,
      size: await sizeOf(device),
      mkfsOptions: [],
      qos: noQos,
      state: 'ready' as const,
    };
    return { device, volume };
  },
  async recordUse(id, filesystem) {
    await output('lvchange', '--addtag', filesystem, `vg/${id.slice(id.indexOf(':') + 1)}`);
  },
  volumeLimit: () => 1000,
  deviceSize: sizeOf,
};

const service = createNodeService({
  node,
  driver: 'lab.test',
  volumes,
  mounts: createMounter(counted),
  limits: { settle: async () => undefined, changed: () => undefined },
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
