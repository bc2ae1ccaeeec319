import { setTimeout as wait } from 'node:timers/promises';
import { messageOf } from '../../domain/errors.ts';
import type { Log } from '../../log.ts';
import type { Address } from './addresses.ts';
import type { Connection } from './connection.ts';

/** A stream that lived so long was no failure, in milliseconds. */
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

/** One controller that is dialled again whenever its stream has ended. */
export class Dialer {
  /** False: the name no longer stands for this address. What stream there is may go on. */
  wanted = true;
  readonly #options: DialerOptions;
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;

  constructor(options: DialerOptions) {
    this.#options = options;
    this.#done = this.#run();
  }

  /** The streams themselves are ended by who dials. */
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
    let told = '';
    while (this.wanted) {
      const began = performance.now();
      const reason = await this.#once();
      failures = performance.now() - began > lasting ? 0 : failures + 1;
      if (!this.wanted) break;
      // A controller that is gone is one line, not one for each attempt.
      log[reason === told ? 'debug' : 'warn']({ ...address, reason }, 'stream to a controller ended');
      told = reason;
      await wait(backoffDelay(failures, random), undefined, this.#stop).catch(() => undefined);
    }
    this.#stop.abort();
  }

  async #once(): Promise<string> {
    try {
      const link = await this.#options.dial(this.#options.address);
      return await link.left;
    } catch (error) {
      return messageOf(error);
    }
  }
}
