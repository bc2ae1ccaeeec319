import { settleRegions, wrongRegions } from './content.ts';
import type { Outcome } from './execute.ts';
import { acknowledge, doubt, either, type Volume } from './model.ts';
import type { Pair } from './pairs.ts';
import type { Action } from './plan.ts';
import type { Step } from './verb.ts';

/** The outcomes of a call that may have been done or not. */
const unknown = new Set(['cut', 'CANCELLED', 'ABORTED', 'UNAVAILABLE']);

/** The volume in the model after an action, and the outcomes that were not allowed. */
export function conclude(volume: Volume, action: Action, outcomes: readonly Outcome[]): [Volume, string[]] {
  if (action.pair) return concludePair(volume, action.pair, outcomes);
  if (!action.followedBy) return concludeStep(volume, action.step, outcomes);
  const [first, second] = outcomes;
  const [cancelled, wrong] = concludeCancelled(volume, action.step, first);
  const [after, more] = second ? concludeDeletion(cancelled, action.followedBy, second) : [cancelled, []];
  return [after, [...wrong, ...more]];
}

function concludeStep(volume: Volume, step: Step, outcomes: readonly Outcome[]): [Volume, string[]] {
  const problems = outcomes
    .filter((outcome) => outcome.code !== 'cut' && !isRight(step, outcome))
    .map((outcome) => wrongOutcome(volume, step, outcome));
  const read = outcomes.find((outcome) => outcome.read)?.read;
  if (read) {
    problems.push(...wrongRegions(volume, read));
    return [{ ...volume, regions: settleRegions(volume, read) }, problems];
  }
  if (outcomes.some(({ code }) => code === 'OK')) return [acknowledge(volume, step.change), problems];
  if (outcomes.some(({ code }) => code === 'cut')) return [doubt(volume, step.change), problems];
  return [volume, problems];
}

/** The code is one that is right, and a refusal names what it is for. */
function isRight({ outcomes, says = [] }: Step, { code, details }: Outcome): boolean {
  if (!outcomes.includes(code)) return false;
  return code !== 'FAILED_PRECONDITION' || says.every((text) => details.includes(text));
}

/** A cancelled call that was not repeated. */
function concludeCancelled(volume: Volume, step: Step, outcome: Outcome | undefined): [Volume, string[]] {
  if (outcome && !unknown.has(outcome.code)) return concludeStep(volume, step, [outcome]);
  return [doubt(volume, step.change), []];
}

/** A deletion after a call whose outcome may be unknown: a volume that may be staged is deleted or refused. */
function concludeDeletion(volume: Volume, step: Step, outcome: Outcome): [Volume, string[]] {
  const { exists, staged } = volume.possible;
  if (outcome.code === 'OK' && staged.includes(false)) return [acknowledge(volume, deletion), []];
  if (outcome.code === 'cut') return [doubt(volume, staged.includes(false) ? deletion : { facts: {} }), []];
  const isStaged = outcome.code === 'FAILED_PRECONDITION' && exists.includes(true) && staged.includes(true);
  if (isStaged) return [acknowledge(volume, { facts: { exists: true, staged: true } }), []];
  return [volume, [wrongOutcome(volume, { ...step, outcomes: staged.map(deletionOf) }, outcome)]];
}

const deletion = { facts: { exists: false } };

function deletionOf(staged: boolean): string {
  return staged ? 'FAILED_PRECONDITION' : 'OK';
}

function concludePair(volume: Volume, { steps, ends }: Pair, outcomes: readonly Outcome[]): [Volume, string[]] {
  const codes = outcomes.map(({ code }) => code);
  const fits = (code: string, index: number): boolean => codes[index] === code || codes[index] === 'cut';
  const whole = ends.filter((end) => end.codes.every(fits)).map(({ changes }) => changes.reduce(acknowledge, volume));
  const [result, ...others] = [...whole, ...partly(volume, steps, codes)];
  if (result) return [others.reduce(either, result), []];
  const said = outcomes.map(({ code, details }, index) => `${steps[index]?.verb} ${code} ${details}`.trim());
  return [
    volume,
    [`two calls at once for ${volume.name}: ${said.join('; ')}: no order of the calls has these outcomes`],
  ];
}

/** The states if a call that was cut off was not done. */
function partly(volume: Volume, steps: Pair['steps'], codes: readonly string[]): Volume[] {
  const cut = codes.map((code) => code === 'cut');
  if (cut.every(Boolean)) return [steps.reduce((now, { change }) => doubt(now, change), volume)];
  return steps.flatMap((step, index) => {
    const alone = cut[1 - index] === true && step.outcomes.includes(codes[index] ?? '');
    return alone ? [acknowledge(volume, step.change)] : [];
  });
}

function wrongOutcome({ name }: Volume, { verb, outcomes }: Step, { code, details }: Outcome): string {
  return `${verb} ${name}: ${code}, not ${outcomes.join(' or ')}: ${details}`;
}
