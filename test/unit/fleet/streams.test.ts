import { expect, test } from 'vitest';
import type { NodeName } from '../../../src/domain/ids.ts';
import { Streams } from '../../../src/fleet/server/streams.ts';

const nodes = Array.from({ length: 1100 }, (_, index) => `node-${index}` as NodeName);

test('the allowance of a node without a stream is kept until it is full again', () => {
  let now = 0;
  const streams = new Streams(() => now);
  const used = nodes.map((node) => {
    const stream = { finish: () => undefined };
    const intake = streams.enter(node, stream, undefined);
    intake.admitsEntries(50_000);
    streams.leave(node, stream);
    return intake;
  });
  const enter = (index: number) => {
    const stream = { finish: () => undefined };
    const intake = streams.enter(nodes[index] as NodeName, stream, undefined);
    streams.leave(nodes[index] as NodeName, stream);
    return intake;
  };
  expect(nodes.every((_, index) => enter(index) === used[index])).toBe(true);
  now = 600_000;
  // Each of them is new, after at most one that comes before the others are dropped.
  expect(nodes.filter((_, index) => enter(index) === used[index]).length).toBeLessThanOrEqual(1);
});

test('a node has three streams at most: the oldest that it can do without ends', () => {
  const streams = new Streams(() => 0);
  const ended: string[] = [];
  const stream = (name: string) => ({ finish: () => void ended.push(name) });
  const [first, second] = [stream('first'), stream('second')];
  for (const one of [first, second, stream('third')]) streams.enter('a' as NodeName, one, first);
  expect(ended).toEqual([]);
  streams.enter('a' as NodeName, stream('fourth'), first);
  expect(ended).toEqual(['second']);
});
