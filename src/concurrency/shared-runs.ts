/** Runs a task one at a time. Calls that come while it runs share the next run, which begins after them, so that each sees what was done before it. */
export function createSharedRuns<T>(task: () => Promise<T>): () => Promise<T> {
  let running: Promise<void> | undefined;
  let waiting: Promise<T> | undefined;
  const begin = (): Promise<T> => {
    const run = task();
    const ended = (): void => void (running = undefined);
    running = run.then(ended, ended);
    return run;
  };
  return () => {
    if (waiting) return waiting;
    if (!running) return begin();
    const next = running.then(() => {
      waiting = undefined;
      return begin();
    });
    return (waiting = next);
  };
}
