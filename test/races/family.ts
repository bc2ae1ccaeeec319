import type { Outcome, Part, Request, Seen } from './history.ts';
import { after, keyOf, type Register } from './register.ts';

/** What a name is at one moment: each part is there, or not. */
export type Family = Readonly<Record<Part, Register>>;

export const nothing: Family = { volume: undefined, snapshot: undefined, copy: undefined };

/** A text that is the same for equal states. */
export function familyKey({ volume, snapshot, copy }: Family): string {
  return [volume, snapshot, copy].map(keyOf).join(', ');
}

/** The states that a call may leave, as its outcome says. None: no call on that state has that outcome. */
export function afterFamily(family: Family, request: Request, outcome: Outcome): readonly Family[] {
  if (request.call === 'snapshot') {
    const { volume, snapshot } = family;
    // A snapshot outlives its volume, and the same name is the same snapshot.
    const made = snapshot ?? (volume && { node: volume.node, size: volume.size });
    return answered(outcome, made, { 'not-found': !made, exhausted: !snapshot }, { ...family, snapshot: made }, family);
  }
  if (request.call === 'copy') {
    const [source, { copy }, of] = [family[request.of], family, request.of];
    const same = copy?.of === of ? copy : undefined;
    const made = copy ? same : source && { node: source.node, size: source.size, of };
    // A copy that exists is the answer to its request, also if its source is gone.
    const refusals = { 'not-found': !source && !same, exhausted: !copy, exists: copy !== undefined && !same };
    return answered(outcome, made, refusals, { ...family, copy: made }, family);
  }
  const part = ('part' in request && request.part) || 'volume';
  const { volume, snapshot, copy } = family;
  const states = after(family[part], request, outcome);
  return states.map((next) => {
    const now = (own: Part, before: Register): Register => (own === part ? next : before);
    return { volume: now('volume', volume), snapshot: now('snapshot', snapshot), copy: now('copy', copy) };
  });
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
