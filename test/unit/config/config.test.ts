import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { loadConfig, parseConfig } from '../../../src/config/config.ts';
import { readEnvironment } from '../../../src/config/environment.ts';
import { MiB } from '../../../src/domain/bytes.ts';
import { isFailure } from '../../../src/domain/errors.ts';

/** Of jobs, by default. */
const bounds = { total: 6, creation: 4, copy: 4, erase: 4, repair: 4, evacuation: 1 };
const rates = { copyRate: 256n * MiB, eraseRate: 256n * MiB, repairRate: 64n * MiB, evacuationRate: 64n * MiB };

const environment = { hostname: 'host-1' };

function problemsOf(text: string, surroundings = environment): string[] {
  try {
    parseConfig(text, surroundings);
  } catch (error) {
    if (isFailure(error, 'invalid')) return error.message.split('\n');
    throw error;
  }
  return [];
}

const problemsOfPool = (pool: string): string[] => problemsOf(`pools: [{name: fast, volumeGroup: vg, ${pool}}]`);

describe('defaults', () => {
  test('fill every key but the pools', () => {
    expect(parseConfig('pools: []', environment)).toEqual({
      driver: 'lvm.quarry.csi',
      node: 'host-1',
      endpoint: { address: 'unix:///run/quarry/csi.sock', path: '/run/quarry/csi.sock' },
      log: { level: 'info' },
      registration: { mode: 'external', directory: '/var/lib/kubelet/plugins_registry' },
      rescan: 30_000,
      lvm: { mode: 'auto', process: 'shell', directory: '/run/quarry/lvm', deadline: 60_000, slowDeadline: 3_600_000 },
      qos: { cgroupMount: '/sys/fs/cgroup', interval: 10_000 },
      snapshots: { pauseLimit: 5000 },
      inline: {},
      jobs: { ...bounds, ...rates, repairAfter: 300_000 },
      pools: [],
    });
  });

  test('fill the keys of a pool', () => {
    const common = { group: 'vg', approve: 'manual', stripes: 1, stripeSize: 65_536n, mirrors: 0, reserve: 0n };
    const read = (type: string) =>
      parseConfig(`pools: [{name: p, volumeGroup: vg, type: ${type}}]`, environment).pools[0];
    const thin = { share: 95, overprovision: 1, refuseAt: 95 };
    expect(read('thick')).toEqual({ name: 'p', type: 'thick', ...common });
    expect(read('thin')).toEqual({ name: 'p', type: 'thin', ...common, thin });
    // The defaults of an empty section and of none are the same.
    const { pools } = parseConfig('pools: [{name: p, volumeGroup: vg, type: thin, thin: {}}]', environment);
    expect(pools[0]?.thin).toEqual(thin);
  });

  test('fill the keys of a budget', () => {
    const read = (more: string) =>
      parseConfig(`pools: [{name: p, volumeGroup: vg, type: thick, ${more}}]`, environment).pools[0]?.budget;
    expect(read('budget: {readIops: 100k, writeBandwidth: 1.5G}')).toEqual({
      rates: { readIops: 100_000n, writeBandwidth: 1_500_000_000n },
      reservable: 80,
      unreserved: {},
    });
    expect(read('budget: {readIops: 100}, reservable: 50%, unreserved: {writeIops: 7}')).toEqual({
      rates: { readIops: 100n },
      reservable: 50,
      unreserved: { writeIops: 7n },
    });
  });

  test('do not fill an empty file, which is rejected', () => {
    expect(problemsOf('')).toEqual(['pools: is missing']);
    expect(problemsOf('# nothing')).toEqual(['pools: is missing']);
  });
});

describe('the environment', () => {
  test('gives the node and the socket if the file does not', () => {
    const given = { hostname: 'host-1', nodeName: 'node-7', endpoint: 'unix:///csi/csi.sock' };
    expect(parseConfig('pools: []', given)).toMatchObject({ node: 'node-7', endpoint: { path: '/csi/csi.sock' } });
    const file = 'node: mine\nendpoint: /run/mine.sock\npools: []';
    expect(parseConfig(file, given)).toMatchObject({ node: 'mine', endpoint: { path: '/run/mine.sock' } });
  });

  test('is named in the problem if its value is wrong', () => {
    expect(problemsOf('pools: []', { hostname: 'a_b' })[0]).toMatch(/^node \(from the hostname\): must be a node name/);
    const given = { hostname: 'h', nodeName: 'a_b', endpoint: 'tcp://x' };
    expect(problemsOf('pools: []', given).map((line) => line.split(':')[0])).toEqual([
      'endpoint (from CSI_ENDPOINT)',
      'node (from NODE_NAME)',
    ]);
  });

  test('counts empty variables as absent', () => {
    expect(readEnvironment({ NODE_NAME: '', CSI_ENDPOINT: '/x' })).toMatchObject({
      nodeName: undefined,
      endpoint: '/x',
    });
  });

  test('hashes a long node name', () => {
    expect(parseConfig('pools: []', { hostname: 'n'.repeat(64) }).node).toMatch(/^n-[0-9a-f]{40}$/);
  });
});

