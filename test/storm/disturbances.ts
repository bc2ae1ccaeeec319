import { addDisk, emptyThinPool, fillThinPool, pullDisk, resumeDisk, returnDisk, suspendDisk } from './disks.ts';
import { losePower, type Volume } from './model.ts';
import { bootSite, container, type Site } from './site.ts';

/** Something that happens to a node amid calls. */
export interface Disturbance {
  readonly name: string;
  /** How often it is chosen, compared with the others. */
  readonly weight: number;
  /** Whether the driver dies by it, so that the calls in flight end without an answer. */
  readonly kills?: boolean;
  /** Whether it goes on for a while. */
  readonly lasts?: boolean;
  /** A power cut that comes while it lasts does not end it. */
  readonly outlasts?: boolean;
  /** Whether creations may be refused for lack of room meanwhile, because no node or pool can serve them. */
  readonly refuses?: boolean;
  strike(site: Site, choice: number): Promise<void>;
  /** Brings back what it stopped. */
  recover?(site: Site, choice: number): Promise<void>;
  /** Done when the driver is ready again after the round, where `recover` may not have been done. */
  tidy?(site: Site): Promise<void>;
  /** Its effect on the model of a volume, where it has one. */
  readonly effect?: (volume: Volume) => Volume;
}

export const disturbances: readonly Disturbance[] = [
  {
    name: 'kill -9 of the driver',
    weight: 2,
    kills: true,
    strike: ({ driver }) => driver.kill(),
    recover: ({ driver }) => driver.launch(),
  },
  {
    name: 'kill -9 of the container',
    weight: 3,
    kills: true,
    async strike({ guest, driver }) {
      await guest.shell(`echo 1 >${container}/cgroup.kill
        until grep -qx 'populated 0' ${container}/cgroup.events; do sleep 0.01; done`);
      await driver.process().exited;
    },
    recover: ({ driver }) => driver.launch(),
  },
  {
    name: 'power cut',
    weight: 3,
    kills: true,
    strike: ({ guest }) => guest.powerCut(),
    async recover(site) {
      await bootSite(site);
      await site.driver.launch();
    },
    effect: losePower,
  },
  { name: 'stuck disk', weight: 2, lasts: true, strike: suspendDisk, recover: resumeDisk },
  { name: 'pulled disk', weight: 2, lasts: true, refuses: true, strike: pullDisk, recover: returnDisk },
  { name: 'added disk', weight: 1, strike: addDisk },
  {
    name: 'full thin pool',
    weight: 1,
    lasts: true,
    refuses: true,
    strike: fillThinPool,
    recover: emptyThinPool,
    tidy: emptyThinPool,
  },
];

/** Those of a controller on another machine. */
const apartOnly: readonly Disturbance[] = [
  {
    name: 'kill -9 of the controller',
    weight: 2,
    kills: true,
    strike: ({ apart }) => required(apart).controller.kill(),
    recover: ({ apart }) => required(apart).controller.launch(),
  },
  {
    name: 'power cut of the controller',
    weight: 2,
    kills: true,
    // No packet tells the node that the controller is gone. It keeps no files: its memory is all that it loses.
    async strike({ apart }) {
      await required(apart).setConnected(false);
      await required(apart).controller.kill();
    },
    async recover({ apart }) {
      await required(apart).setConnected(true);
      await required(apart).controller.launch();
    },
  },
  {
    name: 'network cut',
    weight: 3,
    lasts: true,
    outlasts: true,
    refuses: true,
    strike: ({ apart }) => required(apart).setConnected(false),
    recover: ({ apart }) => required(apart).setConnected(true),
  },
];

export const apartDisturbances: readonly Disturbance[] = [...disturbances, ...apartOnly];

function required(apart: Site['apart']): NonNullable<Site['apart']> {
  if (!apart) throw new Error('node and controller are one driver');
  return apart;
}
