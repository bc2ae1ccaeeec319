import { readlink } from 'node:fs/promises';

/** Where LVM's programs run; the reference of `lvm.mode` describes each. */
export type LvmMode = 'auto' | 'host' | 'container' | 'direct';

/**
 * The words before every LVM program. From a container, LVM enters the namespaces of the host's first process, where udev and
 * the device nodes are; on the host it needs no prefix.
 */
export async function programPrefix(mode: LvmMode): Promise<string[]> {
  const enter = mode === 'host' || (mode === 'auto' && (await isContained()));
  return enter ? ['nsenter', '--target', '1', '--mount', '--uts', '--ipc', '--net', '--'] : [];
}

/** Whether process 1 has another mount namespace: this is a container that sees the host's processes. */
async function isContained(): Promise<boolean> {
  try {
    return (await readlink('/proc/1/ns/mnt')) !== (await readlink('/proc/self/ns/mnt'));
  } catch {
    return false;
  }
}

/** The program's argv, with `prefix` before it (see `programPrefix`). */
export function prefixed(prefix: readonly string[], program: string): readonly [string, ...string[]] {
  const [first, ...rest] = prefix;
  return first === undefined ? [program] : [first, ...rest, program];
}
