import type { ChildProcess } from 'node:child_process';

/** A program that SIGKILL did not end: it is in uninterruptible sleep, mostly because a disk does not answer. */
export interface Survivor {
  readonly pid: number;
  readonly argv: readonly string[];
  /** Milliseconds since the epoch. */
  readonly since: number;
}

/** The programs that SIGKILL did not end and that still run. */
export interface Survivors {
  /** Remembers the program until it ends. Resolves then; `undefined` when it has ended already. */
  add(child: ChildProcess, argv: readonly string[]): Promise<void> | undefined;
  list(): readonly Survivor[];
}

/** @param changed called when such a program is added, and when it has ended after all */
export function createSurvivors(changed: (survivor: Survivor, state: 'remains' | 'ended') => void): Survivors {
  const known = new Map<ChildProcess, Survivor>();
  return {
    add(child, argv) {
      const { pid } = child;
      if (pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
      // It must not keep this process from ending.
      child.unref();
      for (const stream of child.stdio) stream?.destroy();
      const survivor = { pid, argv, since: Date.now() };
      known.set(child, survivor);
      changed(survivor, 'remains');
      const { promise, resolve } = Promise.withResolvers<void>();
      child.once('exit', () => {
        known.delete(child);
        changed(survivor, 'ended');
        resolve();
      });
      return promise;
    },
    list: () => [...known.values()],
  };
}
