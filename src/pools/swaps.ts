import { unescapeOctal } from '../kernel/mountinfo.ts';

/** The devices and files in `/proc/swaps`. Throws if the text has another format. */
export function parseSwaps(text: string): string[] {
  const [header, ...lines] = text.split('\n').filter((line) => line !== '');
  if (!header?.startsWith('Filename')) throw new Error('unknown format of /proc/swaps');
  return lines.map((line) => unescapeOctal(line.split(/\s/)[0] ?? ''));
}
