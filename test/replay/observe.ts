import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { mappedDevices } from './mapped-devices.ts';
import { runScript } from './run.ts';
import type { Seen } from './judge.ts';
import { groups, type Node } from './node.ts';
import { deviceOf, made } from './operation.ts';
import { baseVolumes } from './operations.ts';

const fields = ['vg_name', 'lv_name', 'lv_size', 'lv_attr', 'thin_id', 'lv_tags', 'pv_count', 'vg_free'];
/** The logical volumes, and the devices of each thin pool, from a snapshot of its metadata. */
const script = `lvs -qq -a --noheadings --nosuffix --units b --separator '|' -o ${fields.join()}
echo ---
for group in ${groups.join(' ')}; do
  pool=/dev/mapper/$group-thinpool-tpool
  [ -e $pool ] || continue
  dmsetup message $pool 0 reserve_metadata_snap
  echo $group $(thin_ls --metadata-snap --no-headers -o DEV /dev/mapper/$group-thinpool_tmeta)
  dmsetup message $pool 0 release_metadata_snap
done`;

/** Messages that LVM's metadata has for the thin pool, of the kind that deletes a device. */
const pendingScript = `vgcfgbackup -qq -f /run/replay/metadata qmain
sed -n 's/^[[:space:]]*delete = \\([0-9]*\\)$/\\1/p' /run/replay/metadata`;

export async function observe(node: Node): Promise<Seen> {
  const [report = '', thin = ''] = (await runScript(script)).split('---\n');
  const volumes = linesOf(report).map((line) => line.split('|') as Fields);
  const thinDevices = linesOf(thin).flatMap((line) => thinIds(line.split(' ')));
  const thinVolumes = volumes.filter(([, , , , id]) => id !== '').flatMap(([group, , , , id]) => thinIds([group, id]));
  const known = thinDevices.every((id) => thinVolumes.includes(id));
  return {
    facts: [
      ...volumes.map(factOf),
      ...new Set(volumes.map(([group, , , , , , disks, free]) => `${group} ${disks} ${free}`)),
      ...(await factsOfDriver(node)),
    ].toSorted(),
    thinDevices,
    thinVolumes,
    thinDeletions: known ? [] : thinIds(['qmain', ...linesOf(await runScript(pendingScript))]),
    suspended: mappedDevices().flatMap(({ name, suspended }) => (suspended ? [name] : [])),
    contents: await contentsOf(volumes.map(([, name]) => name)),
  };
}

type Fields = [string, string, string, string, string, string, string, string];

/**
 * Without the mark of the boot, and the times of a snapshot and of an exchange of passphrases, without the flag that says whether the device is open, and
 * without the number of a mirror's part: LVM gives another one to each new copy.
 */
function factOf([group, name = '', bytes, attributes, , tags]: readonly string[]): string {
  const kept = (tags ?? '').split(',').filter((tag) => !/^quarry\.(boot|taken|rotated)=/.test(tag));
  const numberless = name.replace(/(_r(?:image|meta)_)\d+/, '$1N');
  return [group, numberless, bytes, `${attributes?.slice(0, 5)}-${attributes?.slice(6)}`, kept.toSorted().join()].join(
    ' ',
  );
}

/** A group and ids of devices in its thin pool; the ids of all pools in one list. */
function thinIds([group = '', ...ids]: readonly string[]): number[] {
  return ids.map((id) => groups.indexOf(group) * 100_000 + Number(id));
}

async function factsOfDriver({ client }: Node): Promise<string[]> {
  const { entries } = await client.controller.listVolumes({});
  const { entries: snapshots } = await client.controller.listSnapshots({});
  const capacity = async (type: string): Promise<string> =>
    `capacity ${type} ${(await client.controller.getCapacity({ parameters: { type, pool: 'main' } })).availableCapacity}`;
  return [
    ...entries.map(({ volume }) => `listed ${volume?.volumeId} ${volume?.capacityBytes}`),
    ...snapshots.map(({ snapshot }) => `listed ${snapshot?.snapshotId} ${snapshot?.readyToUse}`),
    await capacity('thin'),
    await capacity('thick'),
  ];
}

/** Of the start of each volume with content, and of the one that the operation makes. */
async function contentsOf(names: readonly string[]): Promise<Record<string, string>> {
  const found = [...baseVolumes, made].filter(({ name, written }) => written > 0 && names.includes(name));
  const contents: Record<string, string> = {};
  for (const { name, written } of found) {
    const checksum = await contentOf(name, written);
    if (checksum !== undefined) contents[name] = checksum;
  }
  return contents;
}

/** What is read is compared at once: a buffer of its own for each volume made this process so large that it started programs slowly. */
const piece = Buffer.alloc(256 * 1024);

/** `undefined` if it has no device: it may have been removed since LVM's report, and is not active before it has its content. */
async function contentOf(name: string, bytes: number): Promise<string | undefined> {
  try {
    await using device = await open(deviceOf(name), 'r');
    const hash = createHash('md5');
    for (let done = 0; done < bytes; done += piece.length) {
      const { bytesRead } = await device.read(piece, 0, Math.min(piece.length, bytes - done), done);
      hash.update(piece.subarray(0, bytesRead));
    }
    return hash.digest('hex');
  } catch (error) {
    if (['ENOENT', 'ENXIO'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}
