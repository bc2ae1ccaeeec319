import { readFileSync } from 'node:fs';

const EVERY_MS = 500;

/**
 * Ends this process when the one that started it is gone, so that a run killed at its top does not go on below. npm
 * puts a shell between itself and its scripts, which survives it: then npm is watched as well.
 */
export function exitWithParent(): void {
  const parent = process.ppid;
  const grandparent = process.env['npm_lifecycle_event'] === undefined ? undefined : parentOf(parent);
  const timer = setInterval(() => {
    if (process.ppid === parent && (grandparent === undefined || parentOf(parent) === grandparent)) return;
    process.stderr.write('whoever started this run is gone: ending it\n');
    process.exit(1);
  }, EVERY_MS);
  timer.unref();
}

function parentOf(pid: number): number | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/^PPid:\t(\d+)$/m.exec(status)?.[1]);
  } catch {
    return undefined;
  }
}
