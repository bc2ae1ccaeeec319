import { parseArgs } from 'node:util';
import { showDisk } from './disk.ts';
import { showNeighbour } from './neighbour.ts';
import { createScene, type Scene } from './scene.ts';
import { showSnapshots } from './snapshots.ts';
import { showVolumes } from './volumes.ts';
import { showCluster } from './cluster.ts';
import { bundleOnce } from '../test/support/program.ts';

type Demo = (scene: Scene, onSource: (source: { readonly log: string }) => void, chart?: string) => Promise<void>;
const demos: Readonly<Record<string, Demo>> = {
  volumes: showVolumes,
  qos: showNeighbour,
  snapshots: showSnapshots,
  disk: showDisk,
  cluster: showCluster,
};

const { values, positionals } = parseArgs({ allowPositionals: true, options: { chart: { type: 'string' } } });
await main(positionals[0] ?? 'volumes');

async function main(name: string): Promise<void> {
  const demo = Object.hasOwn(demos, name) ? demos[name] : undefined;
  if (!demo) {
    process.stderr.write(`there is no demo "${name}"; there are: ${Object.keys(demos).join(', ')}\n`);
    process.exitCode = 2;
    return;
  }
  await bundleOnce();
  const scene = createScene((text) => void process.stdout.write(text));
  const started = performance.now();
  let machine: { readonly log: string } | undefined;
  try {
    await demo(scene, (made) => (machine = made), values.chart);
    scene.chapter(`Done in ${((performance.now() - started) / 1000).toFixed(0)} s; the machine and its disks are gone`);
  } catch (error) {
    scene.failure(error instanceof Error ? error.message : String(error));
    if (machine) process.stdout.write(`\nThe driver's log:\n${machine.log}\n`);
    process.exitCode = 1;
  }
}
