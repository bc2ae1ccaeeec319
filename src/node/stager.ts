import type { Capability } from '../domain/capability.ts';
import { Failure } from '../domain/errors.ts';
import { type OpenVolume, refusePassive } from '../domain/volume.ts';
import { prepareFilesystem, recordRawUse } from './formatter.ts';
import type { Mount } from '../domain/mounts.ts';
import type { NodeTools } from './ports.ts';
import type { StageRequest, UndoRequest } from './requests.ts';
import { canGrow, hasRoomToGrow } from './growth.ts';
import { blockStaging, layersAt, otherTargets, topAt } from './mount-lookup.ts';

interface Staging {
  readonly open: OpenVolume;
  /** The staging path in the mount table's form. */
  readonly path: string;
  readonly device: string;
  readonly table: readonly Mount[];
}

type MountCapability = Extract<Capability, { access: 'mount' }>;

/** Can be repeated after a crash at any point: the mount table and the device show what is missing. */
export async function stage(tools: NodeTools, request: StageRequest, signal: AbortSignal): Promise<void> {
  return tools.locks.hold(request.id, 'NodeStageVolume', async () => {
    const open = await tools.devices.open(request.id, request.secrets, signal);
    refusePassive(open.volume);
    const device = await tools.mounts.deviceNumber(open.device);
    const path = await tools.mounts.resolve(request.staging);
    const staging = { open, path, device, table: await tools.mounts.read() };
    signal.throwIfAborted();
    if (request.capability.access === 'block') await stageBlock(tools, staging);
    else await stageFilesystem(tools, staging, request.capability, signal);
  });
}

async function stageBlock(tools: NodeTools, { open, path, device, table }: Staging): Promise<void> {
  const file = blockStaging(path);
  if (topAt(table, path)) throw occupied(path);
  const top = topAt(table, file);
  if (top && (top.device !== device || top.access !== 'block')) throw occupied(file);
  refuseOtherAccess(open, device, table, 'block');
  await recordRawUse(tools, open);
  if (top) return;
  await tools.mounts.makeFile(file);
  await tools.mounts.bind(open.device, file, []);
}

async function stageFilesystem(
  tools: NodeTools,
  staging: Staging,
  capability: MountCapability,
  signal: AbortSignal,
): Promise<void> {
  const { open, path, device, table } = staging;
  const { filesystem: type, mountFlags } = capability;
  const readOnly = mountFlags.includes('ro');
  const top = topAt(table, path);
  if (top && !fits(top, device, type, readOnly)) throw occupied(path);
  if (topAt(table, blockStaging(path))) throw occupied(blockStaging(path));
  refuseOtherAccess(open, device, table, 'mount');
  if (!top) {
    const mounted = otherTargets(table, device, [path]).length > 0;
    await prepareFilesystem(tools, { open, type, mounted }, signal);
    await tools.mounts.makeDirectory(path);
    await tools.mounts.mount(open.device, path, type, mountFlags);
  }
  if (!readOnly) await growWhenDue(tools, staging, capability);
}

function fits(top: Mount, device: string, type: string, readOnly: boolean): boolean {
  return top.access === 'mount' && top.device === device && top.filesystem === type && top.readOnly === readOnly;
}

/** Writes to the raw device would destroy a filesystem that is mounted from it. */
function refuseOtherAccess(
  { volume }: OpenVolume,
  device: string,
  table: readonly Mount[],
  access: Mount['access'],
): void {
  const others = table.filter((mount) => mount.device === device && mount.access !== access);
  if (others.length === 0) return;
  const form = access === 'block' ? 'a filesystem' : 'a raw block device';
  const targets = others.map(({ target }) => target).join(', ');
  throw new Failure('precondition', `volume ${volume.id} is in use as ${form} at ${targets}`);
}

/** Grows the filesystem after the mount, because all three grow online. Each stage does so: an earlier one may have died before it. */
async function growWhenDue(tools: NodeTools, { open, path }: Staging, { filesystem }: MountCapability): Promise<void> {
  if (!(await hasRoomToGrow(tools, open.device, filesystem))) return;
  // The volume is usable at this size; NodeExpandVolume says why it does not grow.
  if (!(await canGrow(tools, open.device, filesystem))) return;
  await tools.filesystems.grow(open.device, filesystem, path);
}

function occupied(path: string): Failure {
  return new Failure('exists', `${path} is in use by another mount, or by this volume in another form`);
}

/** Undoes a stage by the path and the id alone, without LVM, so that it works while LVM does not. */
export async function unstage({ locks, mounts, devices }: NodeTools, { id, path: asked }: UndoRequest): Promise<void> {
  if (id === undefined) return;
  return locks.hold(id, 'NodeUnstageVolume', async () => {
    const path = await mounts.resolve(asked);
    const paths = [blockStaging(path), path];
    const table = await mounts.read();
    const layers = paths.flatMap((place) => layersAt(table, place));
    // An unmount here would succeed and make Kubernetes believe that the volume is unused.
    const users = layers.flatMap(({ device }) => otherTargets(table, device, paths));
    if (users.length > 0) {
      throw new Failure('precondition', `volume ${id} is still published at ${[...new Set(users)].join(', ')}`);
    }
    for (const { target } of layers) await mounts.unmount(target);
    await mounts.removeMountPoint(blockStaging(path));
    await devices.close(id);
  });
}
