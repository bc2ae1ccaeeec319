import { Failure } from '../../domain/errors.ts';

/** Messages of a streaming reply that the peer may send ahead of its consumer. */
export const window = 16;

/** One call, and the messages of its reply that wait for their consumer. */
export class Exchange {
  readonly id: string;
  /** The peer has sent all of its reply. */
  complete = false;
  readonly #waiting: Buffer[] = [];
  #credit = window;
  #unreturned = 0;
  #failure: Failure | undefined;
  #arrived = Promise.withResolvers<void>();

  constructor(id: string) {
    this.id = id;
  }

  get waitingBytes(): number {
    return this.#waiting.reduce((sum, { length }) => sum + length, 0);
  }

  /** False: the call has failed, and the message is dropped. Throws `invalid` for more messages than there is credit for. */
  accept(payload: Buffer | undefined, more: boolean): boolean {
    if (payload && this.#credit === 0) {
      throw new Failure('invalid', 'it sent more messages of a reply than it was asked for');
    }
    if (payload) this.#credit -= 1;
    const taken = payload !== undefined && this.#failure === undefined;
    if (taken) this.#waiting.push(payload);
    this.complete ||= !more;
    this.#arrived.resolve();
    return taken;
  }

  /** The first failure counts. Messages that arrived before it are delivered first. */
  fail(failure: Failure, complete = false): void {
    this.#failure ??= failure;
    this.complete ||= complete;
    this.#arrived.resolve();
  }

  /** `undefined` after the last message. Throws what the call failed with. */
  async next(): Promise<Buffer | undefined> {
    for (;;) {
      const message = this.#waiting.shift();
      if (message) return message;
      if (this.#failure) throw this.#failure;
      if (this.complete) return undefined;
      this.#arrived = Promise.withResolvers<void>();
      await this.#arrived.promise;
    }
  }

  /** How many messages of credit to return to the peer now: half a window at a time. */
  consumed(): number {
    this.#unreturned += 1;
    // A call that has failed needs no more messages.
    if (this.#unreturned < window / 2 || this.complete || this.#failure) return 0;
    const count = this.#unreturned;
    this.#unreturned = 0;
    this.#credit += count;
    return count;
  }
}
