import { realpath } from 'node:fs/promises';
import { askSocket, type RoleCalls } from '../../cli/ask.ts';
import type { Terminal } from '../../cli/command.ts';
import { approveDisks } from '../../cli/disks.ts';
import { readStorage, withLocal } from '../../cli/local.ts';
import type { Listing } from '../../cli/output.ts';
import { Failure, isFailure, messageOf } from '../../domain/errors.ts';
import type { Affected } from '../../gen/quarry/admin/v1/Affected.ts';
import type { Relocation } from '../../gen/quarry/admin/v1/Relocation.ts';
import { type Member, memberOf } from '../../lvm/disk-removal.ts';
import type { Candidate } from '../../pools/candidates.ts';
import type { AffectedRecord } from './command.ts';
import { toAffected } from './requests.ts';

interface Replace {
  readonly config: string;
  /** Path of the device, or UUID of its physical volume. */
  readonly old: string;
  /** Path of the device, or by which a rule found it. */
  readonly new: string;
  readonly dryRun: boolean;
  readonly erase: string | undefined;
}

interface Disks {
  readonly old: Member;
  readonly added: Candidate & { readonly size: bigint };
}

/**
 * Takes the new disk, and has all that is on the old one moved, or copied again, there.
 *
 * @throws Failure('precondition') if the new disk cannot be taken for the pool of the old one
 */
export async function replaceDisk(given: Replace, terminal: Terminal): Promise<Listing<AffectedRecord>> {
  const { config, dryRun, erase = '' } = given;
  return withLocal(config, async (local, { endpoint }) => {
    const { disks } = await readStorage(local);
    const old = memberOf(local.cache, await realpath(given.old).catch(() => given.old));
    const found = { old, added: replacementOf(old, disks, given.new) };
    const approve = async () => void (await approveDisks({ config, disk: [given.new], all: false }, terminal));
    if (old.missing && erase !== '') throw new Failure('invalid', 'a missing disk cannot be erased: leave out --erase');
    const replace = old.missing ? replaceMissing : replaceLiving;
    return askSocket(endpoint.path, (calls) => replace(calls, found, { dryRun, approve, erase }));
  });
}

interface How {
  readonly dryRun: boolean;
  readonly approve: () => Promise<void>;
  /** Empty: not at all. */
  readonly erase: string;
}

/** The old disk leaves before the new one is in the group: a thin pool would grow onto it, and leave no room for what moves. */
async function replaceLiving(calls: RoleCalls, { old, added }: Disks, { dryRun, approve, erase }: How) {
  const request = { disk: old.uuid, dryRun, remove: true, erase, to: added.device, toSize: String(added.size) };
  let { relocations } = await calls.evacuateDisk(request);
  if (!dryRun && added.verdict !== 'member') {
    await approve().catch((error: unknown) => {
      const remedy = `repeat the command, or use the old disk again with "quarry disks evacuate ${old.uuid} --cancel"`;
      const kind = isFailure(error) ? error.kind : 'unavailable';
      throw new Failure(kind, `${messageOf(error)}: ${remedy}`, { cause: error });
    });
    ({ relocations } = await calls.evacuateDisk(request));
  }
  return { records: (relocations as Relocation[]).map(moved) };
}

async function replaceMissing(calls: RoleCalls, { old, added }: Disks, { dryRun, approve }: How) {
  if (!dryRun && added.verdict !== 'member') await approve();
  const { affected } = await calls.giveUpDisk({ disk: old.uuid, dryRun, deleteLost: false });
  if (!dryRun) await calls.rescan({});
  return { records: (affected as Affected[]).map(toAffected) };
}

function replacementOf(old: Member, disks: readonly Candidate[], name: string): Disks['added'] {
  const refuse = (reason: string) => new Failure('precondition', `${name} cannot replace the disk: ${reason}`);
  const found = disks.filter(({ device, path }) => device === name || path === name);
  const added = found.find(({ pool }) => pool.group === old.group);
  if (!added) throw refuse(`no rule of the pool that has volume group ${old.group} matches it`);
  if (added.verdict === 'refused') throw refuse(added.findings.join('; '));
  const { size } = added;
  if (size === undefined) throw refuse('the kernel does not say its size');
  return { ...added, size };
}

function moved({ lv, volumeId, claim, size, to }: Relocation): AffectedRecord {
  return { lv, id: volumeId || undefined, claim: claim || undefined, size: BigInt(size), becomes: `moves to ${to}` };
}
