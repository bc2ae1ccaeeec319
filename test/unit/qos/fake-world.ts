import type { PoolName } from '../../../src/domain/ids.ts';
import type { Volume } from '../../../src/domain/volume.ts';
import type { World } from '../../../src/qos/reconcile.ts';
import { poolWith } from '../domain/reserved.ts';
import { FakeCgroups } from './fake-cgroups.ts';

/** The path at which kubelet publishes a volume to a pod. */
export const target = (lv: string, pod: string) => `/kubelet/pods/${pod}/volumes/kubernetes.io~csi/${lv}/mount`;

/** A node whose volumes are devices 253:0, 253:1 and so on. */
export class FakeWorld implements World {
  readonly cgroupfs = new FakeCgroups();
  volumes: Volume[] = [];
  table: { target: string; device: string }[] = [];
  hierarchy = true;
  firstMinor = 0;
  /** The devices of layers, by logical volume. */
  readonly layers = new Map<string, string>();

  device = (lv: string) => `253:${this.firstMinor + this.volumes.findIndex((volume) => volume.lv === lv)}`;
  publish = (lv: string, pod: string) => this.table.push({ target: target(lv, pod), device: this.device(lv) });
  inventory = () => ({
    pools: new Map([['fast' as PoolName, poolWith({})]]),
    volumes: new Map(this.volumes.map((volume) => [volume.id, volume])),
    snapshots: new Map(),
    given: new Map(),
    reportedAt: 0,
    unready: new Map(),
    health: new Map(),
    defaultPool: undefined,
  });
  mounts = async () => this.table;
  mapperName = async (device: string) => {
    const [major, minor] = device.split(':').map(Number);
    const layered = [...this.layers].find(([, number]) => number === device);
    if (layered) return `layer-${layered[0]}`;
    const volume = major === 253 ? this.volumes[(minor ?? 0) - this.firstMinor] : undefined;
    return volume && `vg-${volume.lv}`;
  };
  mapperNamesOf = ({ lv }: Volume) => [`vg-${lv}`, `layer-${lv}`];
  cgroups = async () => (this.hierarchy ? this.cgroupfs.cgroups() : undefined);
  watch = async (_folder: string): Promise<void> => undefined;
  errors: unknown[] = [];
  failed = (error: unknown) => void this.errors.push(error);
}
