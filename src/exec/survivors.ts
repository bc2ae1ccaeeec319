import type { ChildProcess } from 'node:child_process';

/** A program that SIGKILL did not end: it is in uninterruptible sleep, usually because a disk does not answer. */
export interface Survivor {
  readonly pid: number;
  readonly argv: readonly string[];
  /** Milliseconds since the epoch. */
  readonly since: number;
}

/** The running programs that SIGKILL did not end. */
export interface Survivors {
  /** Remembers the program until it ends, and resolves then. Returns `undefined` if it has already ended. */
  add(child: ChildProcess, argv: readonly string[]): Promise<void> | undefined;
  list(): readonly Survivor[];
}

/** @param changed called when a program is added, and when it ends */
export function createSurvivors(changed: (survivor: Survivor, state: 'remains' | 'ended') => void): Survivors {
  const known = new Map<ChildProcess, Survivor>();
  return {
    add(child, argv) {
      const { pid } = child;
      if (pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
      // The program must not keep this process from exiting.
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
