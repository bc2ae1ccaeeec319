/**
 * The record of a volume: tags on its logical volume. LVM's tag alphabet is letters, digits and `_+.-/=!:&#`. Every other
 * byte of a value, and `+` and `#` (which starts a comment in the lvm shell), is written as `+` and two hexadecimal digits of its UTF-8.
 */
const prefix = 'quarry.';

export type TagKey =
  | 'v'
  | 'role'
  | 'id'
  | 'name'
  | 'pool'
  | 'node'
  | 'layout'
  | 'snapshot-size'
  | 'fs'
  | 'encryption'
  | 'rotated'
  | 'mkfs'
  | 'qos'
  | 'state'
  | 'retain'
  | 'pv'
  | 'boot'
  | 'given'
  | 'source'
  | 'taken'
  | 'group'
  | 'members'
  | 'metadata-snapshot'
  | 'copied'
  | 'erase'
  | 'erased'
  | 'grows'
  | 'zeroed'
  | 'for'
  | 'pod'
  | 'target'
  | 'leaving'
  | 'disk';

export function encodeTagValue(value: string): string {
  let text = '';
  for (const byte of new TextEncoder().encode(value)) {
    const char = String.fromCharCode(byte);
    text += /[A-Za-z0-9_.\-/=!:&]/.test(char) ? char : `+${byte.toString(16).padStart(2, '0')}`;
  }
  return text;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** `undefined` if the text is not an encoding of ours. */
export function decodeTagValue(text: string): string | undefined {
  // Almost all of the thousands of values in a report.
  if (/^[A-Za-z0-9_.\-/=!:&]*$/.test(text)) return text;
  const bytes: number[] = [];
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] !== '+') {
      bytes.push(text.charCodeAt(at));
      continue;
    }
    const hex = text.slice(at + 1, at + 3);
    if (!/^[0-9a-f]{2}$/.test(hex)) return undefined;
    bytes.push(Number.parseInt(hex, 16));
    at += 2;
  }
  try {
    return utf8.decode(new Uint8Array(bytes));
  } catch {
    return undefined;
  }
}

export function tag(key: TagKey, value: string): string {
  return `${prefix}${key}=${encodeTagValue(value)}`;
}

/** Our tags in LVM's comma-separated list. Foreign tags and undecodable values are left out. */
export function parseTags(list: string): ReadonlyMap<string, string> {
  const tags = new Map<string, string>();
  for (const text of list.split(',')) {
    const equals = text.indexOf('=');
    if (!text.startsWith(prefix) || equals < 0) continue;
    const value = decodeTagValue(text.slice(equals + 1));
    if (value !== undefined) tags.set(text.slice(prefix.length, equals), value);
  }
  return tags;
}

/** The tags of a key, encoded, for removal. There may be several if an administrator has added one. */
export function tagsOf(list: string, key: TagKey): string[] {
  return list.split(',').filter((text) => text.startsWith(`${prefix}${key}=`));
}

/** All values of a key that may occur several times. */
export function valuesOf(list: string, key: TagKey): string[] {
  return tagsOf(list, key).flatMap((text) => parseTags(text).get(key) ?? []);
}
