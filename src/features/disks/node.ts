import { realpath } from 'node:fs/promises';
import type { NodeContext, NodePart } from '../../app/feature.ts';
import { diskErasures } from '../../domain/erasure.ts';
import { Failure } from '../../domain/errors.ts';
import type { RelocationInit } from '../../gen/quarry/admin/v1/Relocation.ts';
import type { Log } from '../../log.ts';
import { claimNames } from '../../lvm/claim-names.ts';
import { DiskRemoval } from '../../lvm/disk-removal.ts';
import type { Departure, Relocation } from '../../lvm/evacuation/leaving-disks.ts';
import { type Affected, LostDisk, type LostDiskOptions } from '../../lvm/mirrors/lost-disk.ts';

interface Context {
  readonly local: LostDiskOptions;
  readonly leaving: Pick<NodeContext['leaving'], 'begin' | 'keep'>;
  readonly jobs: Pick<NodeContext['jobs'], 'retry'>;
  readonly log: Pick<Log, 'info'>;
}

/** Answers the command line. */
export function createDisksPart({ local, leaving, jobs, log }: Context): NodePart {
  const removal = new DiskRemoval(local);
  const lostDisk = new LostDisk(local);
  return {
    admin: {
      async evacuateDisk({ disk, dryRun, remove, to, toSize, erase }, { signal }) {
        const replacement = to === '' ? undefined : { device: await deviceOf(to), size: BigInt(toSize) };
        const departure = { removed: remove, dryRun, replacement, erase: erasureIn(erase, remove) };
        const relocations = await leaving.begin(await deviceOf(disk), departure, signal);
        if (!dryRun) jobs.retry();
        const claims = claimNames(local.cache);
        return { relocations: relocations.map((relocation) => toMessage(relocation, claims)) };
      },
      async keepDisk({ disk }, { signal }) {
        await leaving.keep(await deviceOf(disk), signal);
        return {};
      },
      async giveUpDisk({ disk, dryRun, deleteLost }, { signal }) {
        const claims = claimNames(local.cache);
        const found = await lostDisk.giveUp(disk, { dryRun, deleteLost }, signal);
        const affected = found.map(({ lv, id = '', size, lost }) => {
          return { lv, id, claim: claims.get(id) ?? '', size: String(size), lost };
        });
        if (!dryRun) {
          log.info({ disk, deleteLost, affected: affected.map(textOf) }, 'a missing disk was given up');
          jobs.retry();
        }
        return { affected };
      },
      async removeDisk({ disk, dryRun }, { signal }) {
        await removal.remove(await deviceOf(disk), dryRun, signal);
        return {};
      },
    },
  };
}

/** Throws `invalid` for an erasure of a disk that stays, or one that only a newer version knows. */
function erasureIn(text: string, removed: boolean): Departure['erase'] {
  if (text === '') return undefined;
  const method = diskErasures.find((known) => known === text);
  if (!method) throw new Failure('invalid', `erase "${text}" is unknown; known: ${diskErasures.join(', ')}`);
  if (!removed) throw new Failure('invalid', 'a disk is erased when it leaves its group: give --erase with --remove');
  return method;
}

/** The path without links; text that is no path of a device stays, because it may be a UUID. */
async function deviceOf(disk: string): Promise<string> {
  return disk.startsWith('/') ? realpath(disk).catch(() => disk) : disk;
}

function textOf({ lv, claim, lost }: Pick<Affected, 'lv' | 'lost'> & { readonly claim: string }): string {
  return `${lv}${claim === '' ? '' : ` of ${claim}`}${lost ? ', lost' : ''}`;
}

function toMessage({ lv, volume, size, to }: Relocation, claims: ReadonlyMap<string, string>): RelocationInit {
  const claim = volume === undefined ? undefined : claims.get(volume);
  return { lv, volumeId: volume ?? '', claim: claim ?? '', size: String(size), to };
}
