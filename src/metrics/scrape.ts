import { setImmediate } from 'node:timers/promises';
import type { Registry } from 'prom-client';

/**
 * The text of a scrape. Gauges are collected one after the other, and other work has a turn between two: those of a controller of 5,000 nodes
 * have 90,000 samples. The other metrics are collected at once, so that they can share what they read.
 */
export async function scrape(registry: Registry, gauges: readonly { readonly name: string }[]): Promise<string> {
  const large = new Set(gauges.map(({ name }) => name));
  const names = registry.getMetricsAsArray().map(({ name }) => name);
  const textOf = (name: string): Promise<string> => registry.getSingleMetricAsString(name);
  const texts = new Map<string, string>();
  await Promise.all(names.filter((name) => !large.has(name)).map(async (name) => texts.set(name, await textOf(name))));
  for (const name of names.filter((each) => large.has(each))) {
    texts.set(name, await textOf(name));
    await setImmediate();
  }
  return `${names.map((name) => texts.get(name)).join('\n\n')}\n`;
}
