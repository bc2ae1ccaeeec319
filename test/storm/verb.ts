import type { Change, Facts, Volume } from './model.ts';
import type { Random } from './random.ts';
import { callsFor, type Site } from './site.ts';

/** One call, or a write or read of a pod, as it was decided. */
export interface Step {
  readonly verb: string;
  /** With its arguments, for the reader of a report. */
  readonly text: string;
  /** The outcomes that are right. One that is cut off may have any. */
  readonly outcomes: readonly string[];
  /** Texts that a refusal must have. */
  readonly says?: readonly string[];
  readonly change: Change;
  /** Names that nothing else changes in the round, except for what `amid` does. */
  readonly touches?: readonly string[];
  /** Writes of pods at the same time. */
  readonly amid?: readonly { readonly volume: string; readonly step: Step }[];
  /** Resolves with what was read, where it reads. */
  readonly run: (site: Site, signal?: AbortSignal) => Promise<readonly string[] | undefined>;
}

/** Something that is done with a volume. */
export interface Verb {
  readonly name: string;
  /** How often it is chosen, compared with the others. */
  readonly weight: number;
  /** Whether an orchestrator would do it now. Otherwise it is chosen seldom, as a call out of order. */
  fits(facts: Facts): boolean;
  /** It can be sent twice at once, and cancelled: it is a call of the driver. */
  readonly isCall?: boolean;
  /** `undefined`: not possible in this state. `left`: the others, as far as nothing is done with them in the round; all of them are known. */
  plan(volume: Volume, facts: Facts, random: Random, left: readonly Volume[]): Omit<Step, 'verb'> | undefined;
}

/** The options of a call that may be cancelled. */
export function options(signal: AbortSignal | undefined) {
  return signal ? { signal } : {};
}

/** A step that reads nothing. */
export function done(work: (site: Site, signal?: AbortSignal) => Promise<unknown>): Step['run'] {
  return async (site, signal) => {
    await work(site, signal);
    return undefined;
  };
}

/** A call for the volume that reads nothing. */
export function call(volume: Volume, make: (calls: ReturnType<typeof callsFor>) => Promise<unknown>): Step['run'] {
  return done((site, signal) => make(callsFor(site, volume, options(signal))));
}
