import { setTimeout as delay } from 'node:timers/promises';
import { createRandom } from '../storm/random.ts';
import { untilDone } from '../support/driver.ts';
import { cacheCuts, type Cut, honestCuts, inRounds, spread } from './cuts.ts';
import type { Disks } from './disks.ts';
import type { References, Seen } from './judge.ts';
import type { Log } from './log.ts';
import type { Entry } from './log-format.ts';
import { Node } from './node.ts';
import { observe } from './observe.ts';
import type { Operation } from './operation.ts';
import type { Answer, Order } from './order.ts';
import { PlayedCuts } from './played-cuts.ts';
import { playAgain } from './play-again.ts';
import { described, recoverFrom, termsOf } from './recover.ts';
import type { Replayed } from './replayed.ts';
import { Times } from './times.ts';

/** Findings of one operation after which it is left: further ones seldom tell more. */
const mostFindings = 3;
/** Cuts after a write in the first round, where no number is given. */
const firstRound = 16;

/**
 * Lets the driver do the operation once, and starts it on the disks of each cut. What is left of a limited time then goes into further cuts with a
 * lost cache.
 */
export async function playOperation(
  disks: Disks,
  operation: Operation,
  order: Order,
  say: (answer: Answer) => void,
): Promise<void> {
  const times = new Times();
  const references = await times.of('recording', () => record(disks, operation));
  await using log = await disks.openLog('operation');
  const { entries } = log;
  say({ counts: { 'writes logged': entries.filter(({ kind }) => kind === 'write').length }, times: times.take() });
  const played = new PlayedCuts();
  const replay = { disks, operation, references, log, order, say, times, played };
  let findings = 0;
  for (let round = 0; ; round += 1) {
    const cuts = chosen(entries, order, round);
    if (cuts.length === 0) return;
    try {
      await using replayed = await disks.beginReplay(log);
      findings += await playCuts(replay, replayed, cuts);
    } finally {
      await disks.remove();
    }
    if (order.most > 0 || findings > 0 || Date.now() > order.until) return;
  }
}

/**
 * Both kinds of cuts, in the order of their prefixes: few and far apart in the first round, in later ones what lies between; at last only those with a
 * lost cache, or none if each cut is taken once.
 */
function chosen(entries: readonly Entry[], { most, seed, once }: Order, round: number): Cut[] {
  const random = createRandom(seed, round);
  const all = honestCuts(entries);
  const honest = most === 0 ? (inRounds(all, firstRound)[round] ?? []) : spread(all, most, random);
  const lost = cacheCuts(entries, random, honest.length || (once ? 0 : all.length));
  return [...honest, ...lost].toSorted((one, other) => one.prefix - other.prefix);
}

/** Does the operation, and answers what is seen without it and with it, and in between. */
async function record(disks: Disks, operation: Operation): Promise<References> {
  let references: References | undefined;
  const { configuration = 'base', prepare, pulls, call, verify, between = [], parts = [] } = operation;
  const seenOfParts: Seen[] = [];
  for (const part of parts) seenOfParts.push(await seenAfter(disks, operation, part));
  await disks.recording(async () => {
    let node = await Node.start(call ? configuration : 'base');
    await prepare?.(node);
    const before = await steady(node);
    if (!call) await node.stop();
    await disks.mark('begin', { flushed: true });
    if (pulls) await disks.pull(pulls());
    if (!call) node = await Node.start(configuration);
    await untilDone(async () => call?.(node));
    await disks.mark('answered', { flushed: false });
    await disks.mark('end', { flushed: true });
    const wrong = (await verify?.(node)) ?? [];
    if (wrong.length > 0) throw new Error(`without a cut: ${wrong.join('\n')}`);
    const after = await steady(node);
    const changed = between.flatMap((change) => [before, after].map(({ facts }) => facts.map(change).toSorted()));
    references = { before, after, between: [...changed, ...seenOfParts.map(({ facts }) => facts)] };
    await node.stop();
  });
  if (!references) throw new Error('nothing was recorded');
  return references;
}

/** What is seen if only this part of the operation is done. */
async function seenAfter(disks: Disks, { configuration, prepare }: Operation, part: (node: Node) => Promise<unknown>) {
  let seen: Seen | undefined;
  await disks.recording(async () => {
    const node = await Node.start(configuration ?? 'base');
    await prepare?.(node);
    await part(node);
    seen = await steady(node);
    await node.stop();
  });
  if (!seen) throw new Error('nothing was seen');
  return seen;
}

/** What is seen once it no longer changes: the driver takes LVM's report a second after a change, or later if reports take long. */
async function steady(node: Node): Promise<Seen> {
  let seen = await observe(node);
  for (;;) {
    node.rescan();
    await delay(1500);
    const next = await observe(node);
    if (JSON.stringify(next) === JSON.stringify(seen)) return next;
    seen = next;
  }
}

export interface Replay {
  readonly disks: Disks;
  readonly operation: Operation;
  readonly references: References;
  readonly log: Log;
  readonly order: Order;
  readonly say: (answer: Answer) => void;
  readonly times: Times;
  readonly played: PlayedCuts;
}

/** Returns the number of findings. */
async function playCuts(replay: Replay, replayed: Replayed, cuts: readonly Cut[]): Promise<number> {
  const { order } = replay;
  let findings = 0;
  // One cut at least, however slow the machine.
  await replayed.over(cuts, async (cut) => {
    if (!(await playCut(replay, replayed, cut))) findings += 1;
    return findings < mostFindings && Date.now() <= order.until;
  });
  return findings;
}

/** Returns whether it held. */
async function playCut(replay: Replay, replayed: Replayed, cut: Cut): Promise<boolean> {
  const { operation, order, played, say, times } = replay;
  const terms = termsOf(operation, cut);
  const kind = cut.further.length > 0 ? 'cuts with a lost cache' : 'cuts after a write';
  const { fingerprints } = replayed;
  const known = played.has(terms, fingerprints);
  if (known && !played.controlIsDue()) {
    say({ counts: { [kind]: 1, 'cuts that the driver cannot tell from a played one': 1 } });
    return true;
  }
  await replayed.takeRead();
  const again = order.again > 0 && !known;
  const problems = await recoverFrom(replay, terms, { replay: 'operation', logged: again });
  if (problems.length === 0) played.add(terms, fingerprints, await times.of('reads', () => replayed.takeRead()));
  else say({ finding: described(replay, cut, problems), operation: operation.name });
  say({ counts: { [kind]: 1, recoveries: 1, ...(known && { 'of them controls': 1 }) }, times: times.take() });
  return problems.length === 0 && (!again || playAgain(replay, cut));
}
