import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure, isFailure, messageOf } from '../domain/errors.ts';
import type { Run, RunResult } from '../exec/run.ts';
import type { Disk } from './discover.ts';
import {
  describeSignature,
  readBlkid,
  readWipefsJson,
  readWipefsTable,
  type Signature,
  type Signatures,
} from './signatures.ts';
import { type Expected, readEnds, type Surface } from './read-ends.ts';
import { type Joining, tracesOf } from './joining.ts';
import { readBlockDevice, type Roots } from './sysfs.ts';
import type { Patience } from '../concurrency/patience.ts';
import { parseMountinfo } from '../kernel/mountinfo.ts';
import { parseSwaps } from './swaps.ts';

/** The means to examine disks. */
export interface DiskProbe {
  readonly roots: Roots;
  readonly run: Run;
  /** Milliseconds that blkid, wipefs and the read of the disk's ends may take each. */
  readonly deadline: number;
  readonly patience: Patience;
}

export type Blankness = { readonly blank: true } | { readonly blank: false; readonly findings: readonly string[] };

/**
 * The state of a disk that has our mark and is in no group.
 * - `interrupted` it was never in a group: adding it to one was interrupted
 * - `returned`    not in use, but it has data like a former member of a group; `traces` say where
 * - `refused`     anything else
 */
export type Remains =
  | { readonly state: 'interrupted' }
  | { readonly state: 'returned'; readonly traces: readonly string[] }
  | { readonly state: 'refused'; readonly findings: readonly string[] };

/**
 * A disk is blank only if every probe answered and none found anything: a probe that fails is a finding. Opens the device
 * exclusively for a moment, so it must not run during a `pvcreate` of the same disk. Throws `cancelled` only.
 */
export async function proveBlank(disk: Disk, probe: DiskProbe, signal?: AbortSignal): Promise<Blankness> {
  const { problems, data } = await examine(disk, { ends: 'zeros', signature: () => false }, probe, signal);
  const findings = [...problems, ...data];
  return findings.length === 0 ? { blank: true } : { blank: false, findings };
}

/**
 * For a physical volume in no group whose uuid is our mark. The command that makes a disk a member writes the group's metadata behind the
 * header of the metadata area, which is zero on a blank disk, and LVM never erases it. So a disk without such metadata was never a
 * member, whatever happened to the group later; nor was one whose only metadata is that of a change which the group never made. Throws
 * `cancelled` only.
 */
export async function proveOurs(
  disk: Disk,
  { uuid, joining }: { readonly uuid: string; readonly joining: Joining | undefined },
  probe: DiskProbe,
  signal?: AbortSignal,
): Promise<Remains> {
  const signature = ({ type, uuid: seen }: Signature) => type === 'LVM2_member' && seen === uuid;
  const { problems, data, uncommitted } = await examine(disk, { ends: 'label', signature }, probe, signal);
  if (problems.length > 0) return { state: 'refused', findings: problems };
  const traces = [...data, ...(uncommitted === undefined ? [] : tracesOf(uncommitted, uuid, joining))];
  return traces.length === 0 ? { state: 'interrupted' } : { state: 'returned', traces };
}

interface Expectation {
  readonly ends: Expected;
  readonly signature: (signature: Signature) => boolean;
}

async function examine(
  disk: Disk,
  { ends, signature }: Expectation,
  probe: DiskProbe,
  signal?: AbortSignal,
): Promise<Surface> {
  const answers = [
    await attempt('sysfs', () => findInSysfs(disk, probe.roots)),
    await attempt('mounts', () => findMounts(disk, probe.roots)),
    await attempt('swap', () => findSwap(disk, probe.roots)),
  ];
  const programs = [
    await attempt('blkid', async () => report('blkid', await runBlkid(disk, probe, signal), signature)),
    await attempt('wipefs', async () => report('wipefs', await runWipefs(disk, probe, signal), signature)),
  ];
  if (signal?.aborted) throw new Failure('cancelled', `the check of ${disk.device} was cancelled`);
  // If a program hangs on the disk, a read in this process would block one of its threads, and no deadline ends that.
  const answered = programs.every((answer) => answer.answered);
  const surface: Surface = answered
    ? await readPatiently(disk, ends, probe).catch((error: unknown) => ({
        problems: [couldNot('ends', error)],
        data: [],
      }))
    : { problems: ['its first and last MiB were not read, because an earlier probe failed'], data: [] };
  const findings = [...answers, ...programs].flatMap((answer) => answer.findings);
  return { ...surface, problems: [...findings, ...surface.problems] };
}

