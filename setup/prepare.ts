import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { buildLab } from '../lab/build.ts';
import { buildCluster, buildClusterSuite } from '../lab/kubernetes/build.ts';
import { clusterPaths, missingClusterParts } from '../lab/kubernetes/paths.ts';
import { LabError } from '../lab/command.ts';
import { labPaths, missingParts } from '../lab/paths.ts';
import { buildPromtool, promtoolFolder } from '../lab/promtool.ts';
import { installMissing } from './debian.ts';

// Second half of the set-up, under Node 26: the lab and the packages that it needs. With the argument
// `cluster` also Kubernetes, which takes many times as long to build; with `suite` Kubernetes' own tests; with `image` the tools
// for the image, with `browser` a browser, with `promtool` Prometheus' tool.

const LOCKED = 'QUARRY_SETUP_LOCKED';
const TAKEN = 75;

interface Stage {
  readonly missing: () => readonly string[];
  readonly build: () => Promise<void>;
}

// Each has its own lock: a run that only needs the lab does not wait for Kubernetes.
const stages: Readonly<Record<string, Stage>> = {
  setup: { missing: () => missingParts(labPaths()), build: () => buildLab(labPaths(), say) },
  cluster: { missing: () => missingClusterParts(clusterPaths()), build: () => buildCluster(clusterPaths(), say) },
  suite: {
    missing: () => [clusterPaths().suite].filter((path) => !existsSync(path)),
    build: () => buildClusterSuite(clusterPaths(), say),
  },
  promtool: {
    missing: () => [promtoolFolder()].filter((path) => !existsSync(path)),
    build: () => buildPromtool(say),
  },
};

try {
  const locked = stages[process.env[LOCKED] ?? ''];
  if (locked === undefined) await prepare(['setup', ...process.argv.slice(2)]);
  else if (locked.missing().length > 0) await locked.build();
} catch (error) {
  if (!(error instanceof LabError)) throw error;
  say(error.message);
  if (error.cause instanceof Error) say(error.cause.message);
  process.exitCode = 1;
}

async function prepare(names: readonly string[]): Promise<void> {
  if (process.getuid?.() !== 0) {
    throw new LabError('root is needed: the tests boot virtual machines with their own disks and network');
  }
  const incomplete = names.filter((name) => (stages[name]?.missing().length ?? 0) > 0);
  const building = incomplete.length > 0 || names.includes('image');
  const browsing = names.includes('browser');
  await installMissing(
    ['run', ...(building ? (['build'] as const) : []), ...(browsing ? (['browse'] as const) : [])],
    say,
  );
  for (const name of incomplete) {
    const status = startOverLocked(name);
    if (status === 0) continue;
    process.exitCode = status;
    return;
  }
}

/** flock(1) releases its lock however the holder ends; a lock file would stay. */
function startOverLocked(name: string): number {
  const { cache } = labPaths();
  mkdirSync(cache, { recursive: true });
  const attempt = (flags: readonly string[]): number | null =>
    spawnSync('flock', [...flags, join(cache, `${name}.lock`), process.execPath, import.meta.filename], {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, [LOCKED]: name },
    }).status;
  let status = attempt(['--nonblock', '--conflict-exit-code', `${TAKEN}`]);
  if (status === TAKEN) {
    say('waiting for another set-up …');
    status = attempt([]);
  }
  return status ?? 1;
}

function say(words: string): void {
  process.stderr.write(`setup: ${words}\n`);
}
