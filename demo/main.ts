import { parseArgs } from 'node:util';
import { showNeighbour } from './neighbour.ts';
import { createScene } from './scene.ts';
import { showVolumes } from './volumes.ts';
import type { Machine } from './machine.ts';

const demos = { volumes: showVolumes, qos: showNeighbour };

const { values, positionals } = parseArgs({ allowPositionals: true, options: { chart: { type: 'string' } } });
await main(positionals[0] ?? 'volumes');

async function main(name: string): Promise<void> {
  if (!Object.hasOwn(demos, name)) {
    process.stderr.write(`there is no demo "${name}"; there are: ${Object.keys(demos).join(', ')}\n`);
    process.exitCode = 2;
    return;
  }
  const scene = createScene((text) => void process.stdout.write(text));
  const started = performance.now();
  let machine: Machine | undefined;
  try {
    await demos[name as keyof typeof demos](scene, (made) => (machine = made), values.chart);
    scene.chapter(`Done in ${((performance.now() - started) / 1000).toFixed(0)} s; the machine and its disks are gone`);
  } catch (error) {
    scene.failure(error instanceof Error ? error.message : String(error));
    if (machine) process.stdout.write(`\nThe driver's log:\n${machine.log}\n`);
    process.exitCode = 1;
  }
}
