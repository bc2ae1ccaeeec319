import type { Bytes } from '../domain/bytes.ts';
import { Failure } from '../domain/errors.ts';
import { filesystemTypes } from '../domain/volume.ts';
import type { Mount } from '../domain/mounts.ts';
import { canGrow, hasRoomToGrow } from './growth.ts';
import type { NodeTools } from './ports.ts';
import type { ExpandRequest } from './requests.ts';
import { type Located, locate } from './mount-lookup.ts';

/** Grows the devices above the logical volume, then the filesystem, online. Returns the size of the device in bytes. */
export async function expand(tools: NodeTools, request: ExpandRequest, signal: AbortSignal): Promise<Bytes> {
  return tools.locks.hold(request.id, 'NodeExpandVolume', async () => {
    const located = await locate(tools, request, signal);
    await tools.devices.resize(request.id, signal);
    const size = await tools.devices.size(located.device);
    refuseOutOfRange(request, size);
    signal.throwIfAborted();
    if (located.mount.access === 'mount') await grow(tools, located);
    return size;
  });
}

function refuseOutOfRange({ id, size: { required, limit } }: ExpandRequest, size: Bytes): void {
  if (size < required) {
    throw new Failure(
      'out-of-range',
      `volume ${id} has ${size} bytes, not ${required}: the controller has to expand it first`,
    );
  }
  if (limit !== undefined && size > limit) {
    throw new Failure(
      'out-of-range',
      `volume ${id} has ${size} bytes, more than the limit of ${limit}; it cannot shrink`,
    );
  }
}

async function grow(tools: NodeTools, { device, mount, table }: Located): Promise<void> {
  const type = filesystemTypes.find((known) => known === mount.filesystem);
  if (!type)
    throw new Failure(
      'precondition',
      `${mount.target} has the filesystem ${mount.filesystem}, which Quarry cannot grow`,
    );
  if (!(await hasRoomToGrow(tools, device, type))) return;
  if (!(await canGrow(tools, device, type))) {
    throw new Failure(
      'precondition',
      `the kernel refuses to resize a btrfs to less than 256 MiB, and ${device} has less: expand the volume to 256 MiB or more`,
    );
  }
  await tools.filesystems.grow(device, type, writable(mount, table).target);
}

/** A filesystem grows only through a writable mount; a volume that is published read-only is usually staged writable. */
function writable(mount: Mount, table: readonly Mount[]): Mount {
  if (!mount.readOnly) return mount;
  const other = table.find((known) => known.device === mount.device && known.access === 'mount' && !known.readOnly);
  if (!other) throw new Failure('precondition', `${mount.target} is mounted read-only and cannot be grown`);
  return other;
}
