import { hasModule, type KernelView, listModules, targetsIn } from '../../kernel/device-targets.ts';

/** Why this machine can open no encrypted volume; `undefined`: it can, or it is not known. */
export async function encryptionProblem(view: KernelView): Promise<string | undefined> {
  if ((await view.runHosted(['cryptsetup', '--version'])) === undefined) {
    return 'it has no cryptsetup: install it where LVM runs';
  }
  return targetProblem(view, 'crypt');
}

/** Why it can open none with integrity, for a machine that can open encrypted ones. */
export function integrityProblem(view: KernelView): Promise<string | undefined> {
  return targetProblem(view, 'integrity');
}

async function targetProblem(view: KernelView, target: string): Promise<string | undefined> {
  const loaded = await view.runHosted(['dmsetup', 'targets']);
  if (loaded?.exitCode !== 0 || targetsIn(loaded.stdout).has(target)) return undefined;
  const modules = await listModules(view);
  if (modules === undefined || hasModule(modules, `dm-${target}`)) return undefined;
  return `its kernel has no dm-${target}: install the kernel's package of modules`;
}
