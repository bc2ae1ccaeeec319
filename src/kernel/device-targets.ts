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

/** The files that list all modules which the running kernel has or can load. A kernel without modules has none of them. */
export async function moduleLists({ readFile }: Pick<KernelView, 'readFile'>): Promise<readonly [string, string]> {
  const release = (await readFile('/proc/sys/kernel/osrelease'))?.trim() ?? '';
  const folder = `/lib/modules/${release}`;
  return [`${folder}/modules.dep`, `${folder}/modules.builtin`];
}

/** The content of these files; `undefined`: it is not known. */
export async function listModules(view: KernelView): Promise<string | undefined> {
  // With one of them alone, `cat` fails after it has printed that one.
  const lists = await view.runHosted(['cat', ...(await moduleLists(view))]);
  return lists === undefined || lists.stdout === '' ? undefined : lists.stdout;
}

/** Whether the lists of `listModules` have the module. */
export function hasModule(modules: string, name: string): boolean {
  return new RegExp(`/${name}\\.ko(?:\\.|:|$)`, 'm').test(modules);
}
