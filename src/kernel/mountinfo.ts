/** A line of /proc/self/mountinfo (proc(5)), with the kernel's escapes undone. */
export interface MountinfoEntry {
  readonly id: number;
  readonly parent: number;
  /** `major:minor` of the filesystem; anonymous (`0:…`) for btrfs, tmpfs and the like. */
  readonly device: string;
  /** The path within its filesystem that is mounted: `/` unless it is a bind mount. */
  readonly root: string;
  readonly target: string;
  /** Options of this mount only, such as `ro` and `noexec`. */
  readonly options: readonly string[];
  /** `shared:N`, `master:N` and others that later kernels add. */
  readonly tags: readonly string[];
  readonly filesystem: string;
  readonly source: string;
  /** Options of the filesystem, common to all its mounts. */
  readonly superOptions: readonly string[];
}

/** The entries in the order of the file: of several mounts on one path, the topmost comes last. Throws on an unknown format. */
export function parseMountinfo(text: string): MountinfoEntry[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map(parseLine);
}

function parseLine(line: string): MountinfoEntry {
  const fields = line.split(' ');
  // The optional fields end at the first "-" after the six fixed ones. No path equals "-", because paths start with "/".
  const separator = fields.indexOf('-', 6);
  const [id, parent, device, root, target, options] = fields;
  const [filesystem, source, superOptions] = separator === -1 ? [] : fields.slice(separator + 1);
  if (!device || !root || !target || !options || !filesystem || source === undefined || superOptions === undefined) {
    throw new Error(`unknown format of a line in mountinfo: ${line}`);
  }
  return {
    id: Number(id),
    parent: Number(parent),
    device,
    root: unescapeOctal(root),
    target: unescapeOctal(target),
    options: options.split(','),
    tags: fields.slice(6, separator),
    filesystem: unescapeOctal(filesystem),
    source: unescapeOctal(source),
    superOptions: superOptions.split(','),
  };
}

/** Undoes the kernel's escapes: blank, tab, newline, backslash and "#" are three octal digits per byte; all else is raw UTF-8. */
export function unescapeOctal(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) => String.fromCodePoint(Number.parseInt(digits, 8)));
}
