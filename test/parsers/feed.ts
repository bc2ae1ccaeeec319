import { Worker } from 'node:worker_threads';

export interface FeedOptions {
  readonly seed: number;
  /** Unix time in milliseconds after which no further round begins. */
  readonly until: number;
  /** Inputs after which no further round begins. */
  readonly most: number;
}

export interface WorkerOptions extends FeedOptions {
  /** The length of the present input in 4 bytes, the number of inputs in 4, then the input. */
  readonly present: SharedArrayBuffer;
}

export interface Fed {
  readonly inputs: number;
  readonly findings: readonly string[];
}

/** Milliseconds for one input, on a busy machine too. */
const patience = 20_000;

/** In a thread, because nothing else can end a parser that does not end. */
export async function feed(options: FeedOptions): Promise<Fed> {
  const present = new SharedArrayBuffer(8 + 128 * 1024);
  const workerData: WorkerOptions = { ...options, present };
  const worker = new Worker(new URL('worker.ts', import.meta.url), { workerData });
  const done = Promise.withResolvers<Fed>();
  worker.once('message', done.resolve);
  worker.once('error', done.reject);
  const numbers = new Int32Array(present, 0, 2);
  let seen = 0;
  const timer = setInterval(() => {
    const [length = 0, inputs = 0] = numbers;
    const input = Buffer.from(present, 8, length).toString('base64');
    const finding = `a parser did not end within ${patience} ms, of ${input}`;
    if (inputs > 0 && inputs === seen) done.resolve({ inputs, findings: [finding] });
    seen = inputs;
  }, patience);
  try {
    return await done.promise;
  } finally {
    clearInterval(timer);
    await worker.terminate();
  }
}
