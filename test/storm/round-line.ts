import type { Outcome } from './execute.ts';
import type { Action, Round, Strike } from './plan.ts';

/** What was done in a round, and how each call ended. */
export function lineOf(
  round: number,
  { actions, strikes, full }: Round,
  outcomes: readonly (readonly Outcome[])[],
): string {
  const words = actions.map((action, index) => {
    const codes = (outcomes[index] ?? []).map(({ code }) => code).join(', ');
    return `${wordsOf(action)}: ${codes}`.replaceAll(/ +/g, ' ').replace(' :', ':');
  });
  return `round ${round}: ${[...(full ? ['full group'] : []), ...words, ...strikes.map(strikeWords)].join('; ')}`;
}

function wordsOf({ volume, step, cancelAfter, followedBy, pair }: Action): string {
  if (pair) return pair.steps.map(({ verb, text }) => `${verb} ${volume} ${text}`).join(' and at once ');
  const cancelled = cancelAfter === undefined ? '' : ` cancelled after ${cancelAfter} ms`;
  return `${step.verb} ${volume} ${step.text}${cancelled}${followedBy ? `, then ${followedBy.verb}` : ''}`;
}

function strikeWords({ disturbance, after, lasts }: Strike, index: number): string {
  const since = index === 0 ? `after ${after} ms` : `${after} ms after that`;
  return `${disturbance.name} ${since}${disturbance.lasts ? ` for ${lasts} ms` : ''}`;
}
