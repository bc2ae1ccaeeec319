export interface MountEntry {
  /** `major:minor` of the device; btrfs has one of its own invention here, and the device in `source` alone. */
  readonly number: string;
  readonly source: string;
  readonly target: string;
}

/** The lines of `/proc/<pid>/mountinfo` (proc_pid_mountinfo(5)). Throws on a line that is none. */
export function parseMountinfo(text: string): MountEntry[] {
  return linesOf(text).map((line) => {
    const fields = line.split(' ');
    // A variable number of optional fields ends with a lone "-".
    const separator = fields.indexOf('-', 6);
    const [number, target, source] = [fields[2], fields[4], fields[separator + 2]];
    if (separator < 0 || number === undefined || target === undefined || source === undefined) {
      throw new Error(`this is no line of mountinfo: ${line}`);
    }
    return { number, source: unescapeOctal(source), target: unescapeOctal(target) };
  });
}

/** The devices and files of `/proc/swaps`. Throws on a text that is none. */
export function parseSwaps(text: string): string[] {
  const [header, ...lines] = linesOf(text);
  if (!header?.startsWith('Filename')) throw new Error('this is no /proc/swaps');
  return lines.map((line) => unescapeOctal(line.split(/\s/)[0] ?? ''));
}

/** `major:minor` of a `dev_t` as stat(2) gives it. */
export function deviceNumber(rdev: bigint): string {
  const major = ((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xfffff000n);
  const minor = (rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n);
  return `${major}:${minor}`;
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

/** The kernel writes blanks, backslashes and newlines in paths as three octal digits. */
function unescapeOctal(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) => String.fromCodePoint(Number.parseInt(digits, 8)));
}
