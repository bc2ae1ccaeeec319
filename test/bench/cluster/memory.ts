import type { Cluster } from '../../../lab/kubernetes/cluster.ts';
import type { Figure } from '../sampling.ts';

/** A process of Quarry's pods, by the start of its command line. */
const PROCESSES = {
  'the node role': '/usr/local/bin/node /opt/quarry/quarry.mjs node',
  'the controller role': '/usr/local/bin/node /opt/quarry/quarry.mjs controller',
  'the provisioner': '/csi-provisioner',
  'the resizer': '/csi-resizer',
} as const;

/** Resident memory of each process of Quarry's pods: the maximum over the nodes. */
export async function memory({ workers }: Cluster, when = 'after its start'): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const [what, begins] of Object.entries(PROCESSES)) {
    const script = `for pid in $(pgrep -f '^${begins}'); do awk '/^VmRSS/ { print $2 }' /proc/$pid/status; done`;
    const texts = await Promise.all(workers.map(({ guest }) => guest.shell(script)));
    const sizes = texts.flatMap((text) => text.split('\n').filter(Boolean).map(Number));
    const ours = Math.max(...sizes) / 1024;
    figures.push({ name: `resident memory of ${what}, ${when}`, unit: 'MiB', ours, samples: sizes.length });
  }
  return figures;
}
