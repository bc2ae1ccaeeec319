import { losePower, type Volume } from './model.ts';
import { container, makePods, type Site } from './site.ts';

/** Something that happens to a node amid calls. */
export interface Disturbance {
  readonly name: string;
  /** How often it is chosen, compared with the others. */
  readonly weight: number;
  strike(site: Site): Promise<void>;
  /** Brings the machine back, not the driver. */
  recover(site: Site): Promise<void>;
  /** Its effect on the model of a volume. */
  readonly effect: (volume: Volume) => Volume;
}

const unchanged = (volume: Volume): Volume => volume;

export const disturbances: readonly Disturbance[] = [
  {
    name: 'kill -9 of the driver',
    weight: 2,
    strike: ({ driver }) => driver.kill(),
    recover: async () => undefined,
    effect: unchanged,
  },
  {
    name: 'kill -9 of the container',
    weight: 3,
    async strike({ guest, driver }) {
      await guest.shell(`echo 1 >${container}/cgroup.kill
        until grep -qx 'populated 0' ${container}/cgroup.events; do sleep 0.01; done`);
      await driver.process().exited;
    },
    recover: async () => undefined,
    effect: unchanged,
  },
  {
    name: 'power cut',
    weight: 3,
    strike: ({ guest }) => guest.powerCut(),
    async recover(site) {
      await site.guest.boot();
      await makePods(site);
    },
    effect: losePower,
  },
];
