import { beforeEach, expect, test, vi } from 'vitest';
import type { PoolName, VgName } from '../../../src/domain/ids.ts';
import type { PoolSpec } from '../../../src/domain/pool.ts';
import { type CandidateDisk, PoolReconciler } from '../../../src/pools/reconciler.ts';

function poolOf(name: string, approve: 'manual' | 'automatic'): PoolSpec {
  const common = { type: 'thick', stripes: 1, stripeSize: 65_536n, mirrors: 0, reserve: 0n } as const;
  return { ...common, name: name as PoolName, group: name as VgName, approve };
}

const manual = poolOf('manual', 'manual');
const automatic = poolOf('automatic', 'automatic');

let disks: CandidateDisk[];
let steps: string[];
let lines: string[];
let broken: string | undefined;
let growing: readonly string[];
/** Disks whose group is back after `restore`. */
const hidden: CandidateDisk[] = [];
const taken = new Set<string>();
const problems = new Map<string, string[]>();
const slow = new Map<string, Promise<void>>();
const suspended = new Map<string, string | undefined>();
let reconciler: PoolReconciler<CandidateDisk>;

const disk = (device: string, pool: PoolSpec, verdict: CandidateDisk['verdict']): CandidateDisk => {
  return { pool, device, path: device, verdict, ...(verdict === 'refused' && { findings: ['an ext4'] }) };
};
const attempt = (step: string) => {
  steps.push(step);
  if (step === broken) throw new Error('broken');
};

beforeEach(() => {
  taken.clear();
  problems.clear();
  suspended.clear();
  slow.clear();
  [steps, lines, broken, growing] = [[], [], undefined, []];
  const say = (fields: object, message: string) => void lines.push(`${message} ${JSON.stringify(fields)}`);
  reconciler = new PoolReconciler({
    specs: [manual, automatic],
    log: { debug: say, info: say, warn: say, error: say },
    observe: (found) => void steps.push(`observe ${found.length}`),
    patience: 20,
    ports: {
      findDisks: async () => disks.filter(({ device }) => !taken.has(device)),
      restore: async () => {
        if (hidden.length > 0) attempt('restore');
        disks.push(...hidden);
        return hidden.splice(0).length > 0;
      },
      show: async (more) => attempt(`show ${more.join(' ')}`),
      take: async ({ device }) => {
        attempt(`take ${device}`);
        taken.add(device);
      },
      prepare: async ({ name }) => {
        attempt(`prepare ${name}`);
        await slow.get(name);
        return problems.get(name) ?? [];
      },
      needsGrowth: async ({ name }) => growing.includes(name),
      suspend: (name, reason) => {
        const isNew = suspended.get(name) !== reason;
        suspended.set(name, reason);
        return isNew;
      },
      prepared: () => attempt('prepared'),
      refresh: async () => attempt('refresh'),
    },
  });
});

test('takes only disks that the pool approves automatically, and before them those whose taking was interrupted', async () => {
  disks = [
    disk('/dev/a', manual, 'proposed'),
    disk('/dev/c', automatic, 'proposed'),
    disk('/dev/b', manual, 'interrupted'),
    disk('/dev/d', automatic, 'refused'),
    disk('/dev/e', automatic, 'member'),
    disk('/dev/f', automatic, 'returned'),
  ];
  await reconciler.reconcile();
  expect(steps.filter((step) => step.startsWith('take'))).toEqual(['take /dev/b', 'take /dev/c']);
  expect(steps.indexOf('show /dev/a /dev/c /dev/b')).toBeLessThan(steps.indexOf('take /dev/b'));
  expect(steps.slice(-3)).toEqual(['refresh', 'prepare manual', 'prepare automatic']);
  steps = [];
  await reconciler.reconcile();
  expect(steps.filter((step) => step.startsWith('take'))).toEqual([]);
});

test('reads LVM again between letting it see a single disk and taking that', async () => {
  disks = [disk('/dev/a', automatic, 'proposed')];
  await reconciler.reconcile();
  expect(steps.slice(0, 5)).toEqual(['observe 1', 'show /dev/a', 'refresh', 'take /dev/a', 'refresh']);
});

test('lets LVM see the disks that another process may add, also while that process has them in use', async () => {
  const looks = async (...found: CandidateDisk[]) => {
    disks = found;
    steps = [];
    await reconciler.reconcile();
    return steps.find((step) => step.startsWith('show'));
  };
  expect(await looks(disk('/dev/a', manual, 'refused'))).toBe('show ');
  expect(await looks(disk('/dev/a', manual, 'proposed'), disk('/dev/b', manual, 'returned'))).toBe(
    'show /dev/a /dev/b',
  );
  // A disk that stays refused is in use otherwise. A member is visible anyway.
  const others = [disk('/dev/a', manual, 'refused'), disk('/dev/b', manual, 'member')];
  for (let look = 1; look <= 3; look += 1) expect(await looks(...others)).toBe('show /dev/a');
  expect(await looks(...others)).toBe('show ');
});

