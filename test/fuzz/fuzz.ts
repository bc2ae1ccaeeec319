import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { HostileController } from './hostile-controller.ts';
import { Fuzz, type Played } from './run.ts';
import { openTarget, type TargetOptions } from './target.ts';

export interface FuzzOptions extends Played {
  /** Whether there is another round after so many calls and messages. */
  readonly goesOn: (requests: number) => boolean;
  readonly sabotage?: TargetOptions['sabotage'];
}

export interface FuzzResult {
  /** By kind. */
  readonly counts: Readonly<Record<string, number>>;
  /** Answers by call and code. */
  readonly codes: ReadonlyMap<string, number>;
  readonly findings: readonly string[];
  /** Bytes that the heap has grown by, from the end of the warm-up to the end. */
  readonly growth: number;
}

/** Calls and messages after which every kind of request has been served, so that code is compiled and tables are filled. */
const warmUp = 5000;

/**
 * Bytes. A run without a leak ends within 2 MiB of its warm-up (measured each 5,000 requests up to 50,000): compiled code, and what V8 keeps of
 * closed connections. 50,000 requests that leave 200 bytes each leave more than this.
 */
const mostGrowth = 8 * 1024 * 1024;

/** Hostile requests to a driver of its own, until the first finding. */
export async function runFuzz({ goesOn, sabotage, ...played }: FuzzOptions): Promise<FuzzResult> {
  const falseController = new HostileController();
  const dials: TargetOptions['dials'] = async (authority) => [await falseController.listen(authority)];
  await using target = await openTarget({ dials, ...(sabotage && { sabotage }) });
  using fuzz = new Fuzz(target, falseController, played);
  await fuzz.prepare();
  let before: number | undefined;
  for (let round = 0; goesOn(fuzz.requests) && fuzz.findings.length === 0; round += 1) {
    await fuzz.play(round);
    if (before === undefined && fuzz.requests > warmUp) before = await heap();
  }
  if (fuzz.findings.length === 0) await fuzz.finish();
  const growth = before === undefined ? 0 : (await heap()) - before;
  const leaks = growth > mostGrowth ? [`the heap has grown by ${growth} bytes`] : [];
  return { ...fuzz.tally, findings: [...fuzz.findings, ...leaks], growth };
}

let collect: (() => void) | undefined;

/** Bytes of objects and buffers. The least of some collections: streams that have just ended hold their messages for some turns. */
async function heap(): Promise<number> {
  if (!collect) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  let least = Infinity;
  for (let times = 0; times < 4; times += 1) {
    await nextTurn();
    collect();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    least = Math.min(least, heapUsed + arrayBuffers);
  }
  return least;
}
