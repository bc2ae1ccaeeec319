import { unescapeOctal } from '../kernel/mountinfo.ts';

/** The devices and files of `/proc/swaps`. Throws on a text that is none. */
export function parseSwaps(text: string): string[] {
  const [header, ...lines] = text.split('\n').filter((line) => line !== '');
  if (!header?.startsWith('Filename')) throw new Error('this is no /proc/swaps');
  return lines.map((line) => unescapeOctal(line.split(/\s/)[0] ?? ''));
}
