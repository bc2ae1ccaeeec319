import { messageOf } from '../../domain/errors.ts';
import type { AttachmentContext } from './context.ts';
import type { Identity } from './identity.ts';
import type { Peer } from './listener.ts';
import type { Reason, Refusal } from './refusals.ts';
import { Renewal } from './renewal.ts';

export interface CredentialOptions {
  readonly peer: Peer;
  readonly context: AttachmentContext;
  /** Called when the stream may not go on. */
  readonly refuse: (reason: Reason, message: string) => void;
}

/** The credential of one stream: which node it names, until when, and its renewal. */
export class Credential {
  readonly #options: CredentialOptions;
  readonly #renewal: Renewal;
  /** Digests of the tokens that were shown on this stream, and when they expire. */
  readonly #tokens = new Map<string, number>();
  /** Aborts reviews at the end of the stream. */
  readonly #ended = new AbortController();
  #identity: Identity | undefined;

  constructor(options: CredentialOptions) {
    const { timing, reviewEvery = 300_000, ticks } = options.context;
    this.#options = options;
    this.#renewal = new Renewal({
      identify: (authorization) => this.#identify(authorization),
      retryAfter: timing.pingEvery,
      reviewEvery,
      ticks,
      random: Math.random,
    });
  }

  /** `undefined` until the first credential was accepted. */
  get identity(): Identity | undefined {
    return this.#identity;
  }

  /** Reviews the first credential. `undefined`: the stream has ended meanwhile. */
  async begin(authorization: string | undefined): Promise<Identity | Refusal | undefined> {
    const found = await this.#identify(authorization);
    if (this.#ended.signal.aborted) return undefined;
    return 'reason' in found ? found : this.#accept(found, authorization);
  }

  /** Whether that token, as a digest, was shown on this stream and has not expired. */
  has(token: string): boolean {
    return this.#tokens.has(token);
  }

  /** A newer token. The earlier credential serves until it expires. */
  offer(token: string): void {
    this.#renewal.offer(`Bearer ${token}`);
    void this.#renew();
  }

  /** The pod is deleted: a stream whose token is bound to it is reviewed now. */
  podGone(uid: string): void {
    if (this.#identity?.podUid === uid) this.#renewal.hurry();
  }

  /** To be called again and again: refuses a stream whose credential has expired, and reviews what is due. */
  check(): void {
    if (!this.#identity) return;
    const { context, refuse } = this.#options;
    if (context.now() >= this.#identity.expires) refuse('expired', 'its credential ran out and was not renewed');
    else void this.#renew();
  }

  end(): void {
    this.#ended.abort();
  }

  async #identify(authorization: string | undefined): Promise<Identity | Refusal> {
    const { peer, context } = this.#options;
    const { certificate, address } = peer;
    try {
      const host = address.slice(0, address.lastIndexOf(':'));
      return await context.identify({ certificate, authorization, address: host, signal: this.#ended.signal });
    } catch (error) {
      return { reason: 'unchecked', message: messageOf(error) };
    }
  }

  #accept(identity: Identity, authorization: string | undefined): Identity {
    const now = this.#options.context.now();
    // A second review of a token does not make it last longer.
    const expires = Math.min(identity.expires, this.#tokens.get(identity.token ?? '') ?? identity.expires);
    this.#identity = { ...identity, expires };
    for (const [token, end] of this.#tokens) if (end <= now) this.#tokens.delete(token);
    if (identity.token !== undefined && authorization !== undefined) {
      this.#tokens.set(identity.token, expires);
      this.#renewal.use(authorization, expires - now);
    }
    return this.#identity;
  }

  async #renew(): Promise<void> {
    const { context, refuse } = this.#options;
    const { offered } = this.#renewal;
    const checked = await this.#renewal.check();
    if (!checked || this.#ended.signal.aborted || !this.#identity) return;
    const { node } = this.#identity;
    const { found, authorization } = checked;
    if (!('reason' in found)) {
      if (found.node !== node) return refuse('identity', `the new token is that of node ${found.node}`);
      this.#accept(found, authorization);
      return;
    }
    if (found.reason !== 'unchecked') return refuse(found.reason, found.message);
    const message = offered ? 'a new token could not be checked' : 'a token could not be checked again';
    context.log.warn({ node, reason: found.message }, message);
  }
}
