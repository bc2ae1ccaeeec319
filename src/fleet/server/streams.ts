import type { NodeName } from '../../domain/ids.ts';

/** Streams of one node: the current one, its successor, and one that is being greeted. */
const most = 3;

interface Stream {
  finish(reason: string): void;
}

/** The streams whose credential was checked, by node, the oldest first. */
export class Streams {
  readonly #byNode = new Map<NodeName, Set<Stream>>();

  /** Ends the oldest stream that the node can do without when it has too many. */
  enter(node: NodeName, stream: Stream, current: Stream | undefined): void {
    const streams = this.#byNode.get(node) ?? new Set<Stream>();
    this.#byNode.set(node, streams.add(stream));
    if (streams.size <= most) return;
    const spare = [...streams].find((one) => one !== stream && one !== current);
    spare?.finish('the node has more streams than it needs');
  }

  leave(node: NodeName, stream: Stream): void {
    const streams = this.#byNode.get(node);
    streams?.delete(stream);
    if (streams?.size === 0) this.#byNode.delete(node);
  }
}
