import { Failure } from '../domain/errors.ts';
import type { FilesystemType, OpenVolume } from '../domain/volume.ts';
import type { Content } from '../domain/filesystems.ts';
import type { NodeTools } from './ports.ts';

export interface Preparation {
  readonly open: OpenVolume;
  readonly type: FilesystemType;
  /** It is mounted elsewhere: a check would damage it and is not needed. */
  readonly mounted: boolean;
}

/**
 * Ensures that the device has a filesystem of that type, checked and recorded. Formats only a device that is blank and was never
 * formatted; throws `precondition` for any other content and leaves it alone.
 */
export async function prepareFilesystem(
  tools: NodeTools,
  preparation: Preparation,
  signal: AbortSignal,
): Promise<void> {
  const { device, volume } = preparation.open;
  refuseRaw(preparation.open);
  const content = await tools.filesystems.probe(device, await tools.devices.size(device), volume.id);
  signal.throwIfAborted();
  switch (content.holds) {
    case 'nothing':
      return formatBlank(tools, preparation);
    case 'filesystem':
      if (content.type === preparation.type) return adopt(tools, preparation, content);
      throw holdsOther(preparation, content.type);
    case 'something':
      throw holdsOther(preparation, content.name);
  }
}

/** Raw data may look blank, or by chance like a filesystem that would then be repaired. */
function refuseRaw({ device, volume }: OpenVolume): void {
  if (volume.filesystem !== 'block') return;
  throw new Failure(
    'precondition',
    `volume ${volume.id} was used as a raw block device: ${device} has its user's data, so no filesystem is made or mounted on it`,
  );
}

/** Records that the volume is used as a raw block device. Call it before the device is handed out. */
export async function recordRawUse(tools: NodeTools, { volume }: OpenVolume): Promise<void> {
  if (volume.filesystem === 'none') await tools.volumes.recordUse(volume.id, 'block');
}

async function formatBlank(tools: NodeTools, preparation: Preparation): Promise<void> {
  const { device, volume } = preparation.open;
  if (volume.filesystem !== 'none') {
    throw new Failure(
      'precondition',
      `volume ${volume.id} was formatted with ${volume.filesystem}, but ${device} looks blank; it was left alone because its data may be recoverable`,
    );
  }
  await format(tools, preparation, false);
}

type FilesystemContent = Extract<Content, { holds: 'filesystem' }>;

async function adopt(
  tools: NodeTools,
  { open, type, mounted }: Preparation,
  content: FilesystemContent,
): Promise<void> {
  const unrecorded = open.volume.filesystem === 'none';
  if (unrecorded && content.unfinished) return format(tools, { open, type, mounted }, true);
  // An unrecorded filesystem is from an mkfs of ours that was cut off before the record, or from a user of the raw device. Both are
  // kept, and checked in full, because its state is unknown.
  if (!mounted) await tools.filesystems.check(open.device, type, unrecorded);
  if (unrecorded) await tools.volumes.recordUse(open.volume.id, type);
}

/** Records the filesystem. Call it before the first mount: from then on the volume may have data and is never formatted again. */
async function format(tools: NodeTools, { open, type }: Preparation, overUnfinished: boolean): Promise<void> {
  await tools.filesystems.make(open, type, overUnfinished);
  await tools.volumes.recordUse(open.volume.id, type);
}

function holdsOther({ open, type }: Preparation, name: string): Failure {
  return new Failure(
    'precondition',
    `volume ${open.volume.id} was to be mounted as ${type}, but ${open.device} holds ${name}; it was left alone`,
  );
}
