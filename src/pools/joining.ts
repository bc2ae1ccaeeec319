import type { VgName } from '../domain/ids.ts';

/** The group that a disk is taken for. */
export interface Joining {
  readonly group: VgName;
  /** Its last committed metadata; absent: the group does not exist, and neither does a record of one. */
  readonly committed?: { readonly uuid: string; readonly sequence: number } | undefined;
}

/**
 * Reasons why metadata that LVM wrote to a disk, and did not commit there, may not be that of the interrupted taking of this disk: none if it
 * is. The driver's `vgcreate` writes the first metadata of a group, and a second one with the tag of the node follows at once; its
 * `vgextend` writes the one that follows the group's last. If it had ended, the group's metadata would be at least as new, or more than
 * one would be on the disk.
 *
 * @param text LVM's format (lib/format_text/export.c), perhaps without its end
 */
export function tracesOf(text: string, uuid: string, joining: Joining | undefined): string[] {
  const name = /^(\S+) \{\n/.exec(text)?.[1];
  const group = /^id = "([^"]+)"$/m.exec(text)?.[1];
  const sequence = Number(/^seqno = (\d+)$/m.exec(text)?.[1] ?? 0);
  const trace = `it has metadata of a volume group (name ${name ?? 'unknown'}, sequence number ${sequence || 'unknown'})`;
  if (!joining || name !== joining.group || !text.includes(`"${uuid}"`)) return [trace];
  const { committed } = joining;
  const unfinished = committed
    ? group === committed.uuid && sequence === committed.sequence + 1
    : sequence === 1 && !/^tags = \[.*"quarry\.node=/m.test(text);
  return unfinished ? [] : [trace];
}
