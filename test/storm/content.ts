import { createHash } from 'node:crypto';
import type { Guest } from '../../lab/guest.ts';
import { type Content, regionCount, type Volume } from './model.ts';

const regionKiB = 64;
const regionBytes = regionKiB * 1024;

/** A line that is repeated until the region is full. Copies of a volume have it, too. */
function lineOf(region: number, content: number): string {
  return `region ${region} write ${content}\n`;
}

function checksum(region: number, content: Exclude<Content, 'anything'>): string {
  if (content === 'zeros') return createHash('md5').update(Buffer.alloc(regionBytes)).digest('hex');
  const line = lineOf(region, content);
  const text = line.repeat(Math.ceil(regionBytes / line.length)).slice(0, regionBytes);
  return createHash('md5').update(text).digest('hex');
}

/** The file, or the device, that a pod writes into. */
export function fileOf({ shape }: Volume, target: string): string {
  return shape.access === 'block' ? target : `${target}/data`;
}

/** Writes a region, and resolves when it is on the disk. */
export async function writeRegion(
  guest: Guest,
  file: string,
  volume: Volume,
  region: number,
  content: number,
): Promise<void> {
  const line = lineOf(region, content).trim();
  // The folder too: a file that is new has its name there.
  const folder = volume.shape.access === 'block' ? '' : `sync "$(dirname ${file})"`;
  await guest.shell(`head -c ${regionBytes} < <(yes '${line}') |
      dd of=${file} bs=${regionKiB}K seek=${region} iflag=fullblock conv=notrunc,fsync status=none
    ${folder}`);
}

/** The checksum of each region, from the disk where the file is not in use otherwise. */
export async function readRegions(guest: Guest, file: string): Promise<string[]> {
  const read = `dd if=${file} bs=${regionKiB}K count=1 skip=$region status=none | md5sum`;
  const text = await guest.shell(`[ -e ${file} ] || { echo absent; exit; }
    for region in {0..${regionCount - 1}}; do ${read}; done`);
  return text
    .trim()
    .split('\n')
    .map((line) => line.replace(/ .*/, ''));
}

/** The regions whose acknowledged write is gone or changed, one message each. */
export function wrongRegions({ name, regions }: Volume, checksums: readonly string[]): string[] {
  return regions.flatMap((contents, region) => {
    const known = contents.filter((content) => content !== 'anything');
    if (known.length < contents.length) return [];
    const expected = known.map((content) => checksum(region, content));
    if (expected.includes(checksums[region] ?? '')) return [];
    return [`the content of ${name}, region ${region}, is not that of write ${contents.join(' or ')}`];
  });
}

/** The possible content of each region after a read. */
export function settleRegions({ regions }: Volume, checksums: readonly string[]): (readonly Content[])[] {
  return regions.map((contents, region) => {
    const found = contents.filter(
      (content) => content !== 'anything' && checksum(region, content) === checksums[region],
    );
    return found.length > 0 ? found : contents;
  });
}
