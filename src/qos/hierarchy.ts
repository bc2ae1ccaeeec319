import type { MountinfoEntry } from '../kernel/mountinfo.ts';

/** The cgroup hierarchy in which I/O is limited. */
export interface Hierarchy {
  readonly version: 'v1' | 'v2';
  /** Where its root is. */
  readonly path: string;
}

/**
 * Looks at the mounts at or below `mount`. A controller is in one hierarchy only: where v1 has blkio, a v2 beside it, as hybrid
 * hosts have, cannot limit I/O.
 */
export function findHierarchy(mounts: readonly MountinfoEntry[], mount: string): Hierarchy | undefined {
  const inside = mounts.filter(({ target }) => target === mount || target.startsWith(`${mount}/`));
  // Of several mounts on one path the last hides the others.
  const visible = [...new Map(inside.map((entry) => [entry.target, entry])).values()];
  const v1 = visible.find(({ filesystem, superOptions }) => filesystem === 'cgroup' && superOptions.includes('blkio'));
  if (v1) return { version: 'v1', path: v1.target };
  const v2 = visible.find(({ filesystem }) => filesystem === 'cgroup2');
  return v2 && { version: 'v2', path: v2.target };
}
