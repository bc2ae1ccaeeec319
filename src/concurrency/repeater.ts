/** Runs a task repeatedly, one run at a time. */
export interface Repeater {
  /** Runs the task at once, or right after the run in flight. */
  now(): void;
  /** Runs the task after `delay` milliseconds, or after the pause; calls before its start are joined. */
  soon(): void;
  /** Starts no further run; resolves when the run in flight has ended. */
  stop(): Promise<void>;
}

export interface RepeaterOptions {
  readonly task: () => Promise<void>;
  /** Milliseconds between the end of a run and the next; absent: only when asked. */
  readonly every?: number;
  /** Milliseconds that `soon` waits, so that many calls cause one run. */
  readonly delay: number;
  /** `soon` waits at least this many times the duration of the last run, so that a costly task does not occupy the machine. */
  readonly pause?: number;
  readonly failed: (error: unknown) => void;
  /** A clock in milliseconds that never goes back; absent: that of the process. */
  readonly now?: () => number;
}

/** Idle until `now` or `soon` is called. If a run throws, `failed` is called, and the next run happens all the same. */
export function createRepeater(options: RepeaterOptions): Repeater {
  const { every, delay, pause = 0 } = options;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let asked = false;
  let stopped = false;
  let wait = delay;

  function schedule(milliseconds: number): void {
    if (stopped) return;
    clearTimeout(timer);
    timer = setTimeout(() => void (running = run()), milliseconds);
    timer.unref();
  }

  async function run(): Promise<void> {
    asked = false;
    const took = await attempt(options);
    running = undefined;
    wait = Math.max(delay, pause * took);
    if (asked) schedule(wait);
    else if (every !== undefined) schedule(every);
  }

  if (every !== undefined) schedule(every);
  return {
    now() {
      asked = true;
      if (!running) schedule(0);
    },
    soon() {
      if (asked) return;
      asked = true;
      if (!running) schedule(wait);
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}

/** Runs the task; returns its duration in milliseconds, also if it failed. */
async function attempt({ task, failed, now = () => performance.now() }: RepeaterOptions): Promise<number> {
  const started = now();
  try {
    await task();
  } catch (error) {
    failed(error);
  }
  return now() - started;
}
