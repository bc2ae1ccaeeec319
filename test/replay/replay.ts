import { bootGuest } from '../../lab/lab.ts';
import { GUEST_NODE } from '../support/guest.ts';
import { baseSize } from './disks.ts';
import type { Answer, Order } from './order.ts';

export interface ReplayResult {
  /** By their names, over all operations. */
  readonly counts: Readonly<Record<string, number>>;
  readonly findings: readonly string[];
}

/** Plays the orders in one guest. `say` gets each answer of the guest. */
export async function runReplay(orders: readonly Order[], say: (answer: Answer) => void): Promise<ReplayResult> {
  const counts: Record<string, number> = {};
  const findings: string[] = [];
  const hear = (answer: Answer): void => {
    say(answer);
    if ('finding' in answer) findings.push(answer.finding);
    if (!('counts' in answer)) return;
    for (const [name, times] of Object.entries(answer.counts)) counts[name] = (counts[name] ?? 0) + times;
  };
  await using guest = await bootGuest({ disks: [baseSize], memory: '2048M' });
  const player = await guest.start([GUEST_NODE, '/quarry/test/replay/guest.ts']);
  let rest = '';
  player.stdout.onText((text) => {
    const lines = `${rest}${text}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) hear(JSON.parse(line) as Answer);
  });
  player.write(orders.map((order) => `${JSON.stringify(order)}\n`).join(''));
  player.endInput();
  const { exitCode, stderr } = await player.exited;
  if (exitCode !== 0) findings.push(`the player ended with ${exitCode}:\n${stderr}`);
  return { counts, findings };
}
