import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../../src/domain/errors.ts';
import { createRandom, type Random } from '../storm/random.ts';
import { untilDone } from '../support/driver.ts';
import { cacheCuts, type Cut, honestCuts } from './cuts.ts';
import { type Disks, Log, run } from './disks.ts';
import { hasForgottenSpare, problemsOfRecovery, problemsOfRepeat, type References, type Seen } from './judge.ts';
import type { Entry } from './log-format.ts';
import { Node, restoreRecords } from './node.ts';
import { observe } from './observe.ts';
import type { Operation } from './operation.ts';
import type { Answer, Order } from './order.ts';

/** Milliseconds in which work that a cut interrupted must end after the start. */
const settleWithin = 60_000;
/** Findings of one operation after which it is left: further ones seldom tell more. */
const mostFindings = 3;

/**
 * Lets the driver do the operation once, and starts it on the disks of each cut. What is left of the time then goes into further cuts with a lost
 * cache.
 */
export async function playOperation(
  disks: Disks,
  operation: Operation,
  order: Order,
  say: (answer: Answer) => void,
): Promise<void> {
  const [entries, references] = await record(disks, operation);
  const counts = { 'writes logged': entries.filter(({ kind }) => kind === 'write').length };
  say({ counts });
  let findings = 0;
  for (let round = 0; ; round += 1) {
    const cuts = chosen(entries, order, round);
    await disks.beginReplay();
    try {
      findings += await replay({ disks, operation, references, entries, order, say }, cuts);
    } finally {
      await disks.endReplay();
    }
    if (order.most > 0 || findings > 0 || Date.now() > order.until) return;
  }
}

/** Both kinds of cuts in the first round, in the order of their prefixes; then those with a lost cache. */
function chosen(entries: readonly Entry[], { most, seed }: Order, round: number): Cut[] {
  const random = createRandom(seed, round);
  const honest = honestCuts(entries);
  const some = most === 0 ? honest : spread(honest, most, random);
  const lost = cacheCuts(entries, random, some.length);
  return [...(round === 0 ? some : []), ...lost].toSorted((one, other) => one.prefix - other.prefix);
}

/** Always the last, which was answered. */
function spread(cuts: readonly Cut[], most: number, random: Random): Cut[] {
  const step = cuts.length / most;
  const picked = Array.from({ length: most - 1 }, (_, index) => Math.floor((index + random.below(1000) / 1000) * step));
  return [...new Set([...picked, cuts.length - 1])].flatMap((index) => cuts[index] ?? []);
}

/** The log, and what is seen without the operation and with it. */
async function record(disks: Disks, operation: Operation): Promise<[Entry[], References]> {
  let references: References | undefined;
  const { configuration = 'base', prepare, call, verify } = operation;
  const entries = await disks.recording(async () => {
    let node = await Node.start('base');
    await prepare?.(node);
    const before = await steady(node);
    if (configuration !== 'base') await node.stop();
    await disks.mark('begin', { flushed: true });
    if (configuration !== 'base') node = await Node.start(configuration);
    await untilDone(async () => call?.(node));
    await disks.mark('answered', { flushed: false });
    await disks.mark('end', { flushed: true });
    const wrong = (await verify?.(node)) ?? [];
    if (wrong.length > 0) throw new Error(`without a cut: ${wrong.join('\n')}`);
    references = { before, after: await steady(node), between: operation.between };
    await node.stop();
  });
  if (!references) throw new Error('nothing was recorded');
  return [entries, references];
}

/** What is seen once it no longer changes: the driver takes LVM's report a second after a change. */
async function steady(node: Node): Promise<Seen> {
  let seen = await observe(node);
  for (;;) {
    await delay(1500);
    const next = await observe(node);
    if (JSON.stringify(next) === JSON.stringify(seen)) return next;
    seen = next;
  }
}

interface Replay {
  readonly disks: Disks;
  readonly operation: Operation;
  readonly references: References;
  readonly entries: readonly Entry[];
  readonly order: Order;
  readonly say: (answer: Answer) => void;
}

