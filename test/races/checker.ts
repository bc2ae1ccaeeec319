import type { Call } from './history.ts';
import { afterFamily, type Family, familyKey, nothing } from './family.ts';
import { keyOf } from './register.ts';

/** An outcome that no order of the calls explains. */
export interface Violation {
  readonly name: string;
  /** The first call whose outcome is not explained by the calls that had begun before its end. */
  readonly call: Call;
  readonly text: string;
}

/**
 * Whether there is one order of the calls for each name in which the volume, its snapshot and the copy of that name give each call its outcome, and in which no call
 * comes before one that had ended when it began. A call whose outcome is unknown may come at any later time, or never.
 */
export function violations(history: readonly Call[]): Violation[] {
  const names = [...new Set(history.map(({ name }) => name))];
  return names.flatMap(
    (name) =>
      violationOf(
        name,
        history.filter((call) => call.name === name),
      ) ?? [],
  );
}

function violationOf(name: string, calls: readonly Call[]): Violation | undefined {
  if (isOrdered(calls)) return undefined;
  const ends = calls.filter(({ outcome }) => outcome.is !== 'unknown').sort((a, b) => a.end - b.end);
  const call = ends.find(({ end }) => !isOrdered(until(calls, end)));
  if (!call) throw new Error('a history without an order has a call that it fails at');
  return { name, call, text: `no order of the calls for ${name} explains the outcome of: ${lineOf(call)}` };
}

/** The history as it was known at that step. */
function until(calls: readonly Call[], step: number): Call[] {
  return calls.filter(({ begin }) => begin <= step).map((call) => (call.end <= step ? call : inFlight(call)));
}

function inFlight(call: Call): Call {
  return { ...call, outcome: { is: 'unknown', why: 'in flight' } };
}

/**
 * The search of Wing and Gong, with the memory of Lowe: a set of calls and a state that failed once is not tried again. A call that
 * never changes anything comes as early as it may; of equal calls whose outcome is unknown, the first comes first.
 */
function isOrdered(history: readonly Call[]): boolean {
  const calls = history.filter((call) => !saysNothing(call)).sort((a, b) => a.begin - b.begin);
  const failed = new Set<string>();
  const search = (done: string, state: Family): boolean => {
    const left = calls.filter((_, index) => done[index] === '0');
    const firstEnd = Math.min(...left.map(endOf));
    if (firstEnd === Infinity) return true;
    const key = `${done} ${familyKey(state)}`;
    if (failed.has(key)) return false;
    const possible = distinct(left.filter(({ begin }) => begin <= firstEnd));
    const steps = possible.flatMap((call) => stepsOf(call, state).map((next) => ({ call, next })));
    const still = steps.find(({ call }) => changesNothing(call));
    const found = (still ? [still] : steps).some(({ call, next }) => {
      const index = calls.indexOf(call);
      return search(`${done.slice(0, index)}1${done.slice(index + 1)}`, next);
    });
    if (!found) failed.add(key);
    return found;
  };
  return search('0'.repeat(calls.length), nothing);
}

function endOf({ outcome, end }: Call): number {
  return outcome.is === 'unknown' ? Infinity : end;
}

function changesNothing({ outcome, request }: Call): boolean {
  return outcome.is === 'refused' || request.call === 'get' || request.call === 'look';
}

/** A call that any order explains. */
function saysNothing({ outcome, request }: Call): boolean {
  return outcome.is === 'unknown' ? request.call === 'get' : outcome.is === 'refused' && outcome.kind === 'busy';
}

/** The states after the call. One that had no effect and whose outcome is unknown need not come at all. */
function stepsOf({ request, outcome }: Call, state: Family): Family[] {
  const next = afterFamily(state, request, outcome).map((each) =>
    familyKey(each) === familyKey(state) ? state : each,
  );
  return outcome.is === 'unknown' ? next.filter((each) => each !== state) : next;
}

function distinct(calls: readonly Call[]): Call[] {
  const seen = new Set<string>();
  return calls.filter(({ request, outcome }) => {
    if (outcome.is !== 'unknown') return true;
    const key = JSON.stringify(request);
    const isFirst = !seen.has(key);
    seen.add(key);
    return isFirst;
  });
}

/** A call and its outcome, for a report. */
export function lineOf({ name, by, request, begin, end, outcome }: Call): string {
  const { call, ...rest } = request;
  const asked = Object.entries(rest).map(
    ([key, value]) => `${key} ${typeof value === 'object' ? JSON.stringify(value) : value}`,
  );
  const to = by === undefined ? '' : ` by controller ${by}`;
  const span = outcome.is === 'unknown' ? `${begin}–` : `${begin}–${end}`;
  return `${span} ${[call, name, ...asked].join(' ')}${to}: ${textOf(outcome)}`;
}

function textOf(outcome: Call['outcome']): string {
  if (outcome.is === 'refused') return outcome.kind;
  if (outcome.is === 'unknown') return `unknown (${outcome.why})`;
  return ['ok', ...outcome.volumes.map((volume) => keyOf(volume))].join(', ');
}
