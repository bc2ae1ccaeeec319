import { timeout } from '../concurrency/timeout.ts';
import { isFailure, messageOf } from '../domain/errors.ts';
import type { Job, JobBounds, JobKind, JobSource, JobStatus } from '../domain/jobs.ts';
import type { Log } from '../log.ts';

export interface JobRunnerOptions {
  readonly sources: readonly JobSource[];
  readonly bounds: JobBounds;
  readonly log: Log;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** Milliseconds until a job that failed is tried again: doubled with each failure. */
const [firstDelay, longestDelay] = [1000, 300_000];
/** The most for one that has to wait: what it waits for ends at any time, and to look again costs little. */
const longestWait = 15_000;

interface Entry {
  readonly since: number;
  state: JobStatus['state'];
  done: number;
  reason: string | undefined;
  /** In a row. */
  failures: number;
  /** Attempts in a row that failed or found that the job has to wait. */
  attempts: number;
  /** When it may be tried again: milliseconds since the epoch. */
  due: number;
}

/**
 * Runs the jobs that LVM's state asks for, in the background, within bounds: of each kind, of all kinds, and one of a kind in a lane. It
 * keeps progress and failures in memory only, because the next process finds the same jobs.
 */
export class JobRunner {
  readonly #options: Required<JobRunnerOptions>;
  readonly #entries = new Map<string, Entry>();
  readonly #running = new Map<string, { readonly kind: JobKind; readonly lane: string; readonly end: Promise<void> }>();
  readonly #stopped = new AbortController();
  /** Ends the rest of the job that rests the shortest. */
  #rest: NodeJS.Timeout | undefined;

  constructor(options: JobRunnerOptions) {
    this.#options = { now: Date.now, ...options };
  }

  /** Starts each job that may start. Call it after each new report of LVM that may show other jobs; it looks again when one has rested. */
  look(): void {
    if (this.#stopped.signal.aborted) return;
    const found = new Set<string>();
    let rested = Number.POSITIVE_INFINITY;
    for (const { kind, find } of this.#options.sources) {
      for (const job of find()) {
        const name = nameOf(kind, job);
        found.add(name);
        if (this.#mayStart(name, kind, job)) this.#start(name, kind, job);
        else if (this.#rests(name, job)) rested = Math.min(rested, this.#entry(name).due);
      }
    }
    this.#lookAt(rested);
    for (const name of this.#entries.keys()) {
      if (!found.has(name) && !this.#running.has(name)) this.#entries.delete(name);
    }
  }

  /** `look`, and tries jobs that failed at once, too: a person has changed something, perhaps what they failed for. */
  retry(): void {
    for (const entry of this.#entries.values()) entry.due = 0;
    this.look();
  }

  /** In the order in which they are found. */
  list(): JobStatus[] {
    return this.#options.sources.flatMap(({ kind, find }) =>
      find().map(({ pool, volume, lv, size, since, key, waits }) => {
        const { state, done, reason, failures, since: seen } = this.#entry(nameOf(kind, { key }));
        const why = state === 'running' ? reason : (waits ?? reason);
        return { kind, pool, volume, lv, size, state, done, reason: why, failures, since: since ?? seen };
      }),
    );
  }

  /**
   * Starts no more jobs, tells those that run to end, and waits for them until the deadline, in milliseconds. True when none runs any longer.
   * The kernel continues a repair by itself, and the next process finds jobs that were cut off.
   */
  async stop(deadlineMs: number): Promise<boolean> {
    this.#stopped.abort();
    clearTimeout(this.#rest);
    const ends = Promise.all([...this.#running.values()].map(({ end }) => end));
    using late = timeout(deadlineMs, false);
    const clean = await Promise.race([ends.then(() => true), late.promise]);
    if (!clean) this.#options.log.warn({ jobs: [...this.#running.keys()] }, 'jobs did not end in time');
    return clean;
  }

  #entry(name: string): Entry {
    const { now } = this.#options;
    const entry = this.#entries.get(name) ?? {
      since: now(),
      state: 'waiting' as const,
      done: 0,
      reason: undefined,
      failures: 0,
      attempts: 0,
      due: 0,
    };
    this.#entries.set(name, entry);
    return entry;
  }

  #rests(name: string, { waits }: Job): boolean {
    return waits === undefined && !this.#running.has(name) && this.#entry(name).due > this.#options.now();
  }

  #lookAt(time: number): void {
    clearTimeout(this.#rest);
    if (time === Number.POSITIVE_INFINITY) return;
    this.#rest = setTimeout(() => this.look(), time - this.#options.now()).unref();
  }

  #mayStart(name: string, kind: JobKind, { lane, waits }: Job): boolean {
    const { bounds, now, sources } = this.#options;
    if (waits !== undefined || this.#running.has(name) || this.#entry(name).due > now()) return false;
    const running = [...this.#running.values()];
    const alike = running.filter((one) => one.kind === kind);
    // One place stays free for each other kind: a creation does not wait for repairs that take hours.
    const kept = sources.filter((other) => other.kind !== kind && running.every((one) => one.kind !== other.kind));
    const hasPlace = alike.length < bounds[kind] && running.length + kept.length < bounds.total;
    return hasPlace && alike.every((one) => one.lane !== lane);
  }

  #start(name: string, kind: JobKind, job: Job): void {
    const end = this.#run(this.#entry(name), kind, job).finally(() => {
      this.#running.delete(name);
      this.look();
    });
    this.#running.set(name, { kind, lane: job.lane, end });
  }

  async #run(entry: Entry, kind: JobKind, job: Job): Promise<void> {
    const before = entry.reason;
    Object.assign(entry, { state: 'running', done: 0, reason: undefined });
    const progress = (done: number): void => void (entry.done = done);
    let error: unknown;
    try {
      await job.run({ signal: this.#stopped.signal, progress });
    } catch (cause) {
      error = cause;
    }
    // The source shows a job that has ended until LVM is read again.
    const ended = error === undefined || isFailure(error, 'not-found') || this.#stopped.signal.aborted;
    const attempts = ended ? 0 : entry.attempts + 1;
    const longest = isFailure(error, 'busy') ? longestWait : longestDelay;
    const due = this.#options.now() + Math.min(longest, firstDelay * 2 ** Math.max(0, attempts - 1));
    Object.assign(entry, { state: 'waiting', done: 0, attempts, due });
    if (ended) entry.failures = 0;
    if (!ended) this.#fail(entry, kind, job, { error, before });
  }

  #fail(
    entry: Entry,
    kind: JobKind,
    { lv, volume }: Job,
    { error, before }: { error: unknown; before: string | undefined },
  ): void {
    entry.reason = messageOf(error);
    if (isFailure(error, 'busy')) return;
    entry.failures += 1;
    entry.state = 'failed';
    const { reason } = entry;
    if (reason !== before) this.#options.log.error({ job: kind, lv, volume, reason }, 'a job failed');
  }
}

function nameOf(kind: JobKind, { key }: Pick<Job, 'key'>): string {
  return `${kind} ${key}`;
}
