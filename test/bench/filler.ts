import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { creationTags } from '../../src/lvm/volume-records.ts';
import type { LvName, NodeName, PoolName, VgName, VolumeId } from '../../src/domain/ids.ts';
import { noQos } from '../../src/domain/qos.ts';
import type { Volume } from '../../src/domain/volume.ts';

const run = promisify(execFile);

/** The names in the volumes' tags. */
interface Filled {
  readonly group: string;
  readonly node: string;
  readonly pool: string;
}

/**
 * Fills a group with volumes of one extent, with the driver's own tags, in one commit: its metadata is saved, extended as text
 * and restored. One by one it would take longer than all measurements. From `present` volumes, which an earlier call has made, to `count`.
 */
export async function fill(of: Filled, present: number, count: number): Promise<void> {
  if (count === present) return;
  const { group } = of;
  const place = await freePlace(group);
  const file = '/tmp/metadata';
  await run('vgcfgbackup', ['-f', file, group]);
  const text = await readFile(file, 'utf8');
  const physical = new RegExp(`(pv\\d+) \\{\\s+id = "${place.uuid}"`).exec(text)?.[1] ?? 'pv0';
  const volumes = Array.from({ length: count - present }, (_, index) =>
    describe(present + index, of, physical, place.start + index),
  );
  await writeFile(
    file,
    text.replace(/logical_volumes \{\n/, (line) => `${line}${volumes.join('')}`),
  );
  await run('vgcfgrestore', ['--force', '--yes', '-f', file, group]);
  await run('vgchange', ['-a', 'y', group], { maxBuffer: 2 ** 24 });
}

/** The largest free stretch: the physical volume and its first extent. */
async function freePlace(group: string): Promise<{ uuid: string; start: number }> {
  const fields = 'pv_uuid,pvseg_start,pvseg_size,segtype';
  const { stdout } = await run('pvs', ['--segments', '--noheadings', '-o', fields, '-S', `vg_name=${group}`]);
  const rows = stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  const free = rows.filter((row) => row[3] === 'free').sort((a, b) => Number(b[2]) - Number(a[2]))[0];
  if (!free?.[0]) throw new Error(`${group} has no free extents`);
  return { uuid: free[0], start: Number(free[1]) };
}

function describe(index: number, of: Filled, physical: string, extent: number): string {
  const name = `filler-${index}`;
  const volume: Volume = {
    id: `${of.node}:${name}` as VolumeId,
    node: of.node as NodeName,
    name,
    pool: of.pool as PoolName,
    group: of.group as VgName,
    lv: name as LvName,
    size: 4_194_304n,
    layout: { type: 'thick', stripes: 1, stripeSize: 65_536n, mirrors: 0 },
    filesystem: 'none',
    mkfsOptions: [],
    qos: noQos,
    state: 'ready',
  };
  const tags = creationTags(volume)
    .map((tag) => `"${tag}"`)
    .join(', ');
  const id = `filler-0000-0000-0000-0000-0000-${String(index).padStart(6, '0')}`;
  return `${name} { id = "${id}" status = ["READ", "WRITE", "VISIBLE"] flags = [] tags = [${tags}] segment_count = 1
segment1 { start_extent = 0 extent_count = 1 type = "striped" stripe_count = 1 stripes = ["${physical}", ${extent}] } }
`;
}
