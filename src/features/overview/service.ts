import type { PersistentVolumes } from '../../app/feature.ts';
import { type Fleet, inventoryOf, knownInventory, type Member } from '../../domain/fleet.ts';
import { Failure } from '../../domain/errors.ts';
import { pageOf } from '../../domain/pages.ts';
import type { Inventory } from '../../domain/storage.ts';
import type { AdminMethods } from '../../grpc/services.ts';
import { nodeMessage, snapshotMessage, volumeMessage } from './messages.ts';

/** Entries of a page. A volume with its conditions, or a node with its pools, has about a KiB, and a message holds 4 MiB. */
const mostEntries = 1000;

type Overview = Pick<AdminMethods, 'listNodes' | 'listVolumes' | 'listSnapshots'> &
  Partial<Pick<AdminMethods, 'listClaims'>>;

/** Answers the command line from what the nodes last reported; no node is asked. */
export function createOverviewService(
  fleet: Pick<Fleet, 'members'>,
  claims: Pick<PersistentVolumes, 'claims'> | undefined,
): Overview {
  return {
    async listNodes({ pageToken }) {
      const members = fleet.members().map((member) => ({ key: member.node, member }));
      const { items, nextToken } = page(members, pageToken);
      return { nodes: items.map(({ member }) => nodeMessage(member, inventoryOf(member))), nextPageToken: nextToken };
    },
    async listVolumes({ pageToken }) {
      const all = reported(fleet, ({ volumes }) => volumes);
      const { items, nextToken } = page(all, pageToken);
      return {
        volumes: items.map(({ entry, inventory }) => volumeMessage(entry, inventory)),
        nextPageToken: nextToken,
      };
    },
    async listSnapshots({ pageToken }) {
      const all = reported(fleet, ({ snapshots }) => snapshots);
      const { items, nextToken } = page(all, pageToken);
      return { snapshots: items.map(({ entry }) => snapshotMessage(entry)), nextPageToken: nextToken };
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
  readonly entry: T;
  readonly inventory: Inventory;
}

function reported<T extends { readonly id: string }>(
  fleet: Pick<Fleet, 'members'>,
  entriesOf: (inventory: Inventory) => ReadonlyMap<string, T>,
): Reported<T>[] {
  return fleet.members().flatMap((member: Member) => {
    const inventory = knownInventory(member);
    if (!inventory) return [];
    return [...entriesOf(inventory).values()].map((entry) => ({ key: `${member.node}/${entry.id}`, entry, inventory }));
  });
}

function page<T extends { readonly key: string }>(all: readonly T[], token: string) {
  const sorted = [...all].sort((a, b) => (a.key < b.key ? -1 : 1));
  try {
    return pageOf(sorted, ({ key }) => key, token, mostEntries);
  } catch (error) {
    if (error instanceof Failure) throw new Failure(error.kind, 'page_token is not one that this controller gave out');
    throw error;
  }
}
