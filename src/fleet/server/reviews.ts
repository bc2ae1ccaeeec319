import { Failure } from '../../domain/errors.ts';

/** Any peer that reaches the port can have a token reviewed: this bounds the reviews at once, and those that wait, in all and for each address. */
const defaultReviewBounds: ReviewBounds = { atOnce: 50, waiting: 8192, waitingOfOne: 64 };

interface ReviewBounds {
  readonly atOnce: number;
  readonly waiting: number;
  readonly waitingOfOne: number;
}

/** The caller of a review. */
interface Applicant {
  /** Without the port. */
  readonly address: string;
  /** Aborts when the caller has left: its review has no use any more. */
  readonly signal: AbortSignal;
}

interface Turn {
  readonly begin: () => void;
}

/** Gives each address its turn, one review at a time: a flood from one address delays the others by one review only. */
export class Reviews {
  readonly #bounds: ReviewBounds;
  /** By address, in the order of their next turn. */
  readonly #queues = new Map<string, Set<Turn>>();
  #running = 0;
  #waiting = 0;

  constructor(bounds: ReviewBounds = defaultReviewBounds) {
    this.#bounds = bounds;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** Throws `cancelled` when the caller leaves, and `unavailable` where too many wait already. */
  async run<T>(applicant: Applicant, review: (signal: AbortSignal) => Promise<T>): Promise<T> {
    refuseLeft(applicant.signal);
    if (this.#running >= this.#bounds.atOnce) await this.#turn(applicant);
    else this.#running += 1;
    try {
      refuseLeft(applicant.signal);
      return await review(applicant.signal);
    } finally {
      this.#next();
    }
  }

  /** The slot of a review that has ended is handed over: it is counted as running all the time. */
  async #turn({ address, signal }: Applicant): Promise<void> {
    const { waiting, waitingOfOne } = this.#bounds;
    const queue = this.#queues.get(address) ?? new Set<Turn>();
    if (this.#waiting >= waiting || queue.size >= waitingOfOne) {
      throw new Failure('unavailable', `${queue.size} credentials from ${address} wait to be reviewed: try again`);
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const turn: Turn = { begin: resolve };
    const leave = (): void => {
      this.#drop(address, turn);
      reject(left());
    };
    this.#queues.set(address, queue.add(turn));
    this.#waiting += 1;
    signal.addEventListener('abort', leave);
    await promise.finally(() => signal.removeEventListener('abort', leave));
  }

  #next(): void {
    const [first] = this.#queues;
    const [turn] = first?.[1] ?? [];
    if (!first || !turn) {
      this.#running -= 1;
      return;
    }
    const [address, queue] = first;
    this.#drop(address, turn);
    // Its next turn comes after those of the others.
    if (this.#queues.delete(address)) this.#queues.set(address, queue);
    turn.begin();
  }

  #drop(address: string, turn: Turn): void {
    const queue = this.#queues.get(address);
    if (!queue?.delete(turn)) return;
    this.#waiting -= 1;
    if (queue.size === 0) this.#queues.delete(address);
  }
}

function refuseLeft(signal: AbortSignal): void {
  if (signal.aborted) throw left();
}

function left(): Failure {
  return new Failure('cancelled', 'the peer left before its credential was reviewed');
}
