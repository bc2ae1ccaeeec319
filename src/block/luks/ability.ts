import type { Inability } from '../../domain/encryption.ts';
import { hasModule, type KernelView, moduleLists, targetsIn } from '../../kernel/device-targets.ts';

/** Prints the files that are its words, and ends with 0 if there is a cryptsetup. One program for both: a node that starts waits for it. */
const look = 'cat "$@" 2>/dev/null; command -v cryptsetup >/dev/null';

/** What this machine lacks, as far as it is known. A start of cryptsetup would take longer than the rest together: it loads its libraries of ciphers. */
export async function inabilityOf(view: KernelView): Promise<Inability> {
  const found = await view.runHosted(['sh', '-c', look, 'look', ...(await moduleLists(view))]);
  const problems = await targetProblems(view, found?.stdout ?? '', ['crypt', 'integrity']);
  const [encryption, integrity] = [problems.get('crypt'), problems.get('integrity')];
  if (found?.exitCode === 0) return { encryption, integrity };
  return { encryption: 'it has no cryptsetup: install it where LVM runs', integrity };
}

/**
 * Why the kernel has none of these targets of device-mapper, by target. It has one that is neither a module nor part of the kernel if somebody loaded it from elsewhere.
 * `modules`: the content of the lists; empty: it is not known.
 */
async function targetProblems(
  view: KernelView,
  modules: string,
  targets: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const absent = targets.filter((target) => modules !== '' && !hasModule(modules, `dm-${target}`));
  const loaded = absent.length > 0 ? await view.runHosted(['dmsetup', 'targets']) : undefined;
  if (loaded?.exitCode !== 0) return new Map();
  const present = targetsIn(loaded.stdout);
  const missing = absent.filter((target) => !present.has(target));
  return new Map(
    missing.map((target) => [target, `its kernel has no dm-${target}: install the kernel's package of modules`]),
  );
}
