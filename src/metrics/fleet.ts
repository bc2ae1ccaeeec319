import type { Fleet } from '../domain/fleet.ts';
import type { Families } from './metrics.ts';

/** What a node knows of its controllers. */
export function nodeFamilies(attached: () => number): Families {
  return {
    gauges: [
      {
        name: 'quarry_fleet_controllers',
        help: 'Of a node: controllers that have let it in',
        collect() {
          this.set(attached());
        },
      },
    ],
  };
}

/** What a controller knows of its nodes. */
export function controllerFamilies(fleet: Fleet, refused: () => ReadonlyMap<string, number>): Families {
  return {
    gauges: [
      {
        name: 'quarry_fleet_nodes',
        help: 'Of a controller: nodes that are connected, and nodes that were and are disconnected now',
        labelNames: ['state'],
        collect() {
          const attached = fleet.members().filter((member) => member.connected).length;
          this.set({ state: 'connected' }, attached);
          this.set({ state: 'disconnected' }, fleet.members().length - attached);
        },
      },
    ],
    counters: [
      {
        name: 'quarry_fleet_refused_total',
        help: 'Of a controller: peers that were turned away or cut off, by reason',
        labelNames: ['reason'],
        collect() {
          this.reset();
          for (const [reason, count] of refused()) this.inc({ reason }, count);
        },
      },
    ],
  };
}
