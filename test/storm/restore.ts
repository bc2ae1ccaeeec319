import { copyStep } from './copy-verbs.ts';
import { remove } from './controller-verbs.ts';
import { follow, readingOf, verify } from './finish.ts';
import { known, type Volume } from './model.ts';
import { orderProblems, readNumber } from './order.ts';
import type { Random } from './random.ts';
import type { Site } from './site.ts';
import { type Member, membersOf } from './snapshots.ts';
import { planStep } from './verbs.ts';

/** Restores each member of a snapshot as the volume, one after the other, compares its content, and deletes it. */
export async function checkSnapshot(site: Site, snapshot: Volume, spare: Volume, random: Random): Promise<string[]> {
  const problems: string[] = [];
  const numbers: number[] = [];
  for (const member of membersOf(snapshot)) {
    const { number, wrong } = await checkMember(site, member, spare, random);
    numbers.push(number);
    problems.push(...wrong.map((problem) => `${snapshot.name}, restored: ${problem}`));
  }
  const [first, second] = numbers;
  if (snapshot.ordered === true && first !== undefined && second !== undefined)
    problems.push(...orderProblems(snapshot.name, [first, second]));
  return problems;
}

async function checkMember(
  site: Site,
  { id, frozen }: Member,
  spare: Volume,
  random: Random,
): Promise<{ number: number; wrong: string[] }> {
  const create = { verb: 'restore', ...copyStep(spare, frozen, { snapshot: id }, random) };
  const [made, wrong] = await follow(site, spare, [create]);
  if (!known(made)?.exists) return { number: 0, wrong };
  const [published, unread] = await follow(site, made, readingOf(made, random));
  const number = await readNumber(site, published);
  const [checked, damaged] = await verify(site, published, random);
  const facts = known(checked);
  const removal = facts && planStep(remove, checked, facts, random);
  const [, left] = await follow(site, checked, removal ? [removal] : []);
  return { number, wrong: [...wrong, ...unread, ...damaged, ...left] };
}
