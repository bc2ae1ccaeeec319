import { hasModule, type KernelView, listModules, targetsIn } from '../../kernel/device-targets.ts';

/** Why this machine can open no encrypted volume; `undefined`: it can, or it is not known. */
export async function encryptionProblem(view: KernelView): Promise<string | undefined> {
  if ((await view.runHosted(['cryptsetup', '--version'])) === undefined) {
    return 'it has no cryptsetup: install it where LVM runs';
  }
  const loaded = await view.runHosted(['dmsetup', 'targets']);
  if (loaded?.exitCode !== 0 || targetsIn(loaded.stdout).has('crypt')) return undefined;
  const modules = await listModules(view);
  if (modules === undefined || hasModule(modules, 'dm-crypt')) return undefined;
  return "its kernel has no dm-crypt: install the kernel's package of modules";
}