/** Returns the number of findings. */
async function replay(options: Replay, cuts: readonly Cut[]): Promise<number> {
  const { disks, entries, order, say } = options;
  await using log = await Log.open();
  let applied = 0;
  let known = false;
  let findings = 0;
  for (const [index, cut] of cuts.entries()) {
    // One cut at least, however slow the machine.
    if ((index > 0 && Date.now() > order.until) || findings === mostFindings) return findings;
    const changed = await disks.replay(log, entries.slice(applied, cut.prefix));
    applied = cut.prefix;
    // The disks of the same bytes recover in the same way.
    if (changed) known = false;
    const kind = cut.further.length > 0 ? 'cuts with a lost cache' : 'cuts after a write';
    const skip = known && cut.further.length === 0 && !cut.acknowledged;
    if (!skip) {
      const problems = await recoverFrom(options, log, cut);
      if (problems.length > 0) {
        say({ finding: described(options, cut, problems) });
        findings += 1;
      }
      if (cut.further.length === 0) known = true;
    }
    say({ counts: { [kind]: 1, ...(skip ? { 'cuts with the bytes of the one before': 1 } : { recoveries: 1 }) } });
  }
  return findings;
}

async function recoverFrom(options: Replay, log: Log, cut: Cut): Promise<string[]> {
  const { disks, operation, references, entries } = options;
  await disks.beginCut(
    log,
    cut.further.map((index) => entries[index] as Entry),
  );
  const { configuration = 'base', call, verify } = operation;
  let node: Node | undefined;
  try {
    await restoreRecords();
    node = await Node.start(configuration);
    const happened = cut.acknowledged || configuration !== 'base';
    if (configuration !== 'base' && cut.further.length > 0 && !cut.acknowledged) await decideOnDisks(options, node);
    const wrong = await settled(node, (seen) => problemsOfRecovery(references, seen, happened));
    if (wrong.length > 0) return [...wrong, node.log(), await evidence()];
    await untilDone(async () => call?.(node as Node));
    const broken = (await verify?.(node)) ?? [];
    const repeated = await settled(node, (seen) => problemsOfRepeat(references, seen));
    return [...broken, ...repeated].length > 0 ? [...broken, ...repeated, node.log()] : [];
  } catch (error) {
    return [messageOf(error), node?.log() ?? '', await evidence()];
  } finally {
    await node?.stop();
    await disks.remove();
  }
}

/**
 * A disk that was being taken may keep any part of what LVM wrote without a flush between: a label without metadata, the place of metadata that is
 * lost, or metadata without a label. What the driver cannot prove to be its own waits for a person, who names the disk. If LVM refuses it all the
 * same, because it cannot read it, or the mark is gone, the person erases it.
 */
async function decideOnDisks({ say }: Replay, node: Node): Promise<void> {
  const { returned, refused } = node.waiting();
  const unreadable: string[] = [];
  for (const device of returned) {
    const taken = await node.approve(device).then(
      () => true,
      () => false,
    );
    if (!taken) unreadable.push(device);
    else say({ counts: { 'disks approved by name': 1 } });
  }
  for (const device of [...refused, ...unreadable]) {
    await node.erase(device);
    say({ counts: { 'disks erased': 1 } });
  }
}

const evidenceScript = `dmsetup status; dmsetup table; dmesg | tail -n 20
  lvchange -qq -ay -y qmain/thinpool_tmeta && thin_check /dev/mapper/qmain-thinpool_tmeta`;

/** The state of the kernel and, if the thin pool is not active, of its metadata; for a finding. */
async function evidence(): Promise<string> {
  return run('sh', '-c', `{ ${evidenceScript}; } 2>&1; exit 0`);
}

/** Looks until there is no problem, for a while. */
async function settled(node: Node, judge: (seen: Seen) => string[]): Promise<string[]> {
  const until = Date.now() + settleWithin;
  for (;;) {
    const seen = await observe(node);
    const problems = judge(seen);
    if (problems.length === 0 || hasForgottenSpare(seen)) return [];
    if (Date.now() > until) return problems;
    await delay(100);
  }
}

function described(options: Replay, cut: Cut, problems: readonly string[]): string {
  const { operation, entries, order } = options;
  const begin = entries.findIndex(({ kind }) => kind === 'mark');
  const later = cut.further.length > 0 ? `, with ${cut.further.length} of the writes that were not flushed` : '';
  return [
    `${operation.name}, cut after ${cut.prefix - begin} entries${later}${cut.acknowledged ? ', answered' : ''}:`,
    ...problems,
    `to play it again: npm run replay -- --seed ${order.seed} --operation ${operation.name} --most ${order.most}`,
  ].join('\n');
}
