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
  readonly change: Change;
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
  /** `undefined`: not possible in this state. */
  plan(volume: Volume, facts: Facts, random: Random): Omit<Step, 'verb'> | undefined;
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