test('searches the disks again once a group is restored, and goes on without it if that fails', async () => {
  disks = [];
  hidden.push(disk('/dev/a', manual, 'member'));
  await reconciler.reconcile();
  expect(steps.slice(0, 2)).toEqual(['restore', 'observe 1']);
  hidden.push(disk('/dev/b', manual, 'member'));
  [steps, broken] = [[], 'restore'];
  expect(await reconciler.reconcile()).toBe(true);
  expect(steps.slice(0, 2)).toEqual(['restore', 'observe 1']);
  expect(lines.at(-1)).toMatch(/could not be restored .*broken/);
  hidden.splice(0);
});

test('logs a verdict once, and again when it changes', async () => {
  disks = [disk('/dev/a', manual, 'proposed'), disk('/dev/d', automatic, 'refused')];
  await reconciler.reconcile();
  await reconciler.reconcile();
  expect(lines).toEqual([
    expect.stringMatching(/^disk proposed .*\/dev\/a/),
    expect.stringMatching(/^disk refused .*ext4/),
  ]);
  disks = [disk('/dev/a', manual, 'refused')];
  await reconciler.reconcile();
  expect(lines.at(-1)).toMatch(/^disk refused .*\/dev\/a/);
  disks = [disk('/dev/f', automatic, 'returned')];
  await reconciler.reconcile();
  expect(lines.at(-1)).toMatch(/^disk proposed .*\/dev\/f/);
});

test.each(['take /dev/b', 'prepare manual'])(
  'a failure (%s) does not keep the others from being served',
  async (step) => {
    broken = step;
    disks = [disk('/dev/b', automatic, 'proposed'), disk('/dev/c', automatic, 'proposed')];
    await reconciler.reconcile();
    expect(steps).toEqual(expect.arrayContaining(['take /dev/c', 'prepare automatic', 'refresh']));
    expect(lines.filter((line) => line.includes('"reason":"broken"'))).toHaveLength(1);
  },
);

test('takes a failing pool out of service with the reason, and back when it is in order', async () => {
  disks = [];
  broken = 'prepare manual';
  expect(await reconciler.reconcile()).toBe(false);
  expect([...suspended]).toEqual([
    ['manual', 'broken'],
    ['automatic', undefined],
  ]);
  expect(await reconciler.reconcile()).toBe(false);
  broken = undefined;
  expect(await reconciler.reconcile()).toBe(true);
  expect(suspended.get('manual')).toBeUndefined();
  expect(lines).toEqual([
    expect.stringMatching(/^the pool cannot serve .*manual.*broken/),
    expect.stringMatching(/^the pool is in order again .*manual/),
  ]);
});

test('does not wait for a pool that takes long, and prepares it once', async () => {
  disks = [];
  const checked = Promise.withResolvers<void>();
  slow.set('manual', checked.promise);
  expect(await reconciler.reconcile()).toBe(false);
  expect(suspended.get('manual')).toMatch(/still being activated/);
  expect(suspended.get('automatic')).toBeUndefined();
  expect(await reconciler.reconcile()).toBe(false);
  expect(steps.filter((step) => step === 'prepare manual')).toHaveLength(1);
  expect(steps).not.toContain('prepared');
  checked.resolve();
  await vi.waitUntil(() => steps.includes('prepared'));
  expect(suspended.get('manual')).toBeUndefined();
  expect(await reconciler.reconcile()).toBe(true);
});

test('keeps a pool with problems in service, and logs them once', async () => {
  disks = [];
  problems.set('manual', ['v1 not active']);
  expect(await reconciler.reconcile()).toBe(true);
  expect(await reconciler.reconcile()).toBe(true);
  expect(suspended.get('manual')).toBeUndefined();
  expect(lines).toEqual([expect.stringMatching(/^the pool serves, but not all of it .*v1 not active/)]);
});

test('reads LVM again only after a pool went out of service or is back', async () => {
  disks = [];
  const look = ['observe 0', 'show ', 'refresh', 'prepare manual', 'prepare automatic'];
  const stepsOfLook = async () => {
    steps = [];
    await reconciler.reconcile();
    return steps;
  };
  expect(await stepsOfLook()).toEqual(look);
  broken = 'prepare manual';
  expect(await stepsOfLook()).toEqual([...look, 'refresh']);
  expect(await stepsOfLook()).toEqual(look);
  broken = undefined;
  expect(await stepsOfLook()).toEqual([...look, 'refresh']);
  expect(await stepsOfLook()).toEqual(look);
});

test('fails if LVM cannot be read', async () => {
  broken = 'refresh';
  disks = [];
  await expect(reconciler.reconcile()).rejects.toThrow('broken');
});

test('prepares, according to a new report, the pools that have to grow', async () => {
  growing = ['automatic'];
  await reconciler.grow();
  expect(steps).toEqual(['refresh', 'prepare automatic']);
  [steps, growing] = [[], ['manual']];
  await reconciler.grow();
  expect(steps).toEqual(['refresh', 'prepare manual']);
  [steps, growing] = [[], []];
  await reconciler.grow();
  expect(steps).toEqual([]);
});
