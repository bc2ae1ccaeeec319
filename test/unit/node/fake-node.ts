import type { Layer } from '../../../src/block/layer.ts';
import { createStack } from '../../../src/block/stack.ts';
import type { NodeName, PoolName, VgName, LvName, VolumeId } from '../../../src/domain/ids.ts';
import type { VolumeDevices } from '../../../src/domain/devices.ts';
import { Failure } from '../../../src/domain/errors.ts';
import { type Enforcement, noQos } from '../../../src/domain/qos.ts';
import type { InlineVolumes, NodeVolumes } from '../../../src/domain/storage.ts';
import type { FilesystemState, FilesystemType, OpenVolume, Volume } from '../../../src/domain/volume.ts';
import { createLocks } from '../../../src/concurrency/locks.ts';
import type { Content, Filesystems } from '../../../src/domain/filesystems.ts';
import type { Mount, Mounts } from '../../../src/domain/mounts.ts';
import { FakeDevices, fakeLayer } from '../block/fake-devices.ts';
import { fakeInlineVolumes } from './fake-inline-volumes.ts';

export const GiB = 1024n ** 3n;
export const node = 'n1' as NodeName;

/** `half`: mkfs was cut off; `made`: finished and never mounted; `used`: has data. */
export interface Disk {
  size: bigint;
  tag: FilesystemState;
  content: { type: FilesystemType; state: 'half' | 'made' | 'used'; size: bigint } | string | undefined;
  readable: boolean;
  damaged: boolean;
}

type Death = { readonly step: number; readonly when: 'before' | 'after' };

/** A node with volumes, mounts and paths in memory. It can die before or after its nth change. */
export class FakeNode {
  readonly disks = new Map<string, Disk>();
  readonly changes: string[] = [];
  table: Mount[] = [];
  paths = new Map<string, 'file' | 'directory'>();
  usages = { bytes: { total: 100n, used: 40n, available: 60n }, inodes: { total: 10n, used: 4n, available: 6n } };
  /** The calls to the limits. */
  readonly settled: string[] = [];
  /** Why the limits are not in force. */
  shortfall: string | undefined;
  enforcement: Enforcement = 'report';
  /** Whether kubelet has the folder of inline volumes in their pod. */
  podFolder: 'present' | 'gone' | 'unknown' = 'present';
  readonly #devices = new FakeDevices();
  readonly #layers: Layer[] = [];
  readonly #inlineVolumes = new Map<VolumeId, Volume>();
  #death: Death | undefined;

  /** @param layers kinds of layers that each volume has on its logical volume */
  constructor(layers: readonly string[] = []) {
    const change = <T>(what: string, effect: () => T): T => this.#change(what, effect);
    this.#layers.push(...layers.map((kind) => fakeLayer(this.#devices, kind, { change })));
  }

  addVolume(lv: string, disk: Partial<Disk> = {}): VolumeId {
    const added = { size: GiB, tag: 'none' as const, content: undefined, readable: true, damaged: false, ...disk };
    this.disks.set(lv, added);
    this.#devices.add(bottomOf(lv), () => added.size);
    return `${node}:${lv}` as VolumeId;
  }

  removeVolume(lv: string): void {
    this.#devices.remove(bottomOf(lv));
    this.disks.delete(lv);
  }

  /** Whether something is mounted from it. */
  isOpen(lv: string): boolean {
    return this.#devices.open.has(bottomOf(lv));
  }

  /** Nothing is mounted, and no layer is open. */
  reboot(): void {
    this.table = [];
    this.#settleOpen();
    const bottoms = new Set([...this.disks.keys()].map(bottomOf));
    for (const path of this.#devices.paths().toReversed()) if (!bottoms.has(path)) this.#devices.remove(path);
  }

  dieAt(death: Death | undefined): void {
    this.#death = death;
    this.changes.length = 0;
  }

  /** The visible state, without the history. */
  state(): unknown {
    const disks = [...this.disks].map(([lv, disk]) => [lv, structuredClone(disk)]);
    const devices = this.#devices.paths();
    return structuredClone({ disks, devices, table: this.table, paths: Object.fromEntries(this.paths) });
  }

  readonly tools = {
    locks: createLocks(),
    limits: {
      settle: async (_id: VolumeId, target: string) => {
        this.settled.push(target);
        return this.shortfall;
      },
      changed: () => void this.settled.push('changed'),
    },
    volumes: this.#volumes(),
    inline: this.#inline(),
    podFolders: {
      stateOf: async () => {
        if (this.podFolder === 'unknown') throw new Failure('unavailable', 'the folders of pods cannot be seen');
        return this.podFolder;
      },
    },
    devices: this.#stack(),
    mounts: this.#mounts(),
    filesystems: this.#filesystems(),
  };

  #change<T>(what: string, effect: () => T, halfway: () => void = () => undefined): T {
    this.changes.push(what);
    const dies = this.#death?.step === this.changes.length;
    if (dies && this.#death?.when === 'before') {
      halfway();
      throw new Error(`died before ${what}`);
    }
    const result = effect();
    if (dies) throw new Error(`died after ${what}`);
    return result;
  }

  #disk(device: string): Disk {
    const disk = this.disks.get(this.#devices.bottomOf(device).replace('/dev/mapper/vg-', ''));
    if (!disk) throw new Error(`no ${device}`);
    return disk;
  }

