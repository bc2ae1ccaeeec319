/**
 * Runs in a guest, on the disk /dev/ubda. Reads orders from stdin, one JSON object a line, does one after the other, and answers with lines
 * of JSON: what was done, and findings.
 */
import { createInterface } from 'node:readline';
import { fileThreads } from '../../src/concurrency/patience.ts';
import { setFileThreads } from '../../src/config/environment.ts';
import { buildBase } from './base.ts';
import { Disks } from './disks.ts';
import { prepareNode } from './node.ts';
import { operations } from './operations.ts';
import type { Answer, Order } from './order.ts';
import { playOperation } from './play.ts';
import { endShell } from './run.ts';

setFileThreads(fileThreads);
const say = (answer: Answer): void => void process.stdout.write(`${JSON.stringify(answer)}\n`);
await prepareNode();
const disks = await Disks.open();
await buildBase(disks);
say({ built: true });
for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line) as Order;
  const operation = operations.find(({ name }) => name === order.operation);
  if (!operation) throw new Error(`there is no operation "${order.operation}"`);
  await playOperation(disks, operation, order, say);
  say({ done: order.operation });
}
endShell();