describe('problems', () => {
  test('are all named at once, each with its path', () => {
    const text = `
driver: 1foo
log: {level: loud}
rescan: 30
metrics: {}
lvm: {deadline: 2h}
jobs: {total: 2, creation: 0, copy: 0, copyRate: 1Ki, erase: 65, eraseRate: 1, repair: 65, repairRate: 1, repairAfter: 25h}
pools:
  - {name: fast, volumeGroup: a, type: thin, thin: {share: 0}}
  - {name: fast, volumeGroup: a, type: thick, stripeSize: 65Ki, thin: {}, reserve: lots}
  - scratch
`;
    expect(problemsOf(text).map((line) => line.split(': ')[0])).toEqual([
      'driver',
      'log.level',
      'metrics.listen',
      'rescan',
      'lvm.deadline',
      'jobs.total',
      'jobs.creation',
      'jobs.copy',
      'jobs.copyRate',
      'jobs.erase',
      'jobs.eraseRate',
      'jobs.repair',
      'jobs.repairRate',
      'jobs.repairAfter',
      'pools[0].thin.share',
      'pools[1].stripeSize',
      'pools[1].reserve',
      'pools[2]',
      'pools[1].name',
      'pools[1].volumeGroup',
      'pools[1].thin',
    ]);
  });

  test('list the known keys for an unknown one', () => {
    expect(problemsOf('pools: []\nlog: {levle: info}\n"a b": 1')).toEqual([
      'log.levle: unknown key; known here: level',
      '"a b": unknown key; known here: driver, endpoint, log, metrics, registration, node, rescan, lvm, qos, jobs, snapshots, inline, pools',
    ]);
  });

  test('name a key that is a list, without a warning of Node', () => {
    const warn = vi.spyOn(process, 'emitWarning');
    expect(problemsOf('pools: []\n? [a, b]\n: 1')[0]).toMatch(/a, b.*unknown key/);
    expect(warn).not.toHaveBeenCalled();
  });

  test('include the errors of YAML', () => {
    expect(problemsOf('pools: [')[0]).toMatch(/at line 1, column 9$/);
    expect(problemsOf('pools: []\npools: []')).toEqual(['Map keys must be unique at line 2, column 1']);
    expect(problemsOf('a\n---\nb')[0]).toMatch(/multiple documents/);
    expect(problemsOf('pools: !foo []')[0]).toMatch(/Unresolved tag/);
    expect(problemsOf('pools: *a')[0]).toMatch(/alias/i);
    expect(problemsOf('[]')[0]).toMatch(/^the file: must be a mapping/);
  });

  test.each([
    ['type: thin, thin: {share: 101%}', 'pools[0].thin.share: must be between 1 and 100 percent'],
    ['type: thin, thin: {share: 0.8}', 'pools[0].thin.share: must be a whole percentage such as 80%'],
    ['type: thin, thin: {metadataSize: 17Gi}', 'pools[0].thin.metadataSize: must be between 2 MiB and 15.8 GiB'],
    ['type: thin, thin: {overprovision: 0.5}', 'pools[0].thin.overprovision: must be a number between 1 and 1000'],
    ['type: thin, thin: {autoextend: {threshold: 80%}}', 'pools[0].thin.autoextend.by: is missing'],
    [
      'type: thin, thin: {autoextend: {threshold: 95%, by: 20%}}',
      'pools[0].thin.autoextend.threshold: must be below refuseAt (95%), or the pool refuses volumes before it grows',
    ],
    ['type: thick, thin: {share: 80%}', 'pools[0].thin: belongs to pools of type thin only'],
    ['volumegroup: x, type: thick', /^pools\[0\]\.volumegroup: unknown key; known here: name, volumeGroup, /],
    ['stripes: 2', 'pools[0].type: is missing'],
    ['type: thick, stripes: 129', 'pools[0].stripes: must be a whole number between 1 and 128'],
    ['type: thick, stripes: 22, mirrors: 2', /^pools\[0\]\.mirrors: 22 stripes with 2 mirrors need 66 disks/],
    ['type: thick, stripeSize: 48Ki', 'pools[0].stripeSize: must be a power of two'],
    ['type: thick, reserve: 9007199254740993', /^pools\[0\]\.reserve: must be a size/],
    ['type: thick, erase: cryptographic', /^pools\[0\]\.erase: must be/],
    ['type: thick, zeroOnCreate: always', /^pools\[0\]\.zeroOnCreate: must be/],
    ['type: thick, reserve: 9300P', /^pools\[0\]\.reserve: must be between 0 B and/],
    ['type: thick, approve: automatic', /^pools\[0\]\.approve: automatic needs disks/],
    ['type: thick, disks: {paths: []}', 'pools[0].disks.paths: must name at least one path or glob'],
    [
      String.raw`type: thick, disks: {paths: ['/dev/disk/by-id/a\x20*']}`,
      /^pools\[0\]\.disks\.paths\[0\]: has both a wild/,
    ],
    ['type: thick, disks: {}', 'pools[0].disks.paths: is missing'],
    ['type: thick, disks: {paths: [/dev/../etc/x]}', /^pools\[0\]\.disks\.paths\[0\]: must be a path or glob under/],
    ['type: thick, disks: {paths: ["*"]}', /^pools\[0\]\.disks\.paths\[0\]: must be a path or glob under/],
    ['type: thick, disks: {paths: [/dev/sdb], rotational: 1}', 'pools[0].disks.rotational: must be true or false'],
    [
      'type: thick, disks: {paths: [/dev/sdb], minSize: 2Ti, maxSize: 1Ti}',
      'pools[0].disks.minSize: must not be more than maxSize',
    ],
    [
      'type: thick, budget: {readIops: 0}',
      'pools[0].budget.readIops: must be a rate such as 500, 100k or 2Gi, from 1 to 1P',
    ],
    ['type: thick, budget: {iops: 5}', /^pools\[0\]\.budget\.iops: unknown key; known here: readIops, writeIops, /],
    ['type: thick, budget: {readIops: 5}, reservable: 101', 'pools[0].reservable: must be between 1 and 100 percent'],
    ['type: thick, reservable: 50%', 'pools[0].reservable: has no effect without budget'],
    ['type: thick, unreserved: {readIops: 5}', 'pools[0].unreserved: has no effect without budget'],
    [
      'type: thick, budget: {readIops: 1k}, unreserved: {readIops: 1001, writeIops: 5}',
      'pools[0].unreserved.readIops: must not be more than the budget of 1000',
    ],
  ])('%s', (pool, expected) => {
    const problems = problemsOfPool(pool);
    expect(problems).toHaveLength(1);
    expect(typeof expected === 'string' ? problems[0] === expected : expected.test(problems[0] ?? '')).toBe(true);
  });

  test('include no conflict with an unreadable part', () => {
    const problems = problemsOfPool('type: thin, thin: {autoextend: {threshold: 96%, by: 1}, refuseAt: x}');
    expect(problems).toEqual(['pools[0].thin.refuseAt: must be a whole percentage such as 80%']);
  });

  test('include no missing budget if the budget is unreadable', () => {
    const problems = problemsOfPool('type: thick, budget: {readIops: x}, reservable: 5, unreserved: {readIops: 9}');
    expect(problems).toEqual(['pools[0].budget.readIops: must be a rate such as 500, 100k or 2Gi, from 1 to 1P']);
    expect(problemsOfPool('type: thick, unreserved: 5')).toEqual([
      'pools[0].unreserved: must be a mapping with the keys readIops, writeIops, readBandwidth, writeBandwidth',
      'pools[0].unreserved: has no effect without budget',
    ]);
  });

  test('every text is a configuration or a failure with a reason', () => {
    const yaml = fc.oneof(
      fc.string(),
      fc.json(),
      fc.json().map((json) => `pools: [${json}]`),
    );
    fc.assert(
      fc.property(yaml, (text) => {
        expect(problemsOf(text).every((line) => typeof line === 'string')).toBe(true);
      }),
    );
  });
});

describe('a file', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'quarry-config-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  test('is loaded', async () => {
    const path = join(directory, 'quarry.yaml');
    await writeFile(path, 'pools: []');
    expect((await loadConfig(path, 'all', environment)).node).toBe('host-1');
  });

  test('is named in the failure with its problems', async () => {
    const path = join(directory, 'quarry.yaml');
    await writeFile(path, 'pools: 1\nrescan: 1');
    await expect(loadConfig(path, 'all', environment)).rejects.toMatchObject({
      kind: 'invalid',
      message: `the configuration ${path} cannot be used:\nrescan: must be a duration such as 500ms, 30s or 5m\npools: must be a list`,
    });
    await expect(loadConfig(`${path}.no`, 'all', environment)).rejects.toMatchObject({
      kind: 'invalid',
      message: expect.stringContaining('ENOENT'),
    });
  });
});
