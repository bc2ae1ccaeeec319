/** How a program ended. */
interface Ended {
  readonly exitCode: number;
  readonly stdout: string;
}

/** The programs and files that show what the kernel can do. Both methods throw `unavailable` if they cannot tell. */
export interface KernelView {
  /** Runs a program where LVM runs; `undefined`: it is not installed. */
  readonly runHosted: (argv: readonly [string, ...string[]]) => Promise<Ended | undefined>;
  /** `undefined`: there is no such file. */
  readonly readFile: (path: string) => Promise<string | undefined>;
}

/** The targets that the kernel has loaded, from the output of `dmsetup targets`. */
export function targetsIn(output: string): ReadonlySet<string> {
  return new Set(output.split('\n').flatMap((line) => line.split(/\s/)[0] || []));
}

/** All modules that the running kernel has or can load, as its lists name them; `undefined`: it is not known. */
export async function listModules({ runHosted, readFile }: KernelView): Promise<string | undefined> {
  const release = (await readFile('/proc/sys/kernel/osrelease'))?.trim() ?? '';
  const folder = `/lib/modules/${release}`;
  // With one of them alone, `cat` fails after it has printed that one.
  const lists = await runHosted(['cat', `${folder}/modules.dep`, `${folder}/modules.builtin`]);
  return lists === undefined || lists.stdout === '' ? undefined : lists.stdout;
}

/** Whether the lists of `listModules` have the module. */
export function hasModule(modules: string, name: string): boolean {
  return new RegExp(`/${name}\\.ko(?:\\.|:|$)`, 'm').test(modules);
}
