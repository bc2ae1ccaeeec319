import { type Outcome, type Part, parts, type Request, type Seen } from './history.ts';
import { after, keyOf, type Register } from './register.ts';

/** What a name is at one moment: each part is there, or not. */
export type Family = Readonly<Record<Part, Register>>;

export const nothing: Family = {
  volume: undefined,
  snapshot: undefined,
  copy: undefined,
  second: undefined,
  group: undefined,
};

/** A text that is the same for equal states. */
export function familyKey(family: Family): string {
  return parts.map((part) => keyOf(family[part])).join(', ');
}

/** The states that a call may leave, as its outcome says. None: no call on that state has that outcome. */
export function afterFamily(family: Family, request: Request, outcome: Outcome): readonly Family[] {
  if (request.call === 'snapshot') return afterSnapshot(family, request, outcome);
  if (request.call === 'group') return afterGroup(family, request, outcome);
  if (request.call === 'copy') return afterCopy(family, request, outcome);
  return afterPart(family, request, outcome);
}

type Of<Call> = Extract<Request, { readonly call: Call }>;

function afterSnapshot(family: Family, { thick }: Of<'snapshot'>, outcome: Outcome): readonly Family[] {
  const { volume, snapshot } = family;
  // A snapshot outlives its volume, and the same name is the same snapshot.
  const made = snapshot ?? (volume && { node: volume.node, size: volume.size, thick });
  return answered(outcome, made, { 'not-found': !made, exhausted: !snapshot }, { ...family, snapshot: made }, family);
}

function afterGroup(family: Family, { node, thick }: Of<'group'>, outcome: Outcome): readonly Family[] {
  const { volume, second } = family;
  const group = wholeOf(family);
  const made = group ?? (volume && second && { node: volume.node, size: volume.size, second: second.size, thick });
  const refusals = { 'not-found': !made, exhausted: !group };
  const states = answered(outcome, made, refusals, { ...family, group: made }, family);
  return outcome.is === 'unknown' && thick && !group ? [...states, { ...family, group: restOn(node) }] : states;
}

function afterCopy(family: Family, { of }: Of<'copy'>, outcome: Outcome): readonly Family[] {
  const [source, { copy }] = [family[of], family];
  const same = copy?.of === of ? copy : undefined;
  const made = copy ? same : source && { node: source.node, size: source.size, of };
  // A copy that exists is the answer to its request, also if its source is gone.
  const refusals = { 'not-found': !source && !same, exhausted: !copy, exists: copy !== undefined && !same };
  return answered(outcome, made, refusals, { ...family, copy: made }, family);
}

function afterPart(
  family: Family,
  request: Exclude<Request, Of<'snapshot' | 'group' | 'copy'>>,
  outcome: Outcome,
): readonly Family[] {
  const part: Part = ('part' in request && request.part) || 'volume';
  const guard = changesSize(family[part], request) ? guardOf(family, part) : undefined;
  if (guard && outcome.is === 'refused' && ['precondition', 'exhausted'].includes(outcome.kind)) return [family];
  if (isKept(request, outcome)) return [family];
  if (guard && !guard.rest) return outcome.is === 'ok' || refusedOtherwise(outcome) ? [] : [family];
  if (part !== 'group') return after(family[part], request, outcome).map((next) => withPart(family, part, next));
  const states = after(wholeOf(family), request, outcome);
  if (request.call !== 'remove') return states.map(() => family);
  const rest = outcome.is === 'unknown' && family.group?.thick ? [restOn(family.group.node)] : [];
  return [...states, ...rest].map((next) => withPart(family, part, next));
}

/** The group snapshot, if all of it is there. */
function wholeOf({ group }: Family): Register {
  return group?.rest ? undefined : group;
}

function restOn(node: string): Seen {
  return { node, size: 0, thick: true, rest: true };
}

/** The thick snapshot that keeps the volume as it is. */
function guardOf(family: Family, part: Part): Register {
  if (part !== 'volume' && part !== 'second') return undefined;
  return [part === 'volume' ? family.snapshot : undefined, family.group].find((one) => one?.thick);
}

/** What a job copies is neither deleted nor extended; at the end, no job is left. */
function isKept(request: Request, outcome: Outcome): boolean {
  return 'copied' in request && request.copied === true && outcome.is === 'refused' && outcome.kind === 'precondition';
}

function changesSize(volume: Register, request: Request): boolean {
  return request.call === 'remove' || (request.call === 'expand' && request.size > (volume?.size ?? 0));
}

function refusedOtherwise(outcome: Outcome): boolean {
  return outcome.is === 'refused' && outcome.kind !== 'busy';
}

function withPart(family: Family, part: Part, state: Register): Family {
  return { ...family, [part]: state };
}

/** The states after a call that makes something. `made`: what there is if it succeeds; `undefined`: it cannot. */
function answered(
  outcome: Outcome,
  made: Seen | undefined,
  refusals: Readonly<Partial<Record<string, boolean>>>,
  done: Family,
  before: Family,
): readonly Family[] {
  switch (outcome.is) {
    case 'ok':
      return made && keyOf(made) === keyOf(outcome.volumes[0]) ? [done] : [];
    case 'refused':
      return outcome.kind === 'busy' || refusals[outcome.kind] === true ? [before] : [];
    case 'unknown':
      return made ? [done] : [];
  }
}
