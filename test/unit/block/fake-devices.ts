import type { Layer } from '../../../src/block/layer.ts';
import type { StackKernel } from '../../../src/block/stack.ts';
import type { UsesKernel } from '../../../src/block/uses.ts';
import { Failure } from '../../../src/domain/errors.ts';
import type { Volume } from '../../../src/domain/volume.ts';
import type { DeviceNumber, UpperDevice } from '../../../src/kernel/block-device.ts';

interface FakeDevice {
  readonly number: DeviceNumber;
  readonly size: () => bigint;
  readonly below: string | undefined;
}

/** The block devices of a kernel, by path, each with the device below. Survives the death of the driver. */
export class FakeDevices implements StackKernel, UsesKernel {
  readonly #devices = new Map<string, FakeDevice>();
  /** Paths that are mounted or open. */
  readonly open = new Set<string>();
  #minors = 0;

  add(path: string, size: () => bigint, below?: string): void {
    if (this.#devices.has(path)) throw new Error(`${path} is there already`);
    this.#devices.set(path, { number: `253:${BigInt(this.#minors++)}`, size, below });
  }

  resize(path: string, size: bigint): void {
    this.#devices.set(path, { ...this.get(path), size: () => size });
  }

  remove(path: string): void {
    const users = [...this.above(path).map((upper) => upper.path), ...(this.open.has(path) ? ['a mount'] : [])];
    if (users.length > 0) throw new Failure('unavailable', `${path} is busy: ${users.join(', ')}`);
    this.#devices.delete(path);
  }

  get(path: string): FakeDevice {
    const device = this.#devices.get(path);
    if (!device) throw new Failure('unavailable', `${path} is no block device`);
    return device;
  }

  has(path: string): boolean {
    return this.#devices.has(path);
  }

  paths(): string[] {
    return [...this.#devices.keys()];
  }

  above(path: string): UpperDevice[] {
    const found: UpperDevice[] = [];
    for (const [upper, { number, below }] of this.#devices) {
      if (below === path) found.push({ path: upper, number }, ...this.above(upper));
    }
    return found;
  }

  /** The path of the lowest device below this one. */
  bottomOf(path: string): string {
    const { below } = this.get(path);
    return below === undefined ? path : this.bottomOf(below);
  }

  #pathOf(number: DeviceNumber): string {
    return [...this.#devices].find(([, device]) => device.number === number)?.[0] ?? '';
  }

  deviceNumberOf = async (path: string) => this.#devices.get(path)?.number;
  deviceSize = async (path: string) => this.get(path).size();
  devicesAbove = async (number: DeviceNumber) => this.above(this.#pathOf(number));
  devicesBelow = async (number: DeviceNumber) => {
    const { below } = this.get(this.#pathOf(number));
    return below === undefined ? [] : [this.get(below).number];
  };
}

export interface FakeLayerOptions {
  /** Bytes that the layer uses of the device below. */
  readonly header?: bigint;
  readonly appliesTo?: (volume: Volume) => boolean;
  /** Called with each change; it may throw before or after the change. */
  readonly change?: <T>(what: string, effect: () => T) => T;
}

/** A layer whose devices are those of the fake kernel. */
export function fakeLayer(devices: FakeDevices, kind: string, options: FakeLayerOptions = {}): Layer {
  const { header = 0n, appliesTo = () => true, change = (_, effect) => effect() } = options;
  const pathOf = (name: string): string => `/dev/mapper/${name}`;
  const room = (below: string): bigint => devices.get(below).size() - header;
  return {
    kind,
    appliesTo,
    async state(name) {
      return devices.has(pathOf(name)) ? { open: true, device: pathOf(name) } : { open: false };
    },
    async open(_volume, { name, below }) {
      const size = room(below);
      change(`open ${kind}`, () => devices.add(pathOf(name), () => size, below));
    },
    async resize({ name, below }) {
      if (devices.get(pathOf(name)).size() === room(below)) return;
      change(`resize ${kind}`, () => devices.resize(pathOf(name), room(below)));
    },
    async close(name) {
      devices.get(pathOf(name));
      change(`close ${kind}`, () => devices.remove(pathOf(name)));
    },
    closeRemains: async () => undefined,
  };
}
