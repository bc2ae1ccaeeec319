import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../../src/domain/errors.ts';
import { MiB, untilDone } from '../support/driver.ts';
import type { Cut } from './cuts.ts';
import type { Disks, Logged } from './disks.ts';
import {
  hasForgottenSpare,
  problemsOfNext,
  problemsOfRecovery,
  problemsOfRepeat,
  type References,
  type Seen,
} from './judge.ts';
import { Node, restoreRecords } from './node.ts';
import { observe } from './observe.ts';
import { create, idOf, type Operation } from './operation.ts';
import type { Replay } from './play.ts';
import type { Terms } from './played-cuts.ts';
import { runScript } from './run.ts';

/** Milliseconds in which work that a cut interrupted must end after the start. */
const settleWithin = 60_000;

/** Where and how a cut is played. */
export interface Ground {
  /** Of what the replayed disks are. */
  readonly replay: Logged;
  /** The recovery is logged, from the start to the answer of the repeated call. */
  readonly logged: boolean;
}

/**
 * What is expected after a cut, and after a second one amid the recovery from it. A person may decide on disks that a lost cache left half taken,
 * because the driver may not be able to.
 */
export function termsOf({ call, remade }: Operation, first: Cut, second?: Cut): Terms {
  const outlives = second === undefined || !remade;
  const acknowledged = (first.acknowledged && outlives) || second?.acknowledged === true;
  const lost = [first, second].some((cut) => cut !== undefined && cut.further.length > 0);
  return { acknowledged, decided: lost && !acknowledged && call === undefined };
}

/** Starts the driver on the disks of a cut, and repeats the call. Returns the problems. */
export async function recoverFrom(replay: Replay, { acknowledged, decided }: Terms, ground: Ground): Promise<string[]> {
  const { disks, operation, references, times } = replay;
  const { configuration = 'base', pulls, call, verify } = operation;
  const mark: Disks['mark'] = async (...words) => void (ground.logged && (await disks.mark(...words)));
  await times.of('disks', () => disks.beginCut(ground.replay, ground));
  await mark('begin', { flushed: true });
  if (pulls) await disks.pull(pulls());
  let node: Node | undefined;
  try {
    await times.of('records', restoreRecords);
    node = await times.of('start', () => Node.start(configuration));
    const happened = acknowledged || call === undefined || pulls !== undefined;
    if (decided) await decideOnDisks(replay, node);
    const started = node;
    const wrong = await times.of('first look', () =>
      settled(started, (seen) => problemsOfRecovery(references, seen, happened)),
    );
    if (wrong.length > 0) return [...wrong, node.log(), await evidence()];
    await times.of('repeated call', () => untilDone(async () => call?.(started)));
    await mark('answered', { flushed: false });
    await mark('end', { flushed: true });
    const broken = await times.of('verification', async () => (await verify?.(started)) ?? []);
    const repeated = await times.of('second look', () =>
      settled(started, (seen) => problemsOfRepeat(references, seen)),
    );
    const later = await times.of('next changes', () => changeNext(started, references));
    const problems = [...broken, ...repeated, ...later];
    return problems.length > 0 ? [...problems, node.log(), await evidence()] : [];
  } catch (error) {
    return [messageOf(error), node?.log() ?? '', await evidence()];
  } finally {
    await times.of('stop', async () => node?.stop());
    await times.of('removal', () => disks.remove());
  }
}

/** Deletes a thin volume, and then makes one: what a cut left in LVM may hurt the changes that follow. */
async function changeNext(node: Node, references: References): Promise<string[]> {
  const changes = { removed: idOf('grown-thin'), made: idOf('next') };
  await untilDone(() => node.client.controller.deleteVolume({ volumeId: changes.removed }));
  await untilDone(() => create(node, 'next', 8 * MiB, { type: 'thin' }));
  return settled(node, (seen) => problemsOfNext(references, seen, changes));
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
  return runScript(`{ ${evidenceScript}; } 2>&1; exit 0`);
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

/** @param again a cut amid the recovery from the first one */
export function described(replay: Replay, cut: Cut, problems: readonly string[], again?: Cut): string {
  const { operation, log, order } = replay;
  const begin = log.entries.findIndex(({ kind }) => kind === 'mark');
  const second = again ? `, and again after ${place(again, again.prefix)} of the recovery` : '';
  const options = `${order.most > 0 ? ` --most ${order.most}` : ' --all'}${again ? ` --again ${order.again}` : ''}`;
  return [
    `${operation.name}, cut after ${place(cut, cut.prefix - begin)}${second}:`,
    ...problems,
    `to play it again: npm run replay -- --seed ${order.seed} --operation ${operation.name}${options}`,
  ].join('\n');
}

function place({ further, acknowledged }: Cut, entries: number): string {
  const later = further.length > 0 ? `, with ${further.length} of the writes that were not flushed` : '';
  return `${entries} entries${later}${acknowledged ? ', answered' : ''}`;
}
