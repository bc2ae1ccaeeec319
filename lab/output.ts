/** The output of a program on one stream so far, and a way to wait for more. */
export class Output {
  #text = '';
  #ended = false;
  readonly #watchers = new Set<() => void>();
  readonly #listeners: ((text: string) => void)[] = [];

  get text(): string {
    return this.#text;
  }

  /** The first line that matches, now or later. Rejects when the stream ends or `timeout` (ms) passes without one. */
  async waitFor(pattern: RegExp | string, timeout = 10_000): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const look = (): void => {
      const line = this.#text.split('\n').find((candidate) => matches(candidate, pattern));
      if (line !== undefined) resolve(line);
      else if (this.#ended) reject(new Error(`the stream ended without ${pattern}; it said:\n${this.#text}`));
    };
    const timer = setTimeout(
      () => reject(new Error(`no ${pattern} within ${timeout} ms; so far:\n${this.#text}`)),
      timeout,
    );
    this.#watchers.add(look);
    look();
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#watchers.delete(look);
    }
  }

  /** Calls the listener with each further piece. */
  onText(listener: (text: string) => void): void {
    this.#listeners.push(listener);
  }

  append(text: string): void {
    this.#text += text;
    for (const listener of this.#listeners) listener(text);
    for (const watcher of this.#watchers) watcher();
  }

  end(): void {
    this.#ended = true;
    for (const watcher of this.#watchers) watcher();
  }
}

function matches(line: string, pattern: RegExp | string): boolean {
  return typeof pattern === 'string' ? line.includes(pattern) : line.search(pattern) >= 0;
}
