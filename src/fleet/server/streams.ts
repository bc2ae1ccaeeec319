import type { NodeName } from '../../domain/ids.ts';
import { Intake } from './intake.ts';

/** Streams of one node: the current one, its successor, and one that is being greeted. */
const most = 3;

interface Stream {
  finish(reason: string): void;
}

/** Allowances that are kept of nodes without a stream, before those that are full again are dropped. */
const mostIdle = 1000;

/** The streams whose credential is accepted, by node, the oldest first, and the allowance of each node. */
export class Streams {
  readonly #byNode = new Map<NodeName, Set<Stream>>();
  /** A node that dials again has the allowance that its earlier streams have left. */
  readonly #intakes = new Map<NodeName, Intake>();
  readonly #ticks: () => number;

  /** @param ticks milliseconds from any fixed moment */
  constructor(ticks: () => number) {
    this.#ticks = ticks;
  }

  /** Returns the allowance of all the node's streams. Ends the oldest that the node can do without when it has too many. */
  enter(node: NodeName, stream: Stream, current: Stream | undefined): Intake {
    const streams = this.#byNode.get(node) ?? new Set<Stream>();
    this.#byNode.set(node, streams.add(stream));
    if (streams.size > most) {
      const spare = [...streams].find((one) => one !== stream && one !== current);
      spare?.finish('the node has more streams than it needs');
    }
    return this.#intakeOf(node);
  }

  leave(node: NodeName, stream: Stream): void {
    const streams = this.#byNode.get(node);
    streams?.delete(stream);
    if (streams?.size === 0) this.#byNode.delete(node);
  }

  #intakeOf(node: NodeName): Intake {
    if (this.#intakes.size > this.#byNode.size + mostIdle) {
      for (const [name, intake] of this.#intakes) {
        if (!this.#byNode.has(name) && intake.rested()) this.#intakes.delete(name);
      }
    }
    const intake = this.#intakes.get(node) ?? new Intake(this.#ticks);
    this.#intakes.set(node, intake);
    return intake;
  }
}
