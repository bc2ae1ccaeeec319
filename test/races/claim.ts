import type { Random } from '../storm/random.ts';
import type { Caller } from './caller.ts';
import { controllers, nodes } from './fleet.ts';
import type { Limits, Request } from './history.ts';
import type { Schedule } from './schedule.ts';

export interface ClaimOptions {
  readonly name: string;
  /** Nodes that have room at any time. */
  readonly roomy: readonly string[];
  /** Whether the group of a node may vanish, or lack a disk. */
  readonly vanishing: boolean;
  /** Whether the volume has two copies. */
  readonly mirrored: boolean;
  /** Whether a name has a second volume, and group snapshots of both, instead of copies. */
  readonly grouped: boolean;
  /** Whether volumes and snapshots are thick, and copies are jobs. */
  readonly thick: boolean;
  readonly random: Random;
  readonly schedule: Schedule;
  readonly caller: Caller;
}

type Topology = 'one node' | 'in order' | 'any node';

const sizes = [8, 16, 24];
const larger = [16, 24, 40, 48];
/** Calls for one name that are in flight at once. */
const most = 3;

/**
 * The caller of one name: what the sidecars and the scheduler do for a claim, and calls out of order. It stays within what
 * docs/explanation/placement.md requires for one volume of a name: the first node of an order has room, and creations without topology go to
 * one controller at a time, also those whose outcome is unknown, while no group is away.
 */
export class Claim {
  readonly #options: ClaimOptions;
  readonly #topology: Topology;
  #leader: number;
  /** The node that the scheduler chose; the first of an order. */
  #chosen: number;
  #size: number;
  #node: string | undefined;
  #creating = 0;
  /** The process of a controller that a creation of unknown outcome went to. */
  #bound: object | undefined;
  /** A creation ended with an unknown outcome, and may still be done. */
  #doubtful = false;
  #inFlight = 0;

  constructor(options: ClaimOptions) {
    const { random, roomy, vanishing } = options;
    this.#options = options;
    const topologies: Topology[] = ['one node'];
    if (roomy.length > 0) topologies.push('in order');
    if (!vanishing) topologies.push('any node');
    this.#topology = random.pick(topologies);
    this.#leader = random.pick(controllers);
    this.#chosen = this.#topology === 'in order' ? nodes.indexOf(random.pick(roomy)) : random.below(nodes.length);
    this.#size = random.pick(sizes);
  }

  /** Begins one call, or the same call twice. */
  act(): void {
    const { random } = this.#options;
    if (this.#inFlight >= most) return;
    const isFree = this.#topology === 'any node';
    // Without a topology another controller knows a volume by its node's report alone, which may be under way.
    const isOpen = this.#creating > 0 || this.#bound !== undefined || this.#node !== undefined;
    if (random.chance(0.1) && !(isFree && isOpen)) this.#leader = 1 - this.#leader;
    const request = this.#next();
    const isBound = request.call === 'create' && isFree;
    void this.#call(request, !isBound && random.chance(0.15) ? 1 - this.#leader : this.#leader);
    if (random.chance(0.15)) void this.#call(request, isBound ? this.#leader : random.pick(controllers));
  }

  #next(): Request {
    const { random } = this.#options;
    const node = this.#node ?? random.pick(nodes);
    const { mirrored } = this.#options;
    const own = mirrored ? { mirrored } : {};
    const create: Request = { call: 'create', size: this.#size, nodes: this.#requisite ?? nodes, ...own };
    if (!this.#mayChange()) return { call: 'get', node };
    if (this.#node === undefined) return random.chance(0.85) ? create : { call: 'get', node };
    const requests: readonly Request[] = [
      create,
      { call: 'get', node },
      { call: 'expand', node, size: random.pick(larger) },
      { call: 'modify', node, limits: this.#limits() },
      { call: 'remove', node },
    ];
    const isOpen = this.#bound !== undefined;
    return random.pick(requests.filter(({ call }) => !isOpen || call !== 'remove'));
  }

  /** Without a topology: one call at a time, and a creation of unknown outcome goes on where it began. */
  #mayChange(): boolean {
    if (this.#topology !== 'any node') return true;
    const isThere = !this.#bound || this.#bound === this.#options.caller.processOf(this.#leader);
    return isThere && this.#inFlight === 0;
  }

  #limits(): Limits {
    const { random } = this.#options;
    const value = 100 + random.below(5) * 100;
    return random.chance(0.5) ? { readIops: value } : { writeIops: value };
  }

  get #requisite(): readonly string[] | undefined {
    if (this.#topology === 'any node') return undefined;
    const order = nodes.map((_, index) => nodes[(this.#chosen + index) % nodes.length] ?? '');
    return this.#topology === 'one node' ? order.slice(0, 1) : order;
  }

  async #call(request: Request, by: number): Promise<void> {
    const { name, random, schedule, caller } = this.#options;
    const patience = new AbortController();
    if (random.chance(0.15)) schedule.add(`give up ${name}`, () => patience.abort());
    const requisite = this.#requisite;
    this.#inFlight += 1;
    if (request.call === 'create') this.#creating += 1;
    const process = caller.processOf(by);
    const outcome = await caller.call({ name, by, request, requisite }, patience.signal);
    this.#inFlight -= 1;
    if (request.call === 'create') this.#creating -= 1;
    if (request.call === 'create' && outcome.is !== 'refused')
      this.#bound = outcome.is === 'unknown' ? process : undefined;
    if (outcome.is === 'ok') this.#learn(request, outcome.volumes[0]?.node);
    if (request.call === 'create' && outcome.is === 'unknown') this.#doubtful = true;
    // Only this answer lets the scheduler choose another node, and it asks for one volume at one controller.
    const isFull = outcome.is === 'refused' && outcome.kind === 'exhausted' && request.call === 'create';
    const isAlone = this.#creating === 0 && this.#node === undefined && !this.#doubtful;
    if (isFull && this.#topology === 'one node' && isAlone) this.#chosen = (this.#chosen + 1) % nodes.length;
  }

  #learn(request: Request, node: string | undefined): void {
    if (request.call === 'create') this.#node = node;
    if (request.call !== 'remove') return;
    this.#doubtful = false;
    this.#node = undefined;
    this.#size = this.#options.random.pick(sizes);
  }
}
