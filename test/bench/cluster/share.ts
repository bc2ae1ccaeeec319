import { median } from '../sampling.ts';
import type { Work } from './calls.ts';
import { seconds } from './pods.ts';
import type { Step, Timeline } from './timeline.ts';

/** Steps of a pod with its volume, and the cause of the time in each. */
const STEPS: readonly (readonly [Step, Step, string])[] = [
  ['posted', 'chosen', "scheduler's first look at the pod"],
  ['chosen', 'provisioned', 'provisioner and CreateVolume'],
  ['provisioned', 'scheduled', 'binding, and the next look of the scheduler'],
  ['scheduled', 'running', 'kubelet, containerd, NodeStageVolume and NodePublishVolume'],
  ['podGone', 'volumeGone', 'controllers of claims and volumes, provisioner and DeleteVolume'],
];

/** A table of medians, between the API's steps and within the driver; a column for each group of pods. */
export async function whereTimeGoes(
  timeline: Timeline,
  work: readonly Work[],
  groups: Readonly<Record<string, readonly string[]>>,
): Promise<string> {
  const rows: string[] = [];
  for (const [from, to, whose] of STEPS) {
    const cells = Object.values(groups).map(async (names) =>
      show(1000 * median(await seconds(timeline, names, from, to))),
    );
    rows.push(`| ${whose} | ${(await Promise.all(cells)).join(' | ')} |`);
  }
  for (const what of new Set(work.map((each) => each.what))) {
    const same = work.filter((each) => each.what === what);
    const cells = Object.values(groups).map((names) => {
      const volumes = new Set(names.map((name) => timeline.volumeOf(name)));
      return ofVolumes(same.filter(({ volume }) => volumes.has(volume)));
    });
    if (cells.some((cell) => cell !== '')) rows.push(`| \`${what}\` | ${cells.join(' | ')} |`);
  }
  const titles = Object.keys(groups);
  return [`| Milliseconds, p50 | ${titles.join(' | ')} |`, `|---${'|---'.repeat(titles.length)}|`, ...rows].join('\n');
}

/** Milliseconds for each volume, summed over all runs of a step. */
function ofVolumes(work: readonly Work[]): string {
  const sums = Map.groupBy(work, ({ volume }) => volume)
    .values()
    .map((each) => each.reduce((sum, { milliseconds }) => sum + milliseconds, 0));
  return work.length === 0 ? '' : show(median([...sums]));
}

function show(milliseconds: number): string {
  return milliseconds.toFixed(0);
}
