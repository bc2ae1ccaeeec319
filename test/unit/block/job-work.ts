import { endingRunner } from './ending-runner.ts';
import type { Job, JobBounds, JobControl, JobKind, JobSource } from '../../../src/domain/jobs.ts';

export const none = () => undefined;

/** What LVM's state asks for, and the jobs that run on it. A job that ends takes its key out of the state. */
export class Work {
  readonly keys: Set<string>;
  readonly kind: JobKind;
  readonly running = new Map<string, { control: JobControl; end: (error?: unknown) => void }>();
  readonly begun: string[] = [];
  /** LVM is read again at the end of a job. */
  reads = true;
  /** Its jobs end when they are told to. */
  obeys = true;

  constructor(kind: JobKind, ...keys: readonly string[]) {
    this.kind = kind;
    this.keys = new Set(keys);
  }

  source(): JobSource {
    return { kind: this.kind, find: () => [...this.keys].map((key) => this.#job(key)) };
  }

  /** The names of lanes come before a slash. */
  #job(key: string): Job {
    const run = async (control: JobControl): Promise<void> => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const end = (error?: unknown): void => (error === undefined ? resolve() : reject(error));
      if (this.obeys) control.signal.addEventListener('abort', () => end(control.signal.reason));
      this.running.set(key, { control, end });
      this.begun.push(key);
      await promise.finally(() => this.running.delete(key));
      if (this.reads) this.keys.delete(key);
    };
    const [lane = ''] = key.split('/');
    return { key, lane, pool: 'fast', volume: undefined, lv: `vg/${key}`, size: 1n, run };
  }
}

export function runnerOf(works: readonly Work[], given: Partial<JobBounds> = {}) {
  const bounds = { total: 9, creation: 2, copy: 2, erase: 4, repair: 2, evacuation: 1, ...given };
  const clock = { now: 0 };
  const errors: object[] = [];
  const warnings: object[] = [];
  const warn = (fields: object) => void warnings.push(fields);
  const log = { debug: none, info: none, warn, error: (fields: object) => void errors.push(fields) };
  const jobs = endingRunner({ sources: works.map((work) => work.source()), bounds, log, now: () => clock.now });
  return { jobs, clock, errors, warnings };
}

export const end = (work: Work, key: string, error?: unknown) => work.running.get(key)?.end(error);
