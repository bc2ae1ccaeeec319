import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Log } from '../log.ts';

/** Milliseconds from the start of the server: by then the pools are ready, and the first calls are answered. */
const settlesAfter = 10_000;

/** The function that V8 has under --expose-gc. */
type Collect = (options: { readonly type: 'major'; readonly flavor: 'last-resort' }) => void;

/**
 * Returns the memory that only the start needed, once, and keeps the heap small from then on. Not before: the compiled code of Node's own modules counts only under
 * the flags of V8 that it was made with, and each collection during the start finds almost all in use. Not for a controller: over the volumes of 5,000 nodes it
 * would collect without end (docs/adr/0018).
 *
 * @param after milliseconds
 */
export function settleHeap(log: Log, after = settlesAfter): void {
  const settle = (): void => {
    const before = process.memoryUsage.rss();
    for (const flag of ['--optimize-for-size', '--semi-space-growth-factor=1', '--expose-gc']) setFlagsFromString(flag);
    (runInNewContext('gc') as Collect)({ type: 'major', flavor: 'last-resort' });
    log.debug({ before, after: process.memoryUsage.rss() }, 'memory of the start returned');
  };
  setTimeout(settle, after).unref();
}
