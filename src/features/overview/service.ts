import type { PersistentVolumes } from '../../app/feature.ts';
import { type Fleet, inventoryOf, knownInventory, type Member } from '../../domain/fleet.ts';
import { Failure } from '../../domain/errors.ts';
import type { NodeName } from '../../domain/ids.ts';
import { noNews } from '../../domain/news.ts';
import { idBefore, pageOf } from '../../domain/pages.ts';
import type { Inventory } from '../../domain/storage.ts';
import type { AdminMethods } from '../../grpc/services.ts';
import { jobMessage, nodeMessage, snapshotMessage, volumeMessage } from './messages.ts';

/** Entries of a page. A volume with its conditions, or a node with its pools, has about a KiB, and a message holds 4 MiB. */
const mostEntries = 1000;

type Overview = Pick<AdminMethods, 'listNodes' | 'listVolumes' | 'listSnapshots' | 'listReportedJobs'> &
  Partial<Pick<AdminMethods, 'listClaims'>>;

/** Answers the command line from what the nodes last reported; no node is asked. */
export function createOverviewService(
  fleet: Pick<Fleet, 'members'>,
  claims: Pick<PersistentVolumes, 'claims'> | undefined,
): Overview {
  return {
    async listNodes({ pageToken }) {
      const members = fleet.members().toSorted((one, other) => (one.node < other.node ? -1 : 1));
      const { items, nextToken } = refusingTokens(() => pageOf(members, ({ node }) => node, pageToken, mostEntries));
      return { nodes: items.map((member) => nodeMessage(member, inventoryOf(member))), nextPageToken: nextToken };
    },
    async listVolumes({ pageToken }) {
      const { items, nextToken } = pageOfAll(fleet, pageToken, ({ volumes }) => volumes);
      return {
        volumes: items.map(({ entry, inventory }) => volumeMessage(entry, inventory)),
        nextPageToken: nextToken,
      };
    },
    async listSnapshots({ pageToken }) {
      const { items, nextToken } = pageOfAll(fleet, pageToken, ({ snapshots }) => snapshots);
      return { snapshots: items.map(({ entry }) => snapshotMessage(entry)), nextPageToken: nextToken };
    },
    async listReportedJobs({ pageToken }) {
      const { items, nextToken } = pageOfAll(fleet, pageToken, ({ news = noNews }) => news.jobs);
      return { jobs: items.map(({ node, entry }) => jobMessage(node, entry)), nextPageToken: nextToken };
    },
    ...(claims && { listClaims: listClaimsOf(claims) }),
  };
}

function listClaimsOf(volumes: Pick<PersistentVolumes, 'claims'>): AdminMethods['listClaims'] {
  return async ({ pageToken }, { signal }) => {
    const { claims, next } = await volumes.claims(pageToken || undefined, signal);
    return {
      claims: claims.map(({ volume, namespace, name }) => ({ volumeId: volume, namespace, name })),
      nextPageToken: next ?? '',
    };
  };
}

interface Reported<T> {
  /** Unique: several nodes may report one id. */
  readonly key: string;
  readonly node: NodeName;
  readonly entry: T;
  readonly inventory: Inventory;
}

/** The first entries after the token. Only the nodes that the page begins at, or reaches, are looked at: a fleet may have a hundred thousand. */
function pageOfAll<T extends { readonly id: string }>(
  fleet: Pick<Fleet, 'members'>,
  token: string,
  entriesOf: (inventory: Inventory) => ReadonlyMap<string, T>,
) {
  return refusingTokens(() => {
    const after = idBefore(token);
    const first = after.slice(0, after.indexOf('/') + 1);
    const found: Reported<T>[] = [];
    const members = fleet.members().map((member) => ({ key: `${member.node}/`, member }));
    for (const { key, member } of members.sort(byKey)) {
      if (key < first) continue;
      if (found.length > mostEntries) break;
      found.push(...entriesAfter(after, key, member, entriesOf));
    }
    return pageOf(found, ({ key }) => key, token, mostEntries);
  });
}

function entriesAfter<T extends { readonly id: string }>(
  after: string,
  prefix: string,
  member: Member,
  entriesOf: (inventory: Inventory) => ReadonlyMap<string, T>,
): Reported<T>[] {
  const inventory = knownInventory(member);
  if (!inventory) return [];
  const all = [...entriesOf(inventory).values()].map((entry) => ({
    key: prefix + entry.id,
    node: member.node,
    entry,
    inventory,
  }));
  return all.filter(({ key }) => key > after).sort(byKey);
}

function byKey(one: { readonly key: string }, other: { readonly key: string }): number {
  return one.key < other.key ? -1 : 1;
}

/** Names the request's own field in the message for a token of another list. */
function refusingTokens<R>(task: () => R): R {
  try {
    return task();
  } catch (error) {
    if (error instanceof Failure) throw new Failure(error.kind, 'page_token is not one that this controller gave out');
    throw error;
  }
}
