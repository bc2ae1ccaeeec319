import type { SizeRange } from '../domain/bytes.ts';
import type { Member } from '../domain/fleet.ts';
import { offerOf, unpromised } from '../domain/offer.ts';
import type { ClassParameters } from '../domain/parameters.ts';
import type { VolumeRequest } from './requests.ts';

/** A claim of Kubernetes. */
export interface ClaimReference {
  readonly namespace: string;
  readonly name: string;
  /** Absent where the name of the volume has none. */
  readonly uid: string | undefined;
}

/** A claim whose reservations no node can promise. */
export interface RefusedReservation {
  readonly claim: ClaimReference;
  /** What is asked for, and what would fit on the node that can promise most. */
  readonly message: string;
}

/** Claims that are remembered at once: a user may make any number of them. */
const mostClaims = 1000;
/** Milliseconds after which a creation that is not repeated is forgotten. The provisioner of Kubernetes waits 5 minutes at most. */
const forgetAfter = 600_000;

/** The claims whose creation was refused for their reservations, until it succeeds or is no longer asked for. */
export class RefusedReservations {
  readonly #now: () => number;
  /** By name of the volume, the latest last. */
  readonly #refused = new Map<string, RefusedReservation & { readonly at: number }>();

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Remembers the claim of a request that was refused, if its reservations are why; `members`: where the volume may be. */
  refused({ name, claim, parameters, size }: VolumeRequest, members: readonly Member[]): void {
    this.#refused.delete(name);
    // Without reservations, as most claims are, no node need be looked at.
    if (!claim || Object.keys(parameters.qos.reservations).length === 0) return;
    const message = whatFits(members, parameters, size);
    if (message === undefined) return;
    this.#refused.set(name, { claim, message, at: this.#now() });
    const [oldest] = this.#refused.keys();
    if (oldest !== undefined && this.#refused.size > mostClaims) this.#refused.delete(oldest);
  }

  made(name: string): void {
    this.#refused.delete(name);
  }

  list(): readonly RefusedReservation[] {
    const since = this.#now() - forgetAfter;
    for (const [name, { at }] of this.#refused) if (at < since) this.#refused.delete(name);
    return [...this.#refused.values()];
  }
}

/** `undefined` unless a node has the space and cannot promise the reservations. */
function whatFits(members: readonly Member[], parameters: ClassParameters, size: SizeRange): string | undefined {
  const all = members.flatMap(({ node, connected, storage }) => {
    const offer = connected ? offerOf(storage.inventory(), parameters) : undefined;
    const lacking = offer && 'pool' in offer ? unpromised(offer, size) : undefined;
    return offer && 'pool' in offer && lacking ? [{ node, offer, ...lacking }] : [];
  });
  const [best] = all.sort((a, b) => (a.share === b.share ? (a.node < b.node ? -1 : 1) : a.share > b.share ? -1 : 1));
  if (!best) return undefined;
  const { node, offer, problems } = best;
  const smaller = offer.room > 0n ? `; a volume of ${offer.room} bytes would fit` : '';
  return `no node can promise what is reserved; nearest is pool ${offer.pool.spec.name} on node ${node}: ${problems.join('; ')}${smaller}`;
}
