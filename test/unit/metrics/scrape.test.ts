import { setImmediate } from 'node:timers/promises';
import { Counter, Gauge, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { scrape } from '../../../src/metrics/scrape.ts';

test('other work has a turn between two gauges, and counters are collected at once', async () => {
  const registry = new Registry();
  const order: string[] = [];
  const collect = (name: string) => ({ name, help: name, registers: [], collect: () => void order.push(name) });
  const gauges = ['first', 'second', 'third'].map(collect);
  for (const gauge of gauges) registry.registerMetric(new Gauge(gauge));
  for (const name of ['one_total', 'two_total']) registry.registerMetric(new Counter(collect(name)));
  const whole = await registry.metrics();
  order.length = 0;

  const ended = new AbortController();
  const turns = (async () => {
    while (!ended.signal.aborted) {
      await setImmediate();
      if (order.at(-1) !== 'turn') order.push('turn');
    }
  })();
  const text = await scrape(registry, gauges);
  ended.abort();
  await turns;
  expect(text).toBe(whole);
  expect(order.slice(0, 7)).toEqual(['one_total', 'two_total', 'first', 'turn', 'second', 'turn', 'third']);
});
