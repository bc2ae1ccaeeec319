import { parseEncryption, printEncryption } from '../domain/encryption.ts';
import { parseFilesystemState, type RecordedContent, type Volume } from '../domain/volume.ts';
import { tag } from './tags.ts';

/** An earlier version does not know encryption: it takes this for a filesystem that it does not know, and never formats the volume. */
const headerlessTag = 'luks-none';

/** The tags of what a volume or a snapshot holds. */
export function contentTags({ filesystem, encryption, headerless }: RecordedContent): string[] {
  const content = tag('fs', headerless ? headerlessTag : filesystem);
  return encryption ? [content, tag('encryption', printEncryption(encryption))] : [content];
}

/** Reads what `contentTags` wrote. */
export function contentOf(tags: ReadonlyMap<string, string>): RecordedContent {
  const encryption = parseEncryption(tags.get('encryption'));
  if (!encryption) return { filesystem: parseFilesystemState(tags.get('fs')) };
  if (tags.get('fs') === headerlessTag) return { filesystem: 'none', encryption, headerless: true };
  return { filesystem: parseFilesystemState(tags.get('fs')), encryption };
}

/** Reads when the passphrase was exchanged last. */
export function rotationOf(text: string | undefined): Pick<Volume, 'rotated'> {
  return text !== undefined && /^\d{1,15}$/.test(text) ? { rotated: Number(text) } : {};
}
