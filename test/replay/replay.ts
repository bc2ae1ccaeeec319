import { bootGuest } from '../../lab/lab.ts';
import { messageOf } from '../../src/domain/errors.ts';
import { GUEST_NODE } from '../support/guest.ts';
import { baseSize } from './disks.ts';
import type { Answer, Order } from './order.ts';

export interface ReplayResult {
  /** By their names, over all operations. */
  readonly counts: Readonly<Record<string, number>>;
  readonly findings: readonly string[];
  /** Milliseconds by phase. */
  readonly times: Readonly<Record<string, number>>;
}

/** Plays the orders in one guest, which takes the next one when one is done: several guests may share them. `say` gets each answer of the guest. */
export async function runReplay(orders: Iterator<Order>, say: (answer: Answer) => void): Promise<ReplayResult> {
  const counts: Readonly<Record<string, number>>[] = [];
  const times: Readonly<Record<string, number>>[] = [];
  const findings: string[] = [];
  const hear = (answer: Answer): void => {
    say(answer);
    if ('finding' in answer) findings.push(answer.finding);
    if ('counts' in answer) counts.push(answer.counts);
    if ('times' in answer && answer.times) times.push(answer.times);
  };
  // What the guest's kernel reports of itself, for example, is found when the guest ends.
  await playInGuest(orders, hear).catch((error: unknown) => hear({ finding: messageOf(error) }));
  return { counts: sumOf(counts), findings, times: sumOf(times) };
}

async function playInGuest(orders: Iterator<Order>, hear: (answer: Answer) => void): Promise<void> {
  await using guest = await bootGuest({ disks: [baseSize], memory: '2048M' });
  const player = await guest.start([GUEST_NODE, '/quarry/test/replay/guest.ts']);
  const giveNext = (): void => {
    const next = orders.next();
    if (next.done) player.endInput();
    else player.write(`${JSON.stringify(next.value)}\n`);
  };
  let rest = '';
  player.stdout.onText((text) => {
    const lines = `${rest}${text}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const answer = JSON.parse(line) as Answer;
      hear(answer);
      if ('built' in answer || 'done' in answer) giveNext();
    }
  });
  const { exitCode, stderr } = await player.exited;
  if (exitCode !== 0) hear({ finding: `the player ended with ${exitCode}:\n${stderr}` });
}

/** Each name with the sum of its counts. */
export function sumOf(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const [name, times] of all.flatMap((counts) => Object.entries(counts))) sum[name] = (sum[name] ?? 0) + times;
  return sum;
}
