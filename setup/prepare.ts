import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { buildLab } from '../lab/build.ts';
import { LabError } from '../lab/command.ts';
import { type LabPaths, labPaths, missingParts } from '../lab/paths.ts';
import { installMissing } from './debian.ts';

// Second half of the set-up, under Node 26: what the lab needs of this machine, and the lab itself.

const LOCKED = 'QUARRY_SETUP_LOCKED';
const TAKEN = 75;

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
  const complete = missingParts(paths).length === 0;
  if (process.getuid?.() !== 0) {
    throw new LabError('root is needed: the tests boot virtual machines with disks and a network of their own');
  }
  await installMissing(complete ? 'run' : 'build', say);
  if (complete) return;
  if (process.env[LOCKED] === undefined) lockAndStartOver(paths);
  else await buildLab(paths, say);
}

/** flock(1) frees its lock however the holder ends, which no lock file does. */
function lockAndStartOver(paths: LabPaths): void {
  mkdirSync(paths.cache, { recursive: true });
  const attempt = (flags: readonly string[]): number | null =>
    spawnSync('flock', [...flags, join(paths.cache, 'setup.lock'), process.execPath, import.meta.filename], {
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
