import { conclude } from './conclude.ts';
import { checkCodes, checkHeader, withPlainDevice } from './encryption.ts';
import { execute } from './execute.ts';
import { removeGroup } from './group-verbs.ts';
import { kindOf, known, type Volume } from './model.ts';
import type { Action } from './plan.ts';
import type { Random } from './random.ts';
import type { Site } from './site.ts';
import { read } from './pod-verbs.ts';
import type { Step } from './verb.ts';
import { pathTo, planStep } from './verbs.ts';

/** Makes the steps one after the other, without a disturbance. */
export async function follow(site: Site, volume: Volume, steps: readonly Step[]): Promise<[Volume, string[]]> {
  let now = volume;
  const problems: string[] = [];
  for (const step of steps) {
    const action = { volume: volume.name, step, times: 1 };
    const [next, wrong] = conclude(now, action, await execute(site, action, { struck: false }));
    now = next;
    problems.push(...wrong);
  }
  return [now, problems];
}

/**
 * Repeats the deletions of group snapshots that were cut off, as a sidecar does until they succeed: LVM deletes one member after the other, so that
 * a part may be there until then. Answers the groups that were deleted.
 */
export async function repeatDeletions(
  site: Site,
  groups: readonly Volume[],
  actions: readonly Action[],
): Promise<[Volume[], string[]]> {
  const cut = actions.flatMap(({ volume, step, followedBy = step }) => {
    const group = groups.find((one) => one.name === volume && kindOf(one) === 'group');
    const isOpen = group !== undefined && group.possible.exists.length > 1 && followedBy.verb === removeGroup.name;
    return isOpen ? [follow(site, group, [followedBy])] : [];
  });
  const results = await Promise.all(cut);
  return [results.map(([group]) => group), results.flatMap(([, problems]) => problems)];
}

/** Steps that stage, publish and read a volume that exists. */
export function readingOf(volume: Volume, random: Random): Step[] {
  const facts = known(volume);
  if (!facts?.exists) return [];
  const reading = planStep(read, volume, { ...facts, published: true }, random);
  return [...pathTo('published', volume, facts, random), ...(reading ? [reading] : [])];
}

/** Reads a volume, unstages it, and checks its filesystem. */
export async function verify(site: Site, volume: Volume, random: Random): Promise<[Volume, string[]]> {
  const [published, problems] = await follow(site, volume, readingOf(volume, random));
  const facts = known(published);
  if (!facts?.exists) return [published, problems];
  const [unstaged, more] = await follow(site, published, pathTo('unstaged', published, facts, random));
  const checks = [
    await checkHeader(site.guest, unstaged),
    await checkCodes(site.guest, unstaged),
    await checkFilesystem(site, unstaged),
  ];
  return [unstaged, [...problems, ...more, ...checks.flat()]];
}

const checkers = { ext4: 'e2fsck -fn', xfs: 'xfs_repair -n', btrfs: 'btrfs check --readonly' } as const;

async function checkFilesystem({ guest }: Site, volume: Volume): Promise<string[]> {
  const { name, shape } = volume;
  if (shape.access === 'block') return [];
  const words = checkers[shape.access];
  const { exitCode, stdout, stderr } = await guest.exec(['sh', '-c', withPlainDevice(volume, words)]);
  return exitCode === 0 ? [] : [`${name}: ${words}: exit code ${exitCode}\n${stdout}${stderr}`];
}
