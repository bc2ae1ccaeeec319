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
  if (request.call === 'snapshot') {
    const { volume, snapshot } = family;
    // A snapshot outlives its volume, and the same name is the same snapshot.
    const made = snapshot ?? (volume && { node: volume.node, size: volume.size });
    return answered(outcome, made, { 'not-found': !made, exhausted: !snapshot }, { ...family, snapshot: made }, family);
  }
  if (request.call === 'group') {
    const { volume, second, group } = family;
    const taken = volume && second && { node: volume.node, size: volume.size, second: second.size };
    const made = group ?? taken;
    return answered(outcome, made, { 'not-found': !made, exhausted: !group }, { ...family, group: made }, family);
  }
  if (request.call === 'copy') {
    const [source, { copy }, of] = [family[request.of], family, request.of];
    const same = copy?.of === of ? copy : undefined;
    const made = copy ? same : source && { node: source.node, size: source.size, of };
    // A copy that exists is the answer to its request, also if its source is gone.
    const refusals = { 'not-found': !source && !same, exhausted: !copy, exists: copy !== undefined && !same };
    return answered(outcome, made, refusals, { ...family, copy: made }, family);
  }
  const part: Part = ('part' in request && request.part) || 'volume';
  return after(family[part], request, outcome).map((next) => withPart(family, part, next));
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
