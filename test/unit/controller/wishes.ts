import { MiB } from '../../../src/domain/bytes.ts';
import type { VolumeRequest } from '../../../src/controller/requests.ts';
import { Provisioner } from '../../../src/controller/provisioner.ts';
import type { NodeLifecycle } from '../../../src/controller/node-registry.ts';
import type { NodeName } from '../../../src/domain/ids.ts';
import { parseParameters } from '../../../src/domain/parameters.ts';
import type { Packing } from '../../../src/domain/placement.ts';
import type { Accessibility } from '../../../src/domain/topology.ts';
import { lvNameFor } from '../../../src/lvm/names.ts';
import { MemoryFleet } from '../../support/memory-fleet.ts';
import { emptyPool, MemoryStorage, thickSpec } from '../../support/memory-storage.ts';

export const anywhere: Accessibility = { preferred: [] };

export function pinned(node: string): Accessibility {
  return { requisite: new Set([node as NodeName]), preferred: [node as NodeName] };
}

/** Any of these, in this order. */
export function inOrder(...nodes: string[]): Accessibility {
  return { requisite: new Set(nodes as NodeName[]), preferred: nodes as NodeName[] };
}

export function wish(name: string, accessibility = anywhere, change: Partial<VolumeRequest> = {}): VolumeRequest {
  return { name, size: { required: 64n * MiB }, parameters: parseParameters({}), accessibility, ...change };
}

/** Nodes with so many MiB in their pool `fast`. */
export function nodesOf(rooms: Readonly<Record<string, number>>): MemoryStorage[] {
  return Object.entries(rooms).map(
    ([node, room]) => new MemoryStorage(node, [emptyPool(thickSpec('fast'), BigInt(room) * MiB)]),
  );
}

export function controllerOf(
  nodes: readonly MemoryStorage[],
  { packing = 'spread', lifecycle }: { packing?: Packing; lifecycle?: NodeLifecycle } = {},
): { fleet: MemoryFleet; provisioner: Provisioner } {
  const fleet = new MemoryFleet(nodes);
  return { fleet, provisioner: new Provisioner({ fleet, packing, lvNameFor, lifecycle }) };
}
