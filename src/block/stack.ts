import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import type { VolumeDevices } from '../domain/devices.ts';
import { Failure } from '../domain/errors.ts';
import type { VolumeId } from '../domain/ids.ts';
import type { OpenVolume, Volume } from '../domain/volume.ts';
import { deviceNumberOf, devicesBelow, deviceSize } from '../kernel/block-device.ts';
import type { Layer, LayerPlace, Opening } from './layer.ts';

/** The bottom of each stack. */
export interface LogicalVolumes {
  /** Activates the logical volume if it is inactive. Throws `not-found`, only after a successful report. */
  activate(id: VolumeId, signal: AbortSignal): Promise<OpenVolume>;
  /** Throws `not-found`, only after a successful report. */
  mustFind(id: VolumeId): Promise<Volume>;
  /** The path of the logical volume's device; the device need not exist. */
  deviceOf(volume: Volume): string;
}

export interface StackOptions {
  readonly volumes: LogicalVolumes;
  /** From the bottom to the top. */
  readonly layers: readonly Layer[];
  readonly kernel?: StackKernel;
}

/** The stack's queries to the kernel. */
export interface StackKernel {
  readonly deviceNumberOf: typeof deviceNumberOf;
  readonly devicesBelow: typeof devicesBelow;
  readonly deviceSize: typeof deviceSize;
}

/** The devices of volumes, and their names in the kernel. */
export interface DeviceStack extends VolumeDevices {
  /** The device-mapper names of a volume's devices, open or not; the logical volume's comes first. */
  mapperNamesOf(volume: Volume): string[];
}

const sysfs: StackKernel = { deviceNumberOf, devicesBelow, deviceSize };

/** Opens and closes the layers of volumes in order. It has no memory: the kernel knows which layers are open. */
export function createStack(options: StackOptions): DeviceStack {
  const { volumes, layers, kernel = sysfs } = options;
  return {
    async open(id, secrets, signal) {
      const { volume, device: bottom } = await volumes.activate(id, signal);
      let device = bottom;
      for (const layer of layers)
        device = await openLayer(kernel, layer, { volume, below: device, opening: { secrets, signal } });
      return { volume, device };
    },
    find: (id) => findTop(options, id),
    async resize(id, signal) {
      let below = volumes.deviceOf(await volumes.mustFind(id));
      for (const layer of layers) {
        const name = layerName(layer, id);
        const state = await layer.state(name);
        if (!state.open) continue;
        signal.throwIfAborted();
        await layer.resize({ name, below });
        below = state.device;
      }
    },
    async close(id) {
      for (const layer of layers.toReversed()) {
        const name = layerName(layer, id);
        if ((await layer.state(name)).open) await layer.close(name);
        await layer.closeRemains(name);
      }
    },
    size: (device) => kernel.deviceSize(device),
    mapperNamesOf: (volume) => [
      basename(volumes.deviceOf(volume)),
      ...layers.map((layer) => layerName(layer, volume.id)),
    ],
  };
}

async function findTop({ volumes, layers, kernel = sysfs }: StackOptions, id: VolumeId) {
  const volume = await volumes.mustFind(id);
  let device = volumes.deviceOf(volume);
  for (const layer of layers) {
    const state = await layer.state(layerName(layer, id));
    if (state.open) ({ device } = state);
    else if (layer.appliesTo(volume)) return undefined;
  }
  return (await kernel.deviceNumberOf(device)) === undefined ? undefined : { volume, device };
}

/** Returns the device for the next layer. */
async function openLayer(
  kernel: StackKernel,
  layer: Layer,
  { volume, below, opening }: { readonly volume: Volume; readonly below: string; readonly opening: Opening },
): Promise<string> {
  const place = { name: layerName(layer, volume.id), below };
  const before = await layer.state(place.name);
  if (before.open) {
    await refuseElsewhere(kernel, before.device, place);
    await layer.resize(place);
    return before.device;
  }
  if (!layer.appliesTo(volume)) return below;
  opening.signal.throwIfAborted();
  await layer.closeRemains(place.name);
  await layer.open(volume, place, opening);
  const after = await layer.state(place.name);
  if (after.open) return after.device;
  throw new Failure('unavailable', `the ${layer.kind} layer of volume ${volume.id} was opened, but is not there`);
}

/** Refuses a layer that is open on another device: it has other data, or data that did not pass a layer between the two. */
async function refuseElsewhere(kernel: StackKernel, device: string, { below }: LayerPlace): Promise<void> {
  const [number, wanted] = await Promise.all([kernel.deviceNumberOf(device), kernel.deviceNumberOf(below)]);
  const found = number === undefined ? [] : await kernel.devicesBelow(number);
  // A layer may consist of two devices.
  const deeper = await Promise.all(found.map((one) => kernel.devicesBelow(one)));
  if (wanted !== undefined && [...found, ...deeper.flat()].includes(wanted)) return;
  throw new Failure('precondition', `${device} is open over ${found.join(', ') || 'no device'}, not over ${below}`);
}

/** Derives the name from the id alone, so that a stack can be closed while LVM does not answer. Ids may exceed device-mapper's limit. */
function layerName({ kind }: Layer, id: VolumeId): string {
  return `quarry-${kind}-${createHash('sha256').update(id).digest('hex').slice(0, 40)}`;
}
