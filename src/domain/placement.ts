import type { SizeRange } from './bytes.ts';
import { Failure } from './errors.ts';
import { inventoryOf, type Member } from './fleet.ts';
import type { NodeName } from './ids.ts';
import { type Offer, offerOf, poolNameOf, type Refused, shortfallOf } from './offer.ts';
import type { ClassParameters } from './parameters.ts';
import type { Inventory } from './storage.ts';
import type { Accessibility } from './topology.ts';

/** Among equally suitable nodes: the one with the most room, or the one with the least room that is enough. */
export const packings = ['spread', 'pack'] as const;
/** One of `packings`. */
export type Packing = (typeof packings)[number];

/** The volume to place. */
export interface Wish {
  readonly parameters: ClassParameters;
  readonly size: SizeRange;
  readonly accessibility: Accessibility;
}

/** A node of the topology: known to the fleet, or only by its name. */
export interface Place {
  readonly node: NodeName;
  readonly member?: Member | undefined;
}

/** A controller's own knowledge of the nodes, beyond their reports. */
export interface Load {
  /** Bytes of pending creations on the node: without them, simultaneous creations would all choose the same one. */
  readonly comingTo: (node: NodeName) => bigint;
  /** Several creations got no answer from the node: other nodes with room are tried first. */
  readonly unanswering: (node: NodeName) => boolean;
}

/** How a node suits: its room, or why it does not. */
export type Assessment =
  | { readonly is: 'able'; readonly node: NodeName; readonly member: Member; readonly offer: Offer }
  /** It has no room according to its last report, which may be outdated. */
  | {
      readonly is: 'full';
      readonly node: NodeName;
      readonly member: Member;
      readonly offer: Offer;
      readonly why: Refused;
    }
  | { readonly is: 'refused'; readonly node: NodeName; readonly why: Refused }
  /** It cannot be asked, and may hold the volume from an earlier call. */
  | { readonly is: 'disconnected'; readonly node: NodeName; readonly message: string };

/**
 * The nodes that may get the volume or may have it, in the order to try: preferred ones first, the rest by room. A disconnected node
 * gets the best position it could have had, as an earlier call may have chosen it: a node after it must not be tried before it answers.
 */
export function place(
  places: readonly Place[],
  wish: Wish,
  packing: Packing,
  load: Load = { comingTo: () => 0n, unanswering: () => false },
): Assessment[] {
  const ranks = new Map(wish.accessibility.preferred.map((node, index) => [node, index]));
  const last = ranks.size;
  const rankOf = ({ node }: Assessment) => ranks.get(node) ?? last;
  return places
    .map((candidate) => assess(candidate, wish))
    .sort((a, b) => rankOf(a) - rankOf(b) || compare(a, b, packing, load));
}

function assess({ node, member }: Place, wish: Wish): Assessment {
  if (!member) return { is: 'disconnected', node, message: `node ${node} has not connected to this controller yet` };
  const inventory = inventoryOf(member);
  // A node that is known to lack the pool has no volume in it, even if it is disconnected.
  if (!(inventory instanceof Failure)) {
    const lacking = lacksPool(inventory, wish.parameters);
    if (lacking) return { is: 'refused', node, why: lacking };
  }
  if (member.apart !== undefined) {
    return { is: 'disconnected', node, message: `node ${node} is set apart: ${member.apart}` };
  }
  if (!member.connected) return { is: 'disconnected', node, message: disconnection(member) };
  if (inventory instanceof Failure) return { is: 'disconnected', node, message: `node ${node}: ${inventory.message}` };
  const offer = offerOf(inventory, wish.parameters);
  if ('reason' in offer) return { is: 'refused', node, why: offer };
  const why = shortfallOf(offer, wish.size);
  if (!why) return { is: 'able', node, member, offer };
  return why.reason === 'full' ? { is: 'full', node, member, offer, why } : { is: 'refused', node, why };
}

/** For messages: names the node, and since when it is disconnected. */
export function disconnection({ node, since }: Member): string {
  return `node ${node} is not connected to this controller since ${new Date(since).toISOString()}`;
}

function lacksPool(inventory: Inventory, parameters: ClassParameters): Refused | undefined {
  const name = poolNameOf(inventory, parameters);
  if (name !== undefined && (inventory.pools.has(name) || inventory.unready.has(name))) return undefined;
  return { reason: 'no-pool', message: name === undefined ? 'it has no pool' : `it has no pool ${name}` };
}

const order = { disconnected: 0, able: 1, full: 2, refused: 3 } satisfies Record<Assessment['is'], number>;

/** Orders equally preferred nodes; names decide last, so that the same state gives the same order. */
function compare(a: Assessment, b: Assessment, packing: Packing, { comingTo, unanswering }: Load): number {
  if (a.is !== b.is) return order[a.is] - order[b.is];
  if (unanswering(a.node) !== unanswering(b.node)) return unanswering(a.node) ? 1 : -1;
  const difference = roomOf(a) - comingTo(a.node) - (roomOf(b) - comingTo(b.node));
  if (difference !== 0n) return difference < 0n === (packing === 'pack') ? -1 : 1;
  return a.node < b.node ? -1 : 1;
}

function roomOf(assessment: Assessment): bigint {
  return 'offer' in assessment ? assessment.offer.room : 0n;
}
