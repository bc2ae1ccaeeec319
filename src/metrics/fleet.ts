import { type Fleet, knownInventory } from '../domain/fleet.ts';
import type { Families, Inventories } from './metrics.ts';

/** A node's metrics of its controllers. */
export function nodeFamilies(connected: () => number): Families {
  return {
    gauges: [
      {
        name: 'quarry_fleet_controllers',
        help: 'Of a node: controllers that it is connected to',
        collect() {
          this.set(connected());
        },
      },
    ],
  };
}

/** What the nodes have reported; of a disconnected node, what it reported last. */
export function fleetInventories(fleet: Pick<Fleet, 'members'>): Inventories {
  return () =>
    fleet.members().flatMap((member) => {
      const inventory = knownInventory(member);
      return inventory ? [[member.node, inventory] as const] : [];
    });
}

/** A controller's metrics of its nodes. */
export function controllerFamilies(fleet: Fleet, refused: () => ReadonlyMap<string, number>): Families {
  return {
    gauges: [
      {
        name: 'quarry_fleet_nodes',
        help: 'Of a controller: nodes that are connected, and nodes that were connected and are disconnected now',
        labelNames: ['state'],
        collect() {
          const connected = fleet.members().filter((member) => member.connected).length;
          this.set({ state: 'connected' }, connected);
          this.set({ state: 'disconnected' }, fleet.members().length - connected);
        },
      },
      {
        name: 'quarry_fleet_node_connected',
        help: 'Of a controller: 1 while the node is connected, 0 while it was and is not',
        labelNames: ['node'],
        collect() {
          this.reset();
          for (const { node, connected } of fleet.members()) this.set({ node }, connected ? 1 : 0);
        },
      },
    ],
    counters: [
      {
        name: 'quarry_fleet_refused_total',
        help: 'Of a controller: peers that were refused or disconnected by it, by reason',
        labelNames: ['reason'],
        collect() {
          this.reset();
          for (const [reason, count] of refused()) this.inc({ reason }, count);
        },
      },
    ],
  };
}
