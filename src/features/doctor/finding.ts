/**
 * - `error`    calls fail, or will, until it is mended
 * - `warning`  it works, with a part missing or not for long
 * - `unknown`  it could not be determined: it may be an error
 */
export const outcomes = ['error', 'warning', 'unknown', 'ok'] as const;
/** One of `outcomes`. */
export type Outcome = (typeof outcomes)[number];

/** The result of a look at one thing. */
export interface Finding {
  readonly outcome: Outcome;
  readonly found: string;
  /** How to mend it; absent where nothing is wrong. */
  readonly remedy?: string;
}

export function ok(found: string): Finding {
  return { outcome: 'ok', found };
}

export function error(found: string, remedy: string): Finding {
  return { outcome: 'error', found, remedy };
}

export function warning(found: string, remedy: string): Finding {
  return { outcome: 'warning', found, remedy };
}

export function unknown(found: string, remedy: string): Finding {
  return { outcome: 'unknown', found, remedy };
}