function readPatiently(disk: Disk, ends: Expected, { patience, deadline }: DiskProbe): Promise<Surface> {
  return patience.run(disk.device, `a read of ${disk.device}`, deadline, () => readEnds(disk, ends));
}

interface Answer {
  readonly answered: boolean;
  readonly findings: readonly string[];
}

async function attempt(what: string, look: () => Promise<readonly string[]>): Promise<Answer> {
  try {
    return { answered: true, findings: await look() };
  } catch (error) {
    if (isFailure(error, 'cancelled')) throw error;
    return { answered: false, findings: [couldNot(what, error)] };
  }
}

function couldNot(what: string, error: unknown): string {
  return `${what} could not be checked: ${messageOf(error)}`;
}

async function findInSysfs(disk: Disk, roots: Roots): Promise<string[]> {
  const now = await readBlockDevice(roots.sys, disk.name);
  if (!now) return ['it is gone'];
  const same = now.number === disk.number && now.size === disk.size && now.sequence === disk.sequence;
  return [
    ...(same ? [] : [`it is not the disk that was found before (then ${disk.number}, now ${now.number})`]),
    ...(now.readOnly ? ['it is read-only'] : []),
    ...(now.partitions.length > 0 ? [`it has partitions: ${now.partitions.join(', ')}`] : []),
    ...(now.holders.length > 0 ? [`it is held by ${now.holders.join(', ')}`] : []),
  ];
}

/** Reads the mounts of process 1 too: in a container that shares the host's pids, these are the host's mounts. */
async function findMounts(disk: Disk, { proc }: Roots): Promise<string[]> {
  const targets = new Set<string>();
  for (const process of ['self', '1']) {
    for (const mount of parseMountinfo(await readFile(join(proc, process, 'mountinfo'), 'utf8'))) {
      const mounted = mount.device === disk.number || mount.source === disk.device || mount.source === disk.path;
      if (mounted) targets.add(mount.target);
    }
  }
  return targets.size === 0 ? [] : [`it is mounted at ${[...targets].join(', ')}`];
}

async function findSwap(disk: Disk, { proc }: Roots): Promise<string[]> {
  const swaps = parseSwaps(await readFile(join(proc, 'swaps'), 'utf8'));
  return swaps.some((swap) => swap === disk.device || swap === disk.path) ? ['it is in use as swap'] : [];
}

async function runBlkid(disk: Disk, probe: DiskProbe, signal?: AbortSignal): Promise<Signatures> {
  return readBlkid(await runProgram(['blkid', '-p', '-o', 'export', disk.device], probe, signal));
}

async function runWipefs(disk: Disk, probe: DiskProbe, signal?: AbortSignal): Promise<Signatures> {
  const answer = readWipefsJson(await runProgram(['wipefs', '--no-act', '--json', disk.device], probe, signal));
  if ('found' in answer) return answer;
  return readWipefsTable(await runProgram(['wipefs', '--no-act', '--parsable', disk.device], probe, signal));
}

function runProgram(argv: readonly [string, ...string[]], probe: DiskProbe, signal?: AbortSignal): Promise<RunResult> {
  return probe.run(argv, { deadline: probe.deadline, signal });
}

function report(program: string, seen: Signatures, expected: (signature: Signature) => boolean): string[] {
  if ('unknown' in seen) throw new Error(`${program} ${seen.unknown}`);
  return seen.found
    .filter((signature) => !expected(signature))
    .map((signature) => `${program} sees ${describeSignature(signature)}`);
}
