import { setTimeout as sleep } from 'node:timers/promises';

export interface Attempts {
  readonly most: number;
  /** Milliseconds between two of them. */
  readonly pause: number;
  /** Whether another attempt may succeed after this error. */
  readonly mayPass: (error: unknown) => boolean;
}

/** Tries the task until it succeeds. Throws what the last attempt threw. */
export async function attempt<Made>(task: () => Promise<Made>, { most, pause, mayPass }: Attempts): Promise<Made> {
  for (let count = 1; ; count += 1) {
    try {
      return await task();
    } catch (error) {
      if (!mayPass(error) || count === most) throw error;
      await sleep(pause);
    }
  }
}
