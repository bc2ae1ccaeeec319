import { setTimeout as wait } from 'node:timers/promises';
import { messageOf } from '../../domain/errors.ts';
import type { Log } from '../../log.ts';
import type { Address } from './addresses.ts';
import type { Connection } from './connection.ts';

/** Milliseconds. A stream that lasted longer is not counted as a failure. */
const lasting = 10_000;

/** Milliseconds between two attempts to dial. */
const [shortestDelay, longestDelay] = [500, 15_000];

/** Full jitter, in milliseconds: a thousand nodes that lost a controller at the same moment dial it at different times. */
export function backoffDelay(failures: number, random: () => number): number {
  return random() * Math.min(longestDelay, shortestDelay * 2 ** failures);
}

export interface DialerOptions {
  readonly address: Address;
  readonly dial: (address: Address) => Promise<Connection>;
  readonly log: Log;
  /** From 0 to 1. */
  readonly random: () => number;
}

/** Dials one controller, and dials it again each time the stream has ended. */
export class Dialer {
  /** False: the name no longer resolves to this address. A stream that exists may go on. */
  wanted = true;
  readonly #options: DialerOptions;
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;

  constructor(options: DialerOptions) {
    this.#options = options;
    this.#done = this.#run();
  }

  /** The caller ends the streams themselves. */
  async stop(): Promise<void> {
    this.wanted = false;
    this.#stop.abort();
    await this.#done;
  }

  get address(): Address {
    return this.#options.address;
  }

  /** It dials no more. */
  get over(): boolean {
    return this.#stop.signal.aborted;
  }

  async #run(): Promise<void> {
    const { address, log, random } = this.#options;
    let failures = 0;
    let logged = '';
    while (this.wanted) {
      const began = performance.now();
      const reason = await this.#once();
      failures = performance.now() - began > lasting ? 0 : failures + 1;
      if (!this.wanted) break;
      // A controller that is gone gets one warning, not one for each attempt.
      log[reason === logged ? 'debug' : 'warn']({ ...address, reason }, 'stream to a controller ended');
      logged = reason;
      await wait(backoffDelay(failures, random), undefined, this.#stop).catch(() => undefined);
    }
    this.#stop.abort();
  }

  async #once(): Promise<string> {
    try {
      const connection = await this.#options.dial(this.#options.address);
      return await connection.left;
    } catch (error) {
      return messageOf(error);
    }
  }
}
