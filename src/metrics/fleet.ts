import type { Fleet } from '../domain/fleet.ts';
import type { Families } from './metrics.ts';

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
