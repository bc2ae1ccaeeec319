import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { run } from './disks.ts';
import type { Seen } from './judge.ts';
import { groups, type Node } from './node.ts';
import { baseVolumes } from './operations.ts';

const fields = ['vg_name', 'lv_name', 'lv_size', 'lv_attr', 'thin_id', 'lv_tags'];
/** The devices of each thin pool, from a snapshot of its metadata. */
const thinScript = `for pool in /dev/mapper/*-tpool; do
  [ -e "$pool" ] || continue
  dmsetup message "$pool" 0 reserve_metadata_snap
  group=\${pool%-thinpool-tpool}
  thin_ls --metadata-snap --no-headers -o DEV "$group-thinpool_tmeta" | sed "s|^ *|$(basename "$group") |"
  dmsetup message "$pool" 0 release_metadata_snap
done`;

/** Messages that LVM's metadata has for the thin pool, of the kind that deletes a device. */
const pendingScript = `vgcfgbackup -qq -f /run/replay/metadata qmain
sed -n 's/^[[:space:]]*delete = \\([0-9]*\\)$/qmain \\1/p' /run/replay/metadata`;

export async function observe(node: Node): Promise<Seen> {
  const report = await run(
    'lvs',
    '-qq',
    '-a',
    '--noheadings',
    '--nosuffix',
    '--units',
    'b',
    '--separator',
    '|',
    '-o',
    fields.join(),
  );
  const vgs = await run('vgs', '-qq', '--noheadings', '--nosuffix', '--units', 'b', '-o', 'vg_name,pv_count,vg_free');
  const volumes = linesOf(report).map((line) => line.split('|') as [string, string, string, string, string, string]);
  const devices = await run('dmsetup', 'info', '--columns', '--noheadings', '--separator', '|', '-o', 'name,suspended');
  const thin = linesOf(await run('sh', '-c', thinScript));
  const pending = linesOf(await run('sh', '-c', pendingScript));
  return {
    facts: [...volumes.map(factOf), ...linesOf(vgs), ...(await factsOfDriver(node))].toSorted(),
    thinDevices: thin.map(thinId),
    thinVolumes: volumes.filter(([, , , , id]) => id !== '').map(([group, , , , id]) => thinId(`${group} ${id}`)),
    thinDeletions: pending.map(thinId),
    suspended: linesOf(devices).filter((line) => line.endsWith('|Suspended')),
    contents: await contentsOf(volumes.map(([, name]) => name)),
  };
}

/** Without the mark of the boot, and without the flag that says whether the device is open. */
function factOf([group, name, bytes, attributes, , tags]: readonly string[]): string {
  const kept = (tags ?? '').split(',').filter((tag) => !tag.startsWith('quarry.boot='));
  return [group, name, bytes, `${attributes?.slice(0, 5)}-${attributes?.slice(6)}`, kept.toSorted().join()].join(' ');
}

/** The ids of several pools in one list. */
function thinId(line: string): number {
  const [group = '', id] = line.split(/\s+/);
  return groups.indexOf(group) * 100_000 + Number(id);
}

async function factsOfDriver({ client }: Node): Promise<string[]> {
  const { entries } = await client.controller.listVolumes({});
  const capacity = async (type: string): Promise<string> =>
    `capacity ${type} ${(await client.controller.getCapacity({ parameters: { type, pool: 'main' } })).availableCapacity}`;
  return [
    ...entries.map(({ volume }) => `listed ${volume?.volumeId} ${volume?.capacityBytes}`),
    await capacity('thin'),
    await capacity('thick'),
  ];
}

/** Of the start of each volume, in which its content was written. */
async function contentsOf(names: readonly string[]): Promise<Record<string, string>> {
  const found = baseVolumes.filter(({ name, written }) => written && names.includes(name));
  const pairs = found.map(async ({ name, size }) => {
    const bytes = await readFile(deviceOf(name));
    return [name, createHash('md5').update(bytes.subarray(0, size)).digest('hex')] as const;
  });
  return Object.fromEntries(await Promise.all(pairs));
}

export function deviceOf(name: string): string {
  return `/dev/mapper/qmain-${name.replaceAll('-', '--')}`;
}

function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && line !== 'No devices found');
}
