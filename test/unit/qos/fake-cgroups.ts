import type { Rates, Use } from '../../../src/domain/qos.ts';
import type { Cgroups } from '../../../src/qos/cgroups.ts';
import type { Reason } from '../../../src/qos/throttle.ts';

/** The cgroups of a node, one per pod, that remember writes. */
export class FakeCgroups {
  readonly limits = new Map<string, Map<string, Rates>>();
  readonly uses = new Map<string, Use>();
  readonly writes: string[] = [];
  refuses: Reason | undefined;
  /** The kernel accepts a write and keeps the old limit. */
  deaf = false;
  broken = new Set<string>();
  /** Called with each cgroup whose limits are read. */
  reading: (cgroup: string) => void = () => undefined;

  addPod(uid: string): void {
    this.limits.set(`/kubepods/pod${uid}`, new Map());
  }

  of(uid: string): Map<string, Rates> {
    const found = this.limits.get(`/kubepods/pod${uid}`);
    if (!found) throw new Error(`no pod ${uid}`);
    return found;
  }

  cgroups(): Cgroups {
    const pods = new Map([...this.limits.keys()].map((path) => [path.replace('/kubepods/pod', ''), path]));
    const throttle: Cgroups['throttle'] = {
      places: async (pod, visit) => {
        await visit(pod);
        return { limited: [pod], others: [] };
      },
      read: async (cgroup) => {
        this.reading(cgroup);
        if (this.broken.has(cgroup)) throw new Error('EIO');
        return new Map(this.limits.get(cgroup));
      },
      write: async (cgroup, device, rates) => {
        if (this.refuses) return this.refuses;
        this.writes.push(`${cgroup} ${device}`);
        if (!this.deaf) this.limits.get(cgroup)?.set(device, rates);
        return undefined;
      },
      use: async () => this.uses,
    };
    return { throttle, pods };
  }
}
