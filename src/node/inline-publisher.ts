import { Failure } from '../domain/errors.ts';
import type { InlineHandle, VolumeId } from '../domain/ids.ts';
import type { InlineWish } from '../domain/storage.ts';
import type { OpenVolume } from '../domain/volume.ts';
import { prepareFilesystem } from './formatter.ts';
import type { InlineRequest } from './inline-requests.ts';
import { layersAt, topAt } from './mount-lookup.ts';
import type { NodeTools } from './ports.ts';
import { enforceLimits } from './publisher.ts';

/**
 * Creates the volume, makes its filesystem and mounts it. Can be repeated after a crash at any point: LVM, the device and the mount table
 * show what is missing. The handle is locked, because the creation locks the id.
 */
export async function publishInline(tools: NodeTools, request: InlineRequest, signal: AbortSignal): Promise<void> {
  const { handle } = request.wish;
  return tools.locks.hold(handle, 'NodePublishVolume', async () => {
    const target = await tools.mounts.resolve(request.wish.inline.target);
    await refuseWithoutPod(tools, target);
    const inline = { ...request.wish.inline, target };
    const id = await makeVolume(tools, { ...request.wish, inline }, signal);
    await tools.locks.hold(id, 'NodePublishVolume', async () => {
      const open = await tools.devices.open(id, {}, signal);
      signal.throwIfAborted();
      await mount(tools, open, { ...request, target }, signal);
      await enforceLimits(tools, open, target);
    });
  });
}

/** Makes an encrypted volume again that has a key and is not open: the key was in the memory of a kernel that is gone. */
async function makeVolume(tools: NodeTools, wish: InlineWish, signal: AbortSignal): Promise<VolumeId> {
  const { id, encryption, headerless } = await tools.inline.create(wish, signal);
  if (!encryption || headerless || (await tools.devices.find(id, signal))) return id;
  await tools.inline.remove(id, signal);
  return (await tools.inline.create(wish, signal)).id;
}

/** A volume that was made after its pod's end would have to be found and removed again. */
async function refuseWithoutPod({ podFolders }: NodeTools, target: string): Promise<void> {
  if ((await podFolders.stateOf(target)) === 'present') return;
  throw new Failure('precondition', `the folder of ${target} does not exist: kubelet makes it before it publishes`);
}

async function mount(
  tools: NodeTools,
  open: OpenVolume,
  { capability, readOnly, target }: InlineRequest & { readonly target: string },
  signal: AbortSignal,
): Promise<void> {
  const device = await tools.mounts.deviceNumber(open.device);
  const top = topAt(await tools.mounts.read(), target);
  if (top?.device === device && top.access === 'mount' && top.readOnly === readOnly) return;
  if (top) throw new Failure('exists', `${target} is in use by another mount, or by this volume in another form`);
  await prepareFilesystem(tools, { open, type: capability.filesystem, mounted: false }, signal);
  await tools.mounts.makeDirectory(target);
  const flags = capability.mountFlags.filter((flag) => flag !== 'ro' && flag !== 'rw');
  await tools.mounts.mount(open.device, target, capability.filesystem, readOnly ? ['ro', ...flags] : flags);
}

/** Unmounts the volume and removes it with its content. Throws as LVM does while that does not answer; the next attempt goes on. */
export async function unpublishInline(
  tools: NodeTools,
  handle: InlineHandle,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  return tools.locks.hold(handle, 'NodeUnpublishVolume', async () => {
    const target = await tools.mounts.resolve(path);
    for (const layer of layersAt(await tools.mounts.read(), target)) await tools.mounts.unmount(layer.target);
    const id = tools.inline.idOf(handle);
    await tools.locks.hold(id, 'NodeUnpublishVolume', () => tools.devices.close(id));
    await tools.inline.remove(id, signal);
    await tools.mounts.removeMountPoint(target);
    tools.limits.changed();
  });
}
