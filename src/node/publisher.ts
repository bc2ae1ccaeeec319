import { allowsSeveralTargets } from '../domain/capability.ts';
import { Failure } from '../domain/errors.ts';
import type { Mount } from '../domain/mounts.ts';
import type { OpenVolume } from '../domain/volume.ts';
import { recordRawUse } from './formatter.ts';
import type { NodeTools } from './ports.ts';
import type { PublishRequest, UndoRequest } from './requests.ts';
import { blockStaging, layersAt, otherTargets, topAt } from './mount-lookup.ts';

/** Flags of a single mount (mount(2), MS_REMOUNT with MS_BIND). The flags of the filesystem were set by the stage. */
const bindFlags: ReadonlySet<string> = new Set([
  'nosuid',
  'nodev',
  'noexec',
  'noatime',
  'nodiratime',
  'relatime',
  'strictatime',
  'nosymfollow',
]);

interface Place {
  readonly staging: string;
  readonly target: string;
  readonly device: string;
  readonly table: readonly Mount[];
}

/** Can be repeated after a crash at any point: it does what the mount table shows to be missing. */
export async function publish(tools: NodeTools, request: PublishRequest, signal: AbortSignal): Promise<void> {
  refuseReadOnlyBlock(request);
  return tools.locks.hold(request.id, 'NodePublishVolume', async () => {
    const open = await tools.devices.find(request.id, signal);
    if (!open) throw notStaged(request);
    const place = await findPlace(tools, open.device, request);
    const source = stagedMount(request, place);
    if (!isPublished(request, place, source)) {
      refuseSecondTarget(request, place);
      signal.throwIfAborted();
      if (request.capability.access === 'block') {
        // An earlier version may have staged it without this record.
        await recordRawUse(tools, open);
        await tools.mounts.makeFile(place.target);
      } else await tools.mounts.makeDirectory(place.target);
      await tools.mounts.bind(source.target, place.target, flagsOf(request, source));
    }
    await enforceLimits(tools, open, place.target);
  });
}

/** Leaves the mount even if it throws: the next attempt, and the limits once the pod's cgroup appears, depend on it. */
export async function enforceLimits({ limits }: NodeTools, { volume }: OpenVolume, target: string): Promise<void> {
  const shortfall = await limits.settle(volume.id, target);
  if (shortfall === undefined || volume.qos.enforcement !== 'strict') return;
  throw new Failure('unavailable', `the limits of volume ${volume.id} are not in force at ${target}: ${shortfall}`);
}

/**
 * The kernel lets a process write through a device node on a read-only mount, and `blockdev --setro` would stop the volume's other
 * users too. Kubelet restricts its pods by their device cgroup, which only allows reads. For other callers nothing would enforce it.
 */
function refuseReadOnlyBlock({ id, capability, readOnly, forPod }: PublishRequest): void {
  if (capability.access !== 'block' || !readOnly || forPod) return;
  throw new Failure(
    'precondition',
    `volume ${id} cannot be published read-only as a raw block device, because nothing would enforce it; publish it for writing, or use a filesystem`,
  );
}

async function findPlace({ mounts }: NodeTools, path: string, request: PublishRequest): Promise<Place> {
  const staging = await mounts.resolve(request.staging);
  const target = await mounts.resolve(request.target);
  if (contains(staging, target) || contains(target, staging)) {
    throw new Failure('invalid', 'target_path and staging_target_path must be different, and neither below the other');
  }
  return {
    staging: request.capability.access === 'block' ? blockStaging(staging) : staging,
    target,
    device: await mounts.deviceNumber(path),
    table: await mounts.read(),
  };
}

function contains(folder: string, path: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

function stagedMount(request: PublishRequest, place: Place): Mount {
  const top = topAt(place.table, place.staging);
  if (top?.device === place.device && top.access === request.capability.access) return top;
  throw notStaged(request);
}

function notStaged({ id, capability, staging }: PublishRequest): Failure {
  return new Failure('precondition', `volume ${id} is not staged for ${capability.access} access at ${staging}`);
}

function isPublished({ id, capability, readOnly }: PublishRequest, place: Place, source: Mount): boolean {
  const top = topAt(place.table, place.target);
  if (!top) return false;
  if (top.device !== place.device || top.access !== capability.access) {
    throw new Failure('exists', `${place.target} is in use by another mount`);
  }
  if (top.readOnly !== (readOnly || source.readOnly)) {
    const found = top.readOnly ? 'read-only' : 'for writing';
    throw new Failure('exists', `volume ${id} is published ${found} at ${place.target} already`);
  }
  return true;
}

function refuseSecondTarget({ id, capability }: PublishRequest, place: Place): void {
  if (allowsSeveralTargets(capability.mode)) return;
  const others = otherTargets(place.table, place.device, [place.staging, place.target]);
  if (others.length === 0) return;
  throw new Failure(
    'precondition',
    `volume ${id} is published at ${others.join(', ')}, and ${capability.mode} allows one target only`,
  );
}

/** All flags of the mount, because setting one flag clears those that are not given with it. */
function flagsOf({ capability, readOnly }: PublishRequest, source: Mount): string[] {
  const flags = capability.access === 'block' ? [] : capability.mountFlags.filter((flag) => bindFlags.has(flag));
  return readOnly || source.readOnly ? ['ro', ...flags] : flags;
}

/** Undoes a publish by the target alone, without LVM, so that it works while LVM does not. */
export async function unpublish({ locks, mounts, limits }: NodeTools, { id, path }: UndoRequest): Promise<void> {
  if (id === undefined) return;
  return locks.hold(id, 'NodeUnpublishVolume', async () => {
    const target = await mounts.resolve(path);
    for (const layer of layersAt(await mounts.read(), target)) await mounts.unmount(layer.target);
    await mounts.removeMountPoint(target);
    limits.changed();
  });
}
