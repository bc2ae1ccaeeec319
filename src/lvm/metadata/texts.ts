import type { VgName } from '../../domain/ids.ts';
import type { KnownGroup } from '../../domain/groups.ts';
import { parseTags } from '../tags.ts';

/** One state of a group's metadata, as LVM's text has it. */
export interface GroupText extends KnownGroup {
  /** LVM's count of the changes of the group. */
  readonly sequence: number;
  /** The UUIDs of the group's disks, without those that were missing: LVM did not write to them. */
  readonly disks: readonly string[];
  readonly bytes: Buffer;
}

/** LVM begins each text at such a multiple. */
const sector = 512;

/**
 * The texts of the group in the ring of a metadata area: the committed one and earlier ones, as far as later ones have not overwritten them. A text without
 * its end is left out. `offset` counts from the start of the ring.
 */
export function textsIn(ring: Buffer, group: VgName): (GroupText & { readonly offset: number })[] {
  const begin = Buffer.from(`${group} {\n`, 'latin1');
  const found: (GroupText & { readonly offset: number })[] = [];
  for (let at = ring.indexOf(begin); at !== -1; at = ring.indexOf(begin, at + 1)) {
    const text = at % sector === 0 ? parseText(untilZero(ring, at), group) : undefined;
    if (text) found.push({ ...text, offset: at });
  }
  return found;
}

/** The text from there to its zero byte, perhaps over the end of the ring. */
function untilZero(ring: Buffer, from: number): Buffer {
  const end = ring.indexOf(0, from);
  if (end !== -1) return ring.subarray(from, end);
  const rest = ring.subarray(0, Math.max(0, ring.indexOf(0)));
  return Buffer.concat([ring.subarray(from), rest]);
}

/** The newest of these. */
export function newest<Text extends GroupText>(texts: readonly Text[]): Text | undefined {
  return texts.toSorted((one, other) => other.sequence - one.sequence)[0];
}

/** What a whole text in LVM's format (lib/format_text/export.c) says, on a disk or in LVM's backup; `undefined` if it is not one of this group. */
export function parseText(bytes: Buffer, group: VgName): GroupText | undefined {
  const text = bytes.toString('latin1').replace(/^\t+/gm, '');
  const sections = text.split(/^(?=\S+ \{$)/m);
  const begin = (name: string): number => sections.findIndex((section) => section.startsWith(`${name} {\n`));
  const vg = sections[begin(group)] ?? '';
  const uuid = idIn(vg);
  const sequence = /^seqno = (\d+)$/m.exec(vg)?.[1];
  if (uuid === undefined || sequence === undefined || !isWhole(text)) return undefined;
  const volumes = begin('logical_volumes');
  const disks = sections.slice(begin('physical_volumes') + 1, volumes === -1 ? undefined : volumes);
  return {
    uuid,
    sequence: Number(sequence),
    tags: tagsIn(vg),
    disks: disks.filter((section) => !isMissing(section)).flatMap((section) => idIn(section) ?? []),
    bytes,
  };
}

/** Quarry's tags of the group in a text of LVM, with or without its indentation. Those of a volume follow later, and are indented further. */
export function tagsIn(text: string): ReadonlyMap<string, string> {
  const list = /^\t?tags = \[([^\]]*)\]/m.exec(text)?.[1] ?? '';
  return parseTags([...list.matchAll(/"([^"]*)"/g)].map(([, name]) => name).join(','));
}

function idIn(section: string): string | undefined {
  return /^id = "([^"]+)"$/m.exec(section)?.[1];
}

function isMissing(section: string): boolean {
  return /^flags = \[[^\]]*"MISSING"/m.test(section);
}

/** Whether all braces are closed, and the time of its creation is there: that is LVM's last line on a disk, and one of the first of a backup. */
function isWhole(text: string): boolean {
  const unquoted = text.replaceAll(/"(?:\\.|[^"\\])*"/g, '""').replaceAll(/#[^\n]*/g, '');
  const count = (brace: string): number => unquoted.split(brace).length;
  return count('{') === count('}') && /^creation_time = \d+/m.test(text);
}
