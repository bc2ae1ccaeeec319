/** `npm run bench -- scale`: one controller, the bundle, with thousands of simulated nodes over the real stream. */
import { setTimeout as wait } from 'node:timers/promises';
import { MiB } from '../../src/domain/bytes.ts';
import { Cluster, segment } from '../scale/cluster.ts';
import { memoryFigures, memoryOf } from './memory.ts';
import { publish, toReasons, toTable } from './report.ts';
import { type Figure, percentile, timed } from './sampling.ts';

const capability = { mount: { fsType: 'ext4' }, accessMode: { mode: 'SINGLE_NODE_WRITER' } };

/** Milliseconds of `count` calls, `parallel` of them at a time. */
async function sample(count: number, parallel: number, call: (index: number) => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) times.push(await timed(() => call(index)));
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  return times;
}

async function calls(cluster: Cluster, nodes: number): Promise<Figure[]> {
  const { controller } = cluster.client;
  const nodeOf = (index: number) => segment(`node-${(index * 7919) % nodes}`);
  const capacity = (accessibleTopology: object | null) =>
    controller.getCapacity({ volumeCapabilities: [], parameters: {}, accessibleTopology });
  const segments = await sample(3000, 1, (index) => capacity(nodeOf(index)));
  const whole = await sample(100, 1, () => capacity(null));
  let startingToken = '';
  const pages = await sample(400, 1, async () => {
    ({ nextToken: startingToken } = await controller.listVolumes({ maxEntries: 500, startingToken }));
  });
  const gap = await cluster.longestGap();
  const creations = 2000;
  const create = (index: number) =>
    controller.createVolume({
      name: `bench-${index}`,
      capacityRange: { requiredBytes: String(16n * MiB), limitBytes: '0' },
      volumeCapabilities: [capability],
      accessibilityRequirements: { requisite: [nodeOf(index)], preferred: [nodeOf(index)] },
    } as never);
  const took = await timed(() => sample(creations, 100, create));
  return [
    { name: 'GetCapacity of a node, p99', unit: 'ms', ours: percentile(segments, 0.99), target: 5, samples: 3000 },
    { name: 'GetCapacity of all nodes, p99', unit: 'ms', ours: percentile(whole, 0.99), samples: 100 },
    { name: 'ListVolumes, a page of 500, p99', unit: 'ms', ours: percentile(pages, 0.99), target: 20, samples: 400 },
    { name: 'longest gap of the event loop, in these calls', unit: 'ms', ours: gap, target: 20, samples: 1 },
    { name: 'creates a second, 100 at a time', unit: '/s', ours: creations / (took / 1000), samples: creations },
  ];
}

/** Percent of one CPU without calls, for a quarter of a minute. */
async function idle(cluster: Cluster): Promise<number> {
  const [before, span] = [cluster.cpu(), 15_000];
  await wait(span);
  return ((cluster.cpu() - before) / span) * 100;
}

async function measure(nodes: number, volumes: number): Promise<Figure[]> {
  await using cluster = await Cluster.prepare({ nodes, volumes, program: 'dist/quarry.mjs' });
  cluster.dial();
  const first = await cluster.start();
  await cluster.kill();
  const again = await cluster.start();
  // At rest: the garbage of the handshakes has been collected by then.
  const cpu = await idle(cluster);
  const connected = memoryOf(cluster.pid);
  await cluster.longestGap();
  const rest = await calls(cluster, nodes);
  const figures: Figure[] = [
    { name: 'all nodes connected, controller started with them', unit: 's', ours: first / 1000, samples: 1 },
    { name: 'all nodes connected again after kill -9 of the controller', unit: 's', ours: again / 1000, samples: 1 },
    ...memoryFigures(connected, ', all nodes connected, at rest', 640),
    { name: 'maximum resident memory, with all connections made', unit: 'MiB', ours: cluster.peak(), samples: 1 },
    ...rest,
    { name: 'CPU without calls', unit: '%', ours: cpu, samples: 1 },
  ];
  return figures.map((figure) =>
    Object.assign(figure, { name: `${nodes} nodes, ${nodes * volumes} volumes: ${figure.name}` }),
  );
}

/** Returns the figures whose target is missed. */
export async function benchScale(reasons: Readonly<Record<string, string>>): Promise<readonly Figure[]> {
  const figures = [...(await measure(1000, 20)), ...(await measure(5000, 20))];
  const text = `# Benchmarks of scale

Measured by \`npm run bench -- scale\` in one run: \`quarry controller\` as a process, the bundle, with simulated nodes in another process on the same machine, of a lower priority (nice 10), which therefore share its
CPUs; so do the calls that are timed. Each node is the real client with a TLS connection and its own certificate; its storage is in
memory and answers at once, so the figures are those of the controller, the stream and the client. A pod uses each volume, and each node tells of that use every 30 seconds.

${toTable(figures)}${toReasons(figures, reasons)}`;
  return publish('benchmarks-scale', figures, text);
}
