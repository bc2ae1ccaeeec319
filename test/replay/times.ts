/** Milliseconds that phases of a replay took, by their names. */
export class Times {
  #spent: Record<string, number> = {};

  async of<T>(phase: string, work: () => Promise<T>): Promise<T> {
    const began = performance.now();
    try {
      return await work();
    } finally {
      this.#spent[phase] = (this.#spent[phase] ?? 0) + performance.now() - began;
    }
  }

  /** What was spent since the last call, in whole milliseconds. */
  take(): Record<string, number> {
    const taken = Object.fromEntries(Object.entries(this.#spent).map(([phase, ms]) => [phase, Math.round(ms)]));
    this.#spent = {};
    return taken;
  }
}
