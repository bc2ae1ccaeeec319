/** Feeds all parsers in turn until it is told to stop; see feed.ts. */
import { parentPort, workerData } from 'node:worker_threads';
import { createRandom } from '../storm/random.ts';
import type { Fed, WorkerOptions } from './feed.ts';
import { mutate } from './mutate.ts';
import { type Parser, problemOf } from './parser.ts';
import { parsers } from './parsers.ts';

/** Inputs of each parser in a round, after which the time is looked at. */
const each = 100;

const { seed, until, most, present } = workerData as WorkerOptions;
const numbers = new Int32Array(present, 0, 2);
const bytes = new Uint8Array(present, 8);
/** One for each parser, at most. */
const findings: string[] = [];
let left = [...parsers];
let inputs = 0;
const isOver = (): boolean => left.length === 0 || Date.now() >= until || inputs >= most;
for (let round = 0; !isOver(); round += 1) for (const parser of left) feed(parser, round);
const fed: Fed = { inputs, findings };
parentPort?.postMessage(fed, []);

function feed(parser: Parser, round: number): void {
  const { examples } = parser;
  const random = createRandom(seed + parsers.indexOf(parser), round);
  const changed = Array.from({ length: each }, () => mutate(random.pick(examples), examples, random));
  const all = round === 0 ? [...examples, ...changed] : changed;
  const problem = all
    .values()
    .map((input) => problemOf(parser, shown(input)))
    .find((found) => found !== undefined);
  if (problem === undefined) return;
  findings.push(problem);
  left = left.filter((one) => one !== parser);
}

/** Where the other thread sees it, if it does not end. */
function shown(input: Buffer): Buffer {
  inputs += 1;
  bytes.set(input.subarray(0, bytes.length));
  numbers[0] = Math.min(input.length, bytes.length);
  numbers[1] = inputs;
  return input;
}