  #number(device: string): string {
    return this.#devices.get(device).number;
  }

  /** Mounted devices are open. */
  #settleOpen(): void {
    for (const path of this.#devices.paths()) {
      if (this.table.some((mount) => mount.device === this.#number(path))) this.#devices.open.add(path);
      else this.#devices.open.delete(path);
    }
  }

  #stack(): VolumeDevices {
    const find = async (id: VolumeId) => {
      const lv = id.slice(id.indexOf(':') + 1);
      const disk = this.disks.get(lv);
      if (!disk) throw new Failure('not-found', `volume ${id} does not exist`);
      const { role, inline } = this.#inlineVolumes.get(id) ?? {};
      return { ...volumeOf(id, lv, disk, this.enforcement), ...(role && { role }), ...(inline && { inline }) };
    };
    const volumes = {
      activate: async (id: VolumeId) => {
        const volume = await find(id);
        return { device: bottomOf(volume.lv), volume };
      },
      mustFind: find,
      deviceOf: ({ lv }: Volume) => bottomOf(lv),
    };
    return createStack({ volumes, layers: this.#layers, kernel: this.#devices });
  }

  #volumes(): NodeVolumes {
    return {
      recordUse: async (id, filesystem) =>
        this.#change(`record ${filesystem}`, () => {
          this.#disk(bottomOf(id.slice(id.indexOf(':') + 1))).tag = filesystem;
        }),
      recordHeader: async () => undefined,
      recordRotation: async () => undefined,
      volumeLimit: () => 1000,
    };
  }

  #inline(): InlineVolumes {
    return fakeInlineVolumes(this.#inlineVolumes, {
      change: (what, effect) => this.#change(what, effect),
      isOpen: (lv) => this.isOpen(lv),
      remove: (lv) => this.removeVolume(lv),
      add: (lv, size) => {
        const id = this.addVolume(lv, { size });
        return volumeOf(id, lv, this.#disk(bottomOf(lv)), this.enforcement);
      },
    });
  }

  #mounts(): Mounts {
    const remove = async (path: string): Promise<void> =>
      this.#change(`remove ${path}`, () => {
        if (this.table.some((mount) => mount.target === path)) throw new Failure('unavailable', `${path} is busy`);
        this.paths.delete(path);
      });
    const make = async (step: string, path: string, kind: 'directory' | 'file'): Promise<void> =>
      this.#change(`${step} ${path}`, () => {
        // As the kernel does, PATH_MAX counts the zero at the end.
        if (Buffer.byteLength(path) >= 4096) throw new Failure('unavailable', `${path} is too long`);
        this.paths.set(path, kind);
      });
    return {
      read: async () => [...this.table],
      deviceNumber: async (device) => this.#number(device),
      resolve: async (path) => path,
      makeDirectory: (path) => make('mkdir', path, 'directory'),
      makeFile: (path) => make('touch', path, 'file'),
      removeMountPoint: remove,
      mount: async (device, target, filesystem, flags) =>
        this.#change(`mount ${target}`, () => {
          const { content } = this.#disk(device);
          if (typeof content !== 'object' || content.state === 'half') throw new Error('mounted rubbish');
          content.state = 'used';
          const readOnly = flags.includes('ro');
          this.table.push({ target, device: this.#number(device), access: 'mount', filesystem, readOnly });
          this.#settleOpen();
        }),
      bind: async (source, target, flags) =>
        this.#change(`bind ${target}`, () => {
          const above = this.table.findLast((mount) => mount.target === source);
          const from = above ?? { device: this.#number(source), access: 'block', filesystem: 'devtmpfs' };
          const readOnly = flags.includes('ro') || (above?.readOnly ?? false);
          this.table.push({ ...(from as Mount), target, readOnly });
          this.#settleOpen();
        }),
      unmount: async (target) =>
        this.#change(`umount ${target}`, () => {
          const index = this.table.findLastIndex((mount) => mount.target === target);
          // As umount(8) of ours: another call may have unmounted it meanwhile.
          if (index >= 0) this.table.splice(index, 1);
          this.#settleOpen();
        }),
    };
  }

  #filesystems(): Filesystems {
    return {
      probe: async (device) => contentOf(device, this.#disk(device)),
      sizeOn: async (device) => {
        const { content } = this.#disk(device);
        return typeof content === 'object' ? content.size : undefined;
      },
      make: async ({ device }: OpenVolume, type) => {
        const disk = this.#disk(device);
        if (typeof disk.content === 'string') throw new Error('DATA LOST');
        if (disk.content?.state === 'used') throw new Error('DATA LOST');
        const half = (): void => void (disk.content = { type, state: 'half', size: disk.size });
        this.#change(`mkfs ${type}`, () => void (disk.content = { type, state: 'made', size: disk.size }), half);
      },
      check: async (device, _type, thorough) =>
        this.#change(thorough ? 'check in full' : 'check', () => {
          if (this.#disk(device).damaged) throw new Failure('precondition', 'damaged');
        }),
      grow: async (device) =>
        this.#change('grow', () => {
          const disk = this.#disk(device);
          // A filesystem grows to its device, not to the device below.
          if (typeof disk.content === 'object') disk.content.size = this.#devices.get(device).size();
        }),
      usage: async () => this.usages,
    };
  }
}

function bottomOf(lv: string): string {
  return `/dev/mapper/vg-${lv}`;
}

function contentOf(device: string, { content, readable }: Disk): Content {
  if (!readable) throw new Failure('unavailable', `${device} could not be read`);
  if (content === undefined) return { holds: 'nothing' };
  if (typeof content === 'string') return { holds: 'something', name: content };
  return { holds: 'filesystem', type: content.type, size: content.size, unfinished: content.state !== 'used' };
}

function volumeOf(id: VolumeId, lv: string, disk: Disk, enforcement: Enforcement): Volume {
  return {
    id,
    node,
    name: lv,
    pool: 'fast' as PoolName,
    group: 'vg' as VgName,
    lv: lv as LvName,
    size: disk.size,
    layout: { type: 'thin' },
    filesystem: disk.tag,
    mkfsOptions: [],
    qos: { ...noQos, enforcement },
    state: 'ready',
  };
}
