/** `npm run bench -- cluster`: how long pods with Quarry's volumes take on Kubernetes, compared with pods without volumes. */
import { openCluster } from '../../../lab/kubernetes/cluster.ts';
import { installQuarry } from '../../../lab/kubernetes/install.ts';
import { NODES } from '../../../lab/kubernetes/recipe.ts';
import { storageClass } from '../../support/manifests.ts';
import { publish, toReasons, toTable } from '../report.ts';
import { type Figure, median } from '../sampling.ts';
import { Api } from './api.ts';
import { readWork } from './calls.ts';
import { memory } from './memory.ts';
import { end, type Kind, kinds, run, seconds } from './pods.ts';
import { whereTimeGoes } from './share.ts';
import { NAMESPACE, type Step, Timeline } from './timeline.ts';

const AT_ONCE = 30;

/** Returns the figures whose target is missed. `rounds`: how often each kind of pod is started alone. */
export async function benchCluster(reasons: Readonly<Record<string, string>>, rounds = 10): Promise<readonly Figure[]> {
  await using cluster = await openCluster(NODES);
  await installQuarry(cluster, { logLevel: 'debug' });
  const { kubectl } = cluster;
  await kubectl.run(['create', 'namespace', NAMESPACE]);
  await kubectl.apply(
    storageClass('thin', { pool: 'fast', type: 'thin' }),
    storageClass('thick', { pool: 'bulk', type: 'thick' }),
  );
  using api = await Api.open(cluster);
  const timeline = await Timeline.open(api);
  const resident = await memory(cluster);
  await singly(api, timeline, rounds);
  await atOnce(api, timeline);
  const work = await readWork(kubectl);
  timeline.add(work);
  const single = (kind: Kind): string[] => names(kind, rounds);
  const together = (kind: Kind): string[] => names(kind, AT_ONCE, 'together');
  const figures = [
    ...(await figuresOfOne(timeline, single)),
    ...(await figuresAtOnce(timeline, together)),
    ...resident,
    ...(await memory(cluster, 'after all of it')),
  ];
  const shares = { 'one thin': single('thin'), 'one thick': single('thick') };
  const all = { ...shares, [`${AT_ONCE} thin`]: together('thin'), [`${AT_ONCE} thick`]: together('thick') };
  const times = await whereTimeGoes(timeline, work, all);
  return publish('benchmarks-cluster', figures, toMarkdown(figures, times, { reasons, rounds }));
}

function names(kind: Kind, count: number, more = 'alone'): string[] {
  return Array.from({ length: count }, (_, index) => `${kind}-${more}-${index}`);
}

/** One at a time, the kinds in turn, so that the machine's other work affects all of them alike. */
async function singly(api: Api, timeline: Timeline, rounds: number): Promise<void> {
  for (let round = 0; round <= rounds; round += 1) {
    console.log(`one at a time: ${round} of ${rounds}`);
    for (const kind of kinds) {
      // The first of each kind loads its programs from disk, and does not count.
      const name = round === 0 ? `${kind}-first` : names(kind, rounds)[round - 1];
      await run(api, timeline, kind, name ?? kind);
      await end(api, timeline, kind, name ?? kind);
    }
  }
}

async function atOnce(api: Api, timeline: Timeline): Promise<void> {
  for (const kind of kinds) {
    console.log(`${AT_ONCE} at once: ${kind}`);
    const all = names(kind, AT_ONCE, 'together');
    await Promise.all(all.map((name) => run(api, timeline, kind, name)));
    await Promise.all(all.map((name) => end(api, timeline, kind, name)));
  }
}

async function figuresOfOne(timeline: Timeline, pods: (kind: Kind) => string[]): Promise<Figure[]> {
  const of = (kind: Kind, from: Step, to: Step): Promise<number[]> => seconds(timeline, pods(kind), from, to);
  const bare = await of('none', 'posted', 'running');
  const figures = figure('a pod without a volume: Running', bare);
  for (const kind of ['thin', 'thick'] as const) {
    const running = await of(kind, 'posted', 'running');
    const more = running.map((each) => each - median(bare));
    figures.push(
      ...figure(`${kind}: PersistentVolume exists`, await of(kind, 'posted', 'provisioned'), 0.6),
      ...figure(`${kind}: Running`, running, 3.1),
      ...figure(`${kind}: Running, less a pod without a volume`, more, 1.5),
      ...figure(`${kind}: pod gone to volume gone`, await of(kind, 'podGone', 'volumeGone'), 0.25),
    );
  }
  return figures;
}

function figure(what: string, samples: readonly number[], target?: number): Figure[] {
  const shape = { unit: 's', samples: samples.length } as const;
  return [
    { ...shape, name: `${what}, p50`, ours: median(samples), ...(target !== undefined && { target }) },
    { ...shape, name: `${what}, max`, ours: Math.max(...samples) },
  ];
}

async function figuresAtOnce(timeline: Timeline, pods: (kind: Kind) => string[]): Promise<Figure[]> {
  const figures: Figure[] = [];
  const all = async (kind: Kind): Promise<number[]> => seconds(timeline, pods(kind), 'posted', 'running');
  const bare = Math.max(...(await all('none')));
  for (const kind of kinds) {
    const running = await all(kind);
    const [what, ours] = [`${AT_ONCE} at once`, Math.max(...running)];
    const shape = { unit: 's', samples: 1, ours } as const;
    if (kind === 'none') figures.push({ ...shape, name: `${what}, without volumes: all Running` });
    else {
      figures.push(
        { ...shape, name: `${what}, ${kind}: all Running`, target: 22 },
        { ...shape, name: `${what}, ${kind} : without volumes`, bare, target: 1.49 },
      );
    }
    const name = `${what}, ${kind === 'none' ? 'without volumes' : kind}: Running, p50`;
    figures.push({ unit: 's', name, ours: median(running), samples: AT_ONCE });
  }
  return figures;
}

interface Setting {
  readonly reasons: Readonly<Record<string, string>>;
  readonly rounds: number;
}

function toMarkdown(figures: readonly Figure[], times: string, { reasons, rounds }: Setting): string {
  return `# Benchmarks on Kubernetes

Measured by \`npm run bench -- cluster\` in one run: Kubernetes' control plane on a machine of two CPUs, two nodes in microVMs of one
CPU each on that same machine, Quarry from its chart with both replicas of its controller on those nodes. ${rounds} pods one at a time, with ext4 on
WaitForFirstConsumer, then ${AT_ONCE} at once. Time starts when claim and pod are posted; both are deleted together. The targets in
seconds were set where a pod without a volume takes 0.9 s, and ${AT_ONCE} of them 14.8 s; so were those of what a volume adds (1.5 s) and of the ratio
(1.49), which hold on a slower machine, too. A node runs one container of Quarry's, and each replica of the controller three.

${toTable(figures)}
## Where the time goes

${times}
${toReasons(figures, reasons)}`;
}
