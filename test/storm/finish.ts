import { setTimeout as delay } from 'node:timers/promises';
import { conclude, execute } from './execute.ts';
import { known, type Volume } from './model.ts';
import type { Random } from './random.ts';
import { capacities, group, type Site } from './site.ts';
import { read } from './pod-verbs.ts';
import type { Step } from './verb.ts';
import { pathTo, planStep } from './verbs.ts';

/** The room in the group. */
export interface Room {
  readonly capacities: Readonly<Record<string, string>>;
  /** Data and metadata of the thin pool in use, in per cent as LVM prints them, and the free bytes of the group. */
  readonly used: string;
}

export async function roomOf(site: Site): Promise<Room> {
  const used = await site.guest.shell(`lvs --noheadings -o data_percent ${group}/thinpool
    vgs --noheadings --nosuffix --units b -o vg_free ${group}`);
  return { capacities: await capacities(site), used: used.replaceAll(/\s+/g, ' ').trim() };
}

/** Makes the steps one after the other, without a disturbance. */
export async function follow(site: Site, volume: Volume, steps: readonly Step[]): Promise<[Volume, string[]]> {
  let now = volume;
  const problems: string[] = [];
  for (const step of steps) {
    const outcomes = await execute(site, { volume: volume.name, step, times: 1 }, { struck: false });
    const [next, wrong] = conclude(now, step, outcomes);
    now = next;
    problems.push(...wrong);
  }
  return [now, problems];
}

/** Steps that stage, publish and read a volume that exists. */
export function readingOf(volume: Volume, random: Random): Step[] {
  const facts = known(volume);
  if (!facts?.exists) return [];
  const reading = planStep(read, volume, { ...facts, published: true }, random);
  return [...pathTo('published', volume, facts, random), ...(reading ? [reading] : [])];
}

/** Reads a volume, checks its filesystem, and deletes it. */
export async function takeDown(site: Site, volume: Volume, random: Random): Promise<[Volume, string[]]> {
  const [published, problems] = await follow(site, volume, readingOf(volume, random));
  const facts = known(published);
  if (!facts?.exists) return [published, problems];
  const steps = pathTo('deleted', published, facts, random);
  const [unstaged, more] = await follow(site, published, steps.slice(0, -1));
  const check = await checkFilesystem(site, unstaged);
  const [gone, last] = await follow(site, unstaged, steps.slice(-1));
  return [gone, [...problems, ...more, ...check, ...last]];
}

const checkers = { ext4: 'e2fsck -fn', xfs: 'xfs_repair -n', btrfs: 'btrfs check --readonly' } as const;

async function checkFilesystem({ guest }: Site, { name, shape }: Volume): Promise<string[]> {
  if (shape.access === 'block') return [];
  const words = `${checkers[shape.access]} /dev/${group}/${name}`;
  const { exitCode, stdout, stderr } = await guest.exec(['sh', '-c', `lvchange -ay ${group}/${name} && ${words}`]);
  return exitCode === 0 ? [] : [`${words}: exit code ${exitCode}\n${stdout}${stderr}`];
}

/** Compares until it is the same, for half a minute: a deletion may free its space later. */
export async function roomProblems(site: Site, before: Room): Promise<string[]> {
  const until = Date.now() + 30_000;
  for (;;) {
    const now = await roomOf(site);
    if (JSON.stringify(now) === JSON.stringify(before)) return [];
    if (Date.now() > until)
      return [
        `the room of the group was ${JSON.stringify(before)}, and is ${JSON.stringify(now)} after all was deleted`,
      ];
    await delay(200);
  }
}
