import type { ClaimOptions } from './claim.ts';
import { controllers, nodes } from './fleet.ts';
import type { Part, Request } from './history.ts';

/** Calls for one name that are in flight at once. */
const most = 4;
const sizes = [8, 16, 24, 40];

/**
 * The caller of one name that has a volume, a snapshot of it, and a copy of either, or a second volume and a group snapshot of both, all on one node: any call at any
 * time, to any controller, so that a source is removed while it is copied, and made again under the same name.
 */
export class FamilyClaim {
  readonly #options: ClaimOptions;
  readonly #node: string;
  #inFlight = 0;

  constructor(options: ClaimOptions) {
    this.#options = options;
    this.#node = options.random.pick(nodes);
  }

  /** Begins one call, or the same call twice. */
  act(): void {
    const { random } = this.#options;
    if (this.#inFlight >= most) return;
    const request = this.#next();
    void this.#call(request);
    if (random.chance(0.15)) void this.#call(request);
  }

  #next(): Request {
    return this.#options.grouped ? this.#nextOfGroup() : this.#nextOfCopies();
  }

  #nextOfCopies(): Request {
    const { random } = this.#options;
    const node = this.#node;
    const part: Part = random.pick(['volume', 'snapshot', 'copy']);
    const create: Request = { call: 'create', size: random.pick(sizes.slice(0, 2)), nodes: [node] };
    const { thick } = this.#options;
    const snapshot: Request = { call: 'snapshot', node, ...(thick && { thick }) };
    const job = thick ? ({ job: true } as const) : {};
    const copied = thick ? ({ copied: true } as const) : {};
    // Without the first two, most of the others find nothing.
    const requests: readonly Request[] = [
      create,
      create,
      create,
      snapshot,
      snapshot,
      { call: 'copy', node, of: random.pick(['volume', 'snapshot']), ...job },
      { call: 'copy', node, of: thick ? 'volume' : 'snapshot', ...job },
      { call: 'get', node, part },
      { call: 'remove', node, part, ...(part !== 'copy' && copied) },
      { call: 'expand', node, size: random.pick(sizes), ...copied },
      ...(thick ? [{ call: 'remove', node, part: 'copy' } as const] : []),
    ];
    return random.pick(requests);
  }

  #nextOfGroup(): Request {
    const { random } = this.#options;
    const node = this.#node;
    const part: Part = random.pick(['volume', 'second', 'snapshot', 'group']);
    const create: Request = { call: 'create', size: random.pick(sizes.slice(0, 2)), nodes: [node] };
    const second: Request = { ...create, part: 'second' };
    const kind = this.#options.thick ? ({ thick: true } as const) : {};
    const group: Request = { call: 'group', node, ...kind };
    // Without the volumes, most of the others find nothing.
    const requests: readonly Request[] = [
      create,
      create,
      second,
      second,
      group,
      group,
      { call: 'snapshot', node, ...kind },
      { call: 'get', node, part },
      { call: 'remove', node, part },
      { call: 'expand', node, size: random.pick(sizes) },
    ];
    return random.pick(requests);
  }

  async #call(request: Request): Promise<void> {
    const { name, random, schedule, caller } = this.#options;
    const patience = new AbortController();
    if (random.chance(0.15)) schedule.add(`give up ${name}`, () => patience.abort());
    this.#inFlight += 1;
    await caller.call({ name, by: random.pick(controllers), request, requisite: [this.#node] }, patience.signal);
    this.#inFlight -= 1;
  }
}
