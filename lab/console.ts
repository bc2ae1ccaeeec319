import { readFileSync } from 'node:fs';
import { LabError } from './command.ts';

/** Messages with which a kernel reports a fault. */
const FAULT = /\bBUG\b|\bKernel panic\b|\bWARN(?:ING)?\b|\bOops\b|\bCall Trace\b/;

/** A guest's console over all its boots. */
export class Console {
  readonly #path: string;
  #checked = 0;

  constructor(path: string) {
    this.#path = path;
  }

  text(): string {
    try {
      return readFileSync(this.#path, 'utf8');
    } catch {
      return '';
    }
  }

  /** Throws if the kernel has reported a fault since the last check; each fault is reported once. */
  check(guest: string): void {
    const text = this.text();
    const fresh = text.slice(this.#checked);
    this.#checked = text.length;
    const faults = fresh.split('\n').filter((line) => FAULT.test(line));
    if (faults.length > 0) {
      throw new LabError(
        `the kernel of guest ${guest} reported faults:\n${faults.join('\n')}\n\nConsole:\n${fresh.slice(-8000)}`,
      );
    }
  }
}
