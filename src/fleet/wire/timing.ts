/** Milliseconds. */
export interface Timing {
  /** How often the node sends a Ping. */
  readonly pingEvery: number;
  /** A peer that says nothing for so long, or takes nothing of what it is sent, is given up. */
  readonly silence: number;
  /** From the connection to the end of the greeting: long enough for 5,000 that dial a new controller at once. */
  readonly greeting: number;
  /** How long a command may take, when its caller waits so long. */
  readonly command: number;
}

export const defaultTiming: Timing = { pingEvery: 10_000, silence: 25_000, greeting: 60_000, command: 300_000 };
