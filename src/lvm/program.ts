import { readlink } from 'node:fs/promises';

export type LvmMode = 'auto' | 'host' | 'container' | 'direct';

/**
 * What comes before every LVM program. In a container LVM enters the namespaces of the host's first process, where udev and
 * the device nodes are; on the host itself it needs nothing.
 */
export async function programPrefix(mode: LvmMode): Promise<string[]> {
  const enter = mode === 'host' || (mode === 'auto' && (await isContained()));
  return enter ? ['nsenter', '--target', '1', '--mount', '--uts', '--ipc', '--net', '--'] : [];
}

/** Whether the first process that is visible lives in another mount namespace: a container with the host's processes. */
async function isContained(): Promise<boolean> {
  try {
    return (await readlink('/proc/1/ns/mnt')) !== (await readlink('/proc/self/ns/mnt'));
  } catch {
    return false;
  }
}

/** argv of the program, started by way of `prefix` (see `programPrefix`). */
export function prefixed(prefix: readonly string[], program: string): readonly [string, ...string[]] {
  const [first, ...rest] = prefix;
  return first === undefined ? [program] : [first, ...rest, program];
}
