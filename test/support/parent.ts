import { readFileSync } from 'node:fs';

const EVERY_MS = 500;

/**
 * Ends this process when its parent is gone, so that no child outlives a killed run. npm
 * puts a shell between itself and its scripts, which survives npm: then npm is watched as well.
 */
export function exitWithParent(): void {
  const parent = process.ppid;
  const grandparent = isShellOfNpm(parent) ? parentOf(parent) : undefined;
  const timer = setInterval(() => {
    if (process.ppid === parent && (grandparent === undefined || parentOf(parent) === grandparent)) return;
    process.stderr.write('the parent of this run is gone: ending it\n');
    process.exit(1);
  }, EVERY_MS);
  timer.unref();
}

/** Any other shell may end before its background processes. */
function isShellOfNpm(pid: number): boolean {
  return process.env['npm_lifecycle_event'] !== undefined && /^Name:\t(?:sh|dash|bash)$/m.test(statusOf(pid));
}

function parentOf(pid: number): number {
  return Number(/^PPid:\t(\d+)$/m.exec(statusOf(pid))?.[1]);
}

function statusOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return '';
  }
}
