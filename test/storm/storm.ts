import { bootGuest } from '../../lab/lab.ts';
import { countsOf, describe } from './report.ts';
import { type Finding, Storm, type StormOptions } from './run.ts';

/** The thin pool fills the first half of them; two stripes in two copies need four others. */
export const stormDisks: readonly string[] = Array.from({ length: 8 }, () => '3G');

export interface StormResult {
  readonly counts: Readonly<Record<string, number>>;
  readonly failure?: { readonly finding: Finding; readonly report: string };
}

/** A storm in a guest of its own. */
export async function runStorm(options: StormOptions): Promise<StormResult> {
  const lines: string[] = [];
  const say = (line: string): void => {
    lines.push(line);
    options.say(line);
  };
  const guest = await bootGuest({ disks: stormDisks });
  try {
    const storm = await Storm.open(guest, { ...options, say });
    const finding = await storm.play();
    const counts = countsOf(storm.tally);
    if (!finding) return { counts };
    return { counts, failure: { finding, report: await describe(storm, finding, lines, options) } };
  } finally {
    // A complaint of its kernel is a finding already.
    await guest.shutdown().catch(() => undefined);
  }
}
