import { Failure } from '../domain/errors.ts';
import type { FilesystemType, OpenVolume } from '../domain/volume.ts';
import type { Content } from '../domain/filesystems.ts';
import type { NodeTools } from './ports.ts';

export interface Preparation {
  readonly open: OpenVolume;
  readonly type: FilesystemType;
  /** It is mounted somewhere already: a check would be wrong, and is not due. */
  readonly mounted: boolean;
}

/**
 * Leaves the device with a filesystem of that type, fit for mounting, and on record. It is made only on a device that is blank
 * and never was formatted; whatever else is there was written by somebody and is left alone (`precondition`).
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

/** Raw data need not bear any signature, and one that it bears by chance would be repaired. */
function refuseRaw({ device, volume }: OpenVolume): void {
  if (volume.filesystem !== 'block') return;
  throw new Failure(
    'precondition',
    `volume ${volume.id} was used as a raw block device: what ${device} holds is its user's, and no filesystem is made or mounted on it`,
  );
}

/** The record comes before the device is handed out. */
export async function recordRawUse(tools: NodeTools, { volume }: OpenVolume): Promise<void> {
  if (volume.filesystem === 'none') await tools.volumes.recordUse(volume.id, 'block');
}

async function formatBlank(tools: NodeTools, preparation: Preparation): Promise<void> {
  const { device, volume } = preparation.open;
  if (volume.filesystem !== 'none') {
    throw new Failure(
      'precondition',
      `volume ${volume.id} was formatted with ${volume.filesystem}, and now ${device} looks blank; it was left alone, for what was there may still be saved`,
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
  // Unrecorded, it is a finished mkfs that died before its record, or the work of a user of the raw device: kept either way,
  // and examined in full, since nobody vouches for it.
  if (!mounted) await tools.filesystems.check(open.device, type, unrecorded);
  if (unrecorded) await tools.volumes.recordUse(open.volume.id, type);
}

/** The record comes before the first mount: from then on the volume may hold data, and is never formatted again. */
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
