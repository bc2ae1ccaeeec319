import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { buildLab } from '../lab/build.ts';
import { buildCluster } from '../lab/kubernetes/build.ts';
import { clusterPaths, missingClusterParts } from '../lab/kubernetes/paths.ts';
import { LabError } from '../lab/command.ts';
import { type LabPaths, labPaths, missingParts } from '../lab/paths.ts';
import { installMissing } from './debian.ts';

// Second half of the set-up, under Node 26: what the lab needs of this machine, and the lab itself. With the argument
// `cluster` Kubernetes, too, which takes many times as long to build.

const LOCKED = 'QUARRY_SETUP_LOCKED';
const TAKEN = 75;
const WITH_CLUSTER = process.argv[2] === 'cluster';

try {
  await prepare();
} catch (error) {
  if (!(error instanceof LabError)) throw error;
  say(error.message);
  if (error.cause instanceof Error) say(error.cause.message);
  process.exitCode = 1;
}

async function prepare(): Promise<void> {
  const paths = labPaths();
  const complete =
    missingParts(paths).length === 0 && (!WITH_CLUSTER || missingClusterParts(clusterPaths()).length === 0);
  if (process.getuid?.() !== 0) {
    throw new LabError('root is needed: the tests boot virtual machines with disks and a network of their own');
  }
  await installMissing(complete ? 'run' : 'build', say);
  if (complete) return;
  if (process.env[LOCKED] === undefined) return lockAndStartOver(paths);
  if (missingParts(paths).length > 0) await buildLab(paths, say);
  if (WITH_CLUSTER) await buildCluster(clusterPaths(), say);
}

/** flock(1) frees its lock however the holder ends, which no lock file does. */
function lockAndStartOver(paths: LabPaths): void {
  mkdirSync(paths.cache, { recursive: true });
  const lock = join(paths.cache, 'setup.lock');
  const attempt = (flags: readonly string[]): number | null =>
    spawnSync('flock', [...flags, lock, process.execPath, ...process.argv.slice(1)], {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, [LOCKED]: '1' },
    }).status;
  let status = attempt(['--nonblock', '--conflict-exit-code', `${TAKEN}`]);
  if (status === TAKEN) {
    say('another set-up is at work, waiting for it …');
    status = attempt([]);
  }
  process.exitCode = status ?? 1;
}

function say(words: string): void {
  process.stderr.write(`setup: ${words}\n`);
}
