import { countsOf, describe } from './report.ts';
import { type Finding, Storm, type StormOptions } from './run.ts';
import { openApartRoles, openTogether, type Roles } from './site.ts';

export interface StormResult {
  /** The actions that were begun: `<round>:<volume>`. */
  readonly actions: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
  readonly failure?: { readonly finding: Finding; readonly report: string };
}

/** A storm in a lab of its own. */
export async function runStorm(options: StormOptions & { readonly roles?: Roles }): Promise<StormResult> {
  const lines: string[] = [];
  const say = (line: string): void => {
    lines.push(line);
    options.say(line);
  };
  const place = await (options.roles === 'apart' ? openApartRoles() : openTogether());
  try {
    const storm = await Storm.open(place, { ...options, say });
    const finding = await storm.play();
    const counts = countsOf(storm.tally);
    if (!finding) return { counts, actions: storm.played };
    return {
      counts,
      actions: storm.played,
      failure: { finding, report: await describe(storm, finding, lines, options) },
    };
  } finally {
    // A complaint of its kernel is a finding already.
    await place[Symbol.asyncDispose]().then(undefined, () => undefined);
  }
}
