import { AsyncLocalStorage } from 'node:async_hooks';
import { syncBuiltinESMExports } from 'node:module';
import promises from 'node:timers/promises';

/** The time of a run: it passes only when the run lets it pass. */
export interface Clock extends Disposable {
  /** Does work whose time is this clock's, and so is that of all that follows from it. */
  within<T>(work: () => T): T;
  /** Milliseconds that a timer has to wait at least; `undefined`: there is no timer. */
  untilNext(): number | undefined;
  /** Lets time pass, and fires what is due. */
  pass(milliseconds: number): void;
}

interface Timer {
  readonly act: () => void;
  at: number;
  readonly every?: number;
}

/** An end of the timer's life as the product uses it. */
class Handle {
  readonly timer: Timer;

  constructor(timer: Timer) {
    this.timer = timer;
  }

  unref(): this {
    return this;
  }
}

/** Whose time it is. */
const clocks = new AsyncLocalStorage<Clock>();

/**
 * Replaces the clock and the timers of what is done `within` it, until it is disposed of. All else in this process keeps the real ones: what
 * an earlier run or another test has left behind must not decide what happens in this one.
 */
export function takeClock(): Clock {
  const timers = new Set<Timer>();
  let now = 1_800_000_000_000;
  const add = (timer: Timer): Handle => {
    timers.add(timer);
    return new Handle(timer);
  };
  const clear = (handle: unknown): void => {
    if (handle instanceof Handle) timers.delete(handle.timer);
  };
  const next = (): Timer | undefined =>
    [...timers].reduce<Timer | undefined>((first, timer) => (first && first.at <= timer.at ? first : timer), undefined);
  const isOwn = (): boolean => clocks.getStore() === clock;
  const restore = replace(isOwn, {
    setTimeout: (act: (...given: unknown[]) => void, milliseconds = 0, ...given: unknown[]) =>
      add({ act: () => act(...given), at: now + milliseconds }),
    setInterval: (act: () => void, every: number) => add({ act, at: now + every, every }),
    clearTimeout: clear,
    clearInterval: clear,
  });
  const restorePromises = replaceSleep(isOwn, (milliseconds, end) => {
    const handle = add({ act: end, at: now + milliseconds });
    return () => clear(handle);
  });
  const restoreDate = replace(isOwn, { now: () => now }, Date);
  const restorePerformance = replace(isOwn, { now: () => now }, performance);
  const restoreSignal = replace(isOwn, { timeout: (milliseconds: number) => timeoutOf(milliseconds) }, AbortSignal);
  const timeoutOf = (milliseconds: number): AbortSignal => {
    const controller = new AbortController();
    add({ act: () => controller.abort(new DOMException('the time is over', 'TimeoutError')), at: now + milliseconds });
    return controller.signal;
  };
  const clock: Clock = {
    within: (work) => clocks.run(clock, work),
    untilNext() {
      const first = next();
      return first && Math.max(0, first.at - now);
    },
    pass(milliseconds) {
      const end = now + milliseconds;
      for (let timer = next(); timer && timer.at <= end; timer = next()) {
        now = Math.max(now, timer.at);
        if (timer.every === undefined) timers.delete(timer);
        else timer.at += timer.every;
        timer.act();
      }
      now = end;
    },
    [Symbol.dispose]() {
      for (const undo of [restore, restorePromises, restoreDate, restorePerformance, restoreSignal]) undo();
    },
  };
  return clock;
}

type Own = (...given: never[]) => unknown;

/** @param isOwn whether what calls has the clock's time */
function replace(isOwn: () => boolean, functions: Readonly<Record<string, Own>>, on: object = globalThis): () => void {
  const before = Object.keys(functions).map((name) => [name, Object.getOwnPropertyDescriptor(on, name)] as const);
  for (const [name, own] of Object.entries(functions)) {
    const real = Reflect.get(on, name) as Own;
    const value = (...given: never[]): unknown => Reflect.apply(isOwn() ? own : real, on, given);
    Object.defineProperty(on, name, { value, configurable: true, writable: true });
  }
  return () => {
    for (const [name, descriptor] of before) {
      if (descriptor) Object.defineProperty(on, name, descriptor);
      else Reflect.deleteProperty(on, name);
    }
  };
}

/** Replaces the timer that is a promise, and rejects if its signal fires. @param begin calls `end` after that time, unless what it answers is called */
function replaceSleep(isOwn: () => boolean, begin: (milliseconds: number, end: () => void) => () => void): () => void {
  const sleep = (milliseconds = 0, value?: unknown, { signal }: { signal?: AbortSignal } = {}) => {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const giveUp = begin(milliseconds, () => resolve(value));
    const abort = (): void => {
      giveUp();
      reject(new DOMException('the sleep was aborted', 'AbortError'));
    };
    if (signal?.aborted) abort();
    else signal?.addEventListener('abort', abort, { once: true });
    return promise;
  };
  const undo = replace(isOwn, { setTimeout: sleep }, promises);
  syncBuiltinESMExports();
  return () => {
    undo();
    syncBuiltinESMExports();
  };
}
