/** Rounds of a seed, without some of their actions. */
export interface Sequence {
  readonly from: number;
  readonly to: number;
  /** Actions that are left out: `<round>:<volume>`. */
  readonly skip: readonly string[];
}

export interface Played {
  readonly failed: boolean;
  /** The actions that were done, as in `skip`. */
  readonly actions: readonly string[];
}

/**
 * A sequence that fails and is shorter: the last 1, 2, 4 … rounds alone, then without each action that the failure does not need.
 * `undefined`: none of the last rounds alone fails. `goesOn` says whether there is time for another try.
 */
export async function shrink(
  round: number,
  play: (sequence: Sequence) => Promise<Played>,
  goesOn: () => boolean,
): Promise<Sequence | undefined> {
  for (let length = 1; length <= round + 1 && goesOn(); length *= 2) {
    const sequence = { from: round - length + 1, to: round, skip: [] };
    const { failed, actions } = await play(sequence);
    if (failed) return dropActions(sequence, actions, play, goesOn);
  }
  return undefined;
}

async function dropActions(
  sequence: Sequence,
  actions: readonly string[],
  play: (sequence: Sequence) => Promise<Played>,
  goesOn: () => boolean,
): Promise<Sequence> {
  let best = sequence;
  for (const action of actions) {
    if (!goesOn()) break;
    const shorter = { ...best, skip: [...best.skip, action] };
    if ((await play(shorter)).failed) best = shorter;
  }
  return best;
}
