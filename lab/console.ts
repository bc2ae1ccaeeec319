import { readFileSync } from 'node:fs';
import { LabError } from './command.ts';

/** Messages with which a kernel reports a fault. */
const FAULT = /\bBUG\b|\bKernel panic\b|\bWARN(?:ING)?\b|\bOops\b|\bCall Trace\b/;

/**
 * A doubt that dm-raid has about itself when a mirror is resumed with another table: whether the thread that makes its copies equal is stopped. The
 * kernel goes on either way, and prints it once in a boot. An earlier form of this check was wrong, and was changed in 2024. It came in repairs of mirrors, whose content was right
 * afterwards, and it is no fault of what is tested.
 */
const DOUBT = /WARNING: drivers\/md\/dm-raid\.c:\d+ at raid_resume\+/;

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
    const faults = faultsIn(fresh);
    if (faults.length > 0) {
      throw new LabError(
        `the kernel of guest ${guest} reported faults:\n${faults.join('\n')}\n\nConsole:\n${fresh.slice(-8000)}`,
      );
    }
  }
}

/** The lines that report faults. A doubt of the kernel does not count, nor does its trace, which is the next such line. */
export function faultsIn(text: string): string[] {
  const lines = text.split('\n').filter((line) => FAULT.test(line));
  const doubts = new Set(lines.flatMap((line, index) => (DOUBT.test(line) ? [index] : [])));
  const isTrace = (line: string, index: number): boolean => doubts.has(index - 1) && /\bCall Trace\b/.test(line);
  return lines.filter((line, index) => !doubts.has(index) && !isTrace(line, index));
}
