import type { NodeName } from '../domain/ids.ts';

export interface SettlingOptions {
  /** Milliseconds that nodes get to attach in any case: while a cluster is being set up, Kubernetes does not list its nodes yet. */
  readonly time: number;
  /** Milliseconds after which the nodes that have not connected are given up. */
  readonly limit: number;
  /** The nodes that will attach; `undefined` while that is not known. Absent: it never is. */
  readonly expected?: (() => readonly NodeName[] | undefined) | undefined;
  /** Whether the node has attached since the start. */
  readonly known: (node: NodeName) => boolean;
  /** Milliseconds from any fixed moment. */
  readonly ticks: () => number;
}

/** Says when a controller knows enough of its nodes: before that, it would report too little capacity. */
export class Settling {
  readonly #options: SettlingOptions;
  #begun: number | undefined;
  #settled = false;

  constructor(options: SettlingOptions) {
    this.#options = options;
  }

  begin(): void {
    this.#begun = this.#options.ticks();
  }

  settled(): boolean {
    return this.problem() === undefined;
  }

  /** Why the controller is not ready; `undefined`: it is, and stays so, because a node that disconnects later is known. */
  problem(): string | undefined {
    if (this.#settled) return undefined;
    const problem = this.#problem();
    this.#settled = problem === undefined;
    return problem;
  }

  #problem(): string | undefined {
    const { time, limit, expected, known, ticks } = this.#options;
    const passed = this.#begun === undefined ? -1 : ticks() - this.#begun;
    if (passed < 0) return 'not started';
    if (passed < time) return 'the nodes are given time to attach';
    if (!expected || passed >= limit) return undefined;
    const nodes = expected();
    if (!nodes) return 'which nodes there are is not known yet';
    const missing = nodes.filter((node) => !known(node));
    if (missing.length === 0) return undefined;
    return `${missing.length} of ${nodes.length} nodes have not connected yet: ${missing.slice(0, 8).join(', ')}`;
  }
}
