import { isFailure, messageOf } from '../../src/domain/errors.ts';
import type { NodeName } from '../../src/domain/ids.ts';
import { parseParameters } from '../../src/domain/parameters.ts';
import type { Rate } from '../../src/domain/qos.ts';
import type { Volume } from '../../src/domain/volume.ts';
import type { Provisioner } from '../../src/controller/provisioner.ts';
import type { Fleet } from './fleet.ts';
import { type Call, failed, type Limits, type Outcome, type Request, type Seen } from './history.ts';

export const unit = 4n * 1024n * 1024n;

export interface Order {
  readonly name: string;
  readonly by: number;
  readonly request: Request;
  /** Absent: any node. */
  readonly requisite?: readonly string[] | undefined;
}

/** Calls the controllers, and writes down what was called and answered. */
export class Caller {
  readonly history: Call[] = [];
  /** Errors that are no `Failure`. */
  readonly faults: string[] = [];
  readonly #fleet: Fleet;
  #moment = 0;

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
  }

  /** @param signal fires when the caller gives up */
  async call(order: Order, signal: AbortSignal): Promise<Outcome> {
    const begin = ++this.#moment;
    const { name, by, request } = order;
    const index = this.history.length;
    this.history.push({
      name,
      by,
      request,
      begin,
      end: Infinity,
      outcome: { is: 'unknown', why: 'in flight' },
    });
    const outcome = await this.#outcome(order, signal);
    this.history[index] = { name, by, request, begin, end: ++this.#moment, outcome };
    return outcome;
  }

  /** The process of a controller; `undefined`: it does not run. */
  processOf(by: number): object | undefined {
    return this.#fleet.replica(by);
  }

  look(name: string, volumes: readonly Seen[]): void {
    const begin = ++this.#moment;
    const outcome = { is: 'ok', volumes } as const;
    this.history.push({ name, request: { call: 'look' }, begin, end: ++this.#moment, outcome });
  }

  async #outcome(order: Order, signal: AbortSignal): Promise<Outcome> {
    const replica = this.#fleet.replica(order.by);
    if (!replica) return { is: 'unknown', why: 'the controller does not run' };
    const { promise: left, resolve: leave } = Promise.withResolvers<Outcome>();
    signal.addEventListener('abort', () => leave({ is: 'unknown', why: 'the caller gave up' }));
    replica.gone.signal.addEventListener('abort', () => leave({ is: 'unknown', why: 'the controller was killed' }));
    try {
      return await Promise.race([this.#answer(replica.provisioner, order, signal), left]);
    } catch (error) {
      if (isFailure(error)) return failed(error);
      this.faults.push(`${order.request.call} ${order.name}: ${messageOf(error)}`);
      return { is: 'unknown', why: messageOf(error) };
    }
  }

  async #answer(provisioner: Provisioner, order: Order, signal: AbortSignal): Promise<Outcome> {
    const volume = await perform(provisioner, order, signal);
    return { is: 'ok', volumes: volume ? [seenOf(volume)] : [] };
  }
}

async function perform(provisioner: Provisioner, order: Order, signal: AbortSignal): Promise<Volume | undefined> {
  const { name, request, requisite } = order;
  const id = 'node' in request ? `${request.node}:${name}` : '';
  switch (request.call) {
    case 'create': {
      const wanted = requisite as NodeName[] | undefined;
      const accessibility = wanted ? { requisite: new Set(wanted), preferred: wanted } : { preferred: [] };
      const size = { required: BigInt(request.size) * unit };
      return provisioner.create({ name, size, parameters: parseParameters({}), accessibility }, signal);
    }
    case 'remove':
      await provisioner.remove(id, signal);
      return undefined;
    case 'get':
      return provisioner.get(id, signal);
    case 'expand':
      return provisioner.expand(id, { required: BigInt(request.size) * unit }, signal);
    case 'modify':
      return provisioner.modify(id, { limits: ratesOf(request.limits), reservations: {} }, signal);
    case 'look':
      throw new Error('a look is no call');
  }
}

function ratesOf(limits: Limits): Record<string, Rate> {
  const entries = Object.entries(limits).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, value] as const],
  );
  return Object.fromEntries(entries.map(([key, value]) => [key, { fixed: BigInt(value) }]));
}

export function seenOf({ node, size, qos }: Volume): Seen {
  const rate = (setting: Rate | undefined): number | undefined =>
    setting && 'fixed' in setting ? Number(setting.fixed) : undefined;
  const { readIops, writeIops } = qos.limits;
  return { node, size: Number(size / unit), readIops: rate(readIops), writeIops: rate(writeIops) };
}
