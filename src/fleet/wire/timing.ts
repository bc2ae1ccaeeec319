/** Milliseconds. */
export interface Timing {
  /** How often the node sends a Ping. */
  readonly pingEvery: number;
  /** A peer that sends nothing, or reads nothing, for so long is given up. */
  readonly silence: number;
  /** From the connection to the end of the greeting: long enough for 5,000 nodes that dial a new controller at once. */
  readonly greeting: number;
  /** How long a call may take, where its caller waits so long. */
  readonly command: number;
}

export const defaultTiming: Timing = { pingEvery: 10_000, silence: 25_000, greeting: 60_000, command: 300_000 };
