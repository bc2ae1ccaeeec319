import { askRole } from '../../cli/ask.ts';
import type { Listing } from '../../cli/output.ts';
import { Failure } from '../../domain/errors.ts';
import type { Affected } from '../../gen/quarry/admin/v1/Affected.ts';
import type { Relocation } from '../../gen/quarry/admin/v1/Relocation.ts';
import type { AffectedRecord, RelocationRecord } from './command.ts';

interface Evacuate {
  readonly config: string;
  readonly disk: string;
  readonly dryRun: boolean;
  readonly remove: boolean;
  readonly cancel: boolean;
  readonly erase?: string | undefined;
}

/** @throws Failure('invalid') for options that exclude each other */
export async function evacuateDisk(given: Evacuate): Promise<Listing<RelocationRecord>> {
  const { config, disk, dryRun, remove, cancel, erase = '' } = given;
  if (cancel && (dryRun || remove || erase !== ''))
    throw new Failure('invalid', 'give --cancel alone, without --dry-run, --remove and --erase');
  return askRole('node', config, async (calls) => {
    if (cancel) {
      await calls.keepDisk({ disk });
      return { records: [] };
    }
    const { relocations } = await calls.evacuateDisk({ disk, dryRun, remove, erase, to: '', toSize: '0' });
    return { records: (relocations as Relocation[]).map(toRecord) };
  });
}

export async function giveUpDisk({
  config,
  disk,
  dryRun,
  deleteLost,
}: Pick<Evacuate, 'config' | 'disk' | 'dryRun'> & { readonly deleteLost: boolean }): Promise<Listing<AffectedRecord>> {
  return askRole('node', config, async (calls) => {
    const { affected } = await calls.giveUpDisk({ disk, dryRun, deleteLost });
    if (!dryRun) await calls.rescan({});
    return { records: (affected as Affected[]).map(toAffected) };
  });
}

export async function removeDisk({
  config,
  disk,
  dryRun,
  erase,
}: Pick<Evacuate, 'config' | 'disk' | 'dryRun' | 'erase'>): Promise<string> {
  await askRole('node', config, async (calls) => {
    await calls.removeDisk({ disk, dryRun: dryRun || erase !== undefined });
    if (erase === undefined || dryRun) return;
    await calls.evacuateDisk({ disk, dryRun, remove: true, erase, to: '', toSize: '0' });
  });
  if (erase !== undefined && !dryRun)
    return `${disk} leaves its group when it is erased ("quarry jobs" shows how far it is).\n`;
  return dryRun ? `${disk} can be removed.\n` : `${disk} has left its group.\n`;
}

function toRecord({ lv, volumeId, claim, size, to }: Relocation): RelocationRecord {
  return { lv, volume: volumeId || undefined, claim: claim || undefined, size: BigInt(size), to };
}

export function toAffected({ lv, id, claim, size, lost }: Affected): AffectedRecord {
  const becomes = lost ? 'lost' : 'copied from another disk';
  return { lv, id: id || undefined, claim: claim || undefined, size: BigInt(size), becomes };
}
