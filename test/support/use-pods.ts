import { beforeAll } from 'vitest';
import type { Guest, GuestOptions } from '../../lab/guest.ts';
import { type Driver, startDriver } from './driver.ts';
import { useGuest } from './guest.ts';
import { Pods } from './pods.ts';

export interface PodsStage {
  readonly guest: Guest;
  readonly driver: Driver;
  readonly pods: Pods;
}

/** For all tests of a file: pods in a guest whose driver has a thick pool, with further settings `more`. */
export function usePods(options: GuestOptions, more = ''): () => PodsStage {
  const guestOf = useGuest(options);
  let stage: PodsStage | undefined;
  beforeAll(async () => {
    const guest = guestOf();
    const pools = `
  - name: fast
    volumeGroup: qfast
    type: thick
    disks: { paths: ["/dev/ubda"] }
    approve: automatic`;
    // The interval is so long that only an event can trigger a repair.
    const driver = await startDriver(guest, { pools, more: `rescan: 24h\nqos: { interval: 1h }\n${more}` });
    const root = options.cgroup === 'v1' ? '/sys/fs/cgroup/blkio' : '/sys/fs/cgroup';
    stage = { guest, driver, pods: new Pods(guest, driver, root) };
  });
  return () => {
    if (stage === undefined) throw new Error('the pods are there within tests only');
    return stage;
  };
}
