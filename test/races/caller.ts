import type { VolumeRequest } from '../../src/controller/requests.ts';
import { Failure, isFailure, messageOf } from '../../src/domain/errors.ts';
import { type NodeName, snapshotIdFor, type VolumeId } from '../../src/domain/ids.ts';
import { parseParameters } from '../../src/domain/parameters.ts';
import type { Rate } from '../../src/domain/qos.ts';
import type { Snapshot } from '../../src/domain/snapshot.ts';
import type { Volume } from '../../src/domain/volume.ts';
import type { GroupSnapshot } from '../../src/domain/group-snapshot.ts';
import { groupSnapshotNames, snapshotLvNameFor } from '../../src/lvm/names.ts';
import type { Fleet } from './fleet.ts';
import { type Call, failed, type Limits, type Outcome, type Part, type Request, type Seen } from './history.ts';
import type { Replica } from './replica.ts';

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

  look(name: string, volumes: readonly Seen[], part: Part = 'volume'): void {
    const begin = ++this.#moment;
    const outcome = { is: 'ok', volumes } as const;
    this.history.push({ name, request: { call: 'look', part }, begin, end: ++this.#moment, outcome });
  }

  async #outcome(order: Order, signal: AbortSignal): Promise<Outcome> {
    const replica = this.#fleet.replica(order.by);
    if (!replica) return { is: 'unknown', why: 'the controller does not run' };
    const { promise: left, resolve: leave } = Promise.withResolvers<Outcome>();
    signal.addEventListener('abort', () => leave({ is: 'unknown', why: 'the caller gave up' }));
    replica.gone.signal.addEventListener('abort', () => leave({ is: 'unknown', why: 'the controller was killed' }));
    try {
      return await Promise.race([this.#answer(replica, order, signal), left]);
    } catch (error) {
      if (isFailure(error)) return failed(error, order.request);
      this.faults.push(`${order.request.call} ${order.name}: ${messageOf(error)}`);
      return { is: 'unknown', why: messageOf(error) };
    }
  }

  async #answer(replica: Replica, order: Order, signal: AbortSignal): Promise<Outcome> {
    const { request } = order;
    const seen = await performerOf(request)(replica, order, signal);
    return { is: 'ok', volumes: seen ? [seen] : [] };
  }
}

type Perform = (replica: Replica, order: Order, signal: AbortSignal) => Promise<Seen | undefined>;

function performerOf(request: Request): Perform {
  const part = 'part' in request ? request.part : request.call;
  if (part === 'snapshot') return performSnapshot;
  return part === 'group' ? performGroup : perform;
}

/** The name of the second volume of a name. */
export function secondOf(name: string): string {
  return `${name}-second`;
}

/** The name of the group snapshot of both volumes of a name. */
export function groupOf(name: string): string {
  return `${name}-group`;
}

/** The name of the volume that is copied from that of a name, or from its snapshot. */
export function copyOf(name: string): string {
  return `${name}-copy`;
}

const idOf = (node: string, name: string) => `${node}:${name}`;
const snapshotIdOf = (node: string, name: string) => snapshotIdFor(node as NodeName, snapshotLvNameFor(name));

/** Each name has one snapshot, of the same name. */
async function performSnapshot(
  { snapshotter }: Replica,
  { name, request }: Order,
  signal: AbortSignal,
): Promise<Seen | undefined> {
  const node = 'node' in request ? request.node : '';
  const id = snapshotIdOf(node, name);
  if (request.call === 'remove') {
    await snapshotter.remove(id, signal);
    return undefined;
  }
  if (request.call === 'get') {
    const found = await snapshotter.find(id, signal);
    if (found) return takenOf(found);
    throw new Failure('not-found', `snapshot ${id} does not exist`);
  }
  const source = idOf(node, name);
  return takenOf(await snapshotter.take({ name, source, room: undefined, accessibility: { preferred: [] } }, signal));
}

/** Each name has one group snapshot, of both of its volumes. */
async function performGroup(
  { groupSnapshotter }: Replica,
  { name, request }: Order,
  signal: AbortSignal,
): Promise<Seen | undefined> {
  const node = 'node' in request ? request.node : '';
  const { id } = groupSnapshotNames(node as NodeName, groupOf(name));
  if (request.call === 'remove') {
    await groupSnapshotter.remove(id, [], signal);
    return undefined;
  }
  if (request.call === 'get') return groupSeenOf(name, await groupSnapshotter.get(id, [], signal));
  const sources = [name, secondOf(name)].map((own) => idOf(node, own));
  return groupSeenOf(name, await groupSnapshotter.take({ name: groupOf(name), sources, room: undefined }, signal));
}

async function perform({ provisioner }: Replica, order: Order, signal: AbortSignal): Promise<Seen | undefined> {
  const { name, request, requisite } = order;
  const part = 'part' in request ? request.part : undefined;
  const own = part === 'copy' ? copyOf(name) : part === 'second' ? secondOf(name) : name;
  const id = 'node' in request ? idOf(request.node, own) : '';
  switch (request.call) {
    case 'create':
      return seenOf(await provisioner.create(creation(own, requisite, request), signal));
    case 'copy': {
      const source =
        request.of === 'volume' ? { volume: id as VolumeId } : { snapshot: snapshotIdOf(request.node, name) };
      const asked = creation(copyOf(name), undefined, { size: 1 });
      return seenOf(await provisioner.create({ ...asked, source }, signal));
    }
    case 'remove':
      await provisioner.remove(id, signal);
      return undefined;
    case 'get':
      return seenOf(await provisioner.get(id, signal));
    case 'expand':
      return seenOf(await provisioner.expand(id, { required: BigInt(request.size) * unit }, signal));
    case 'modify':
      return seenOf(await provisioner.modify(id, { limits: ratesOf(request.limits), reservations: {} }, signal));
    case 'snapshot':
    case 'group':
    case 'look':
      throw new Error(`${request.call} is no call about a volume`);
  }
}

function creation(
  name: string,
  requisite: Order['requisite'],
  { size, mirrored = false }: { readonly size: number; readonly mirrored?: boolean },
): VolumeRequest {
  const wanted = requisite as NodeName[] | undefined;
  const accessibility = wanted ? { requisite: new Set(wanted), preferred: wanted } : { preferred: [] };
  const parameters = parseParameters(mirrored ? { mirrors: '1' } : {});
  return { name, size: { required: BigInt(size) * unit }, parameters, accessibility };
}

function ratesOf(limits: Limits): Record<string, Rate> {
  const entries = Object.entries(limits).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, value] as const],
  );
  return Object.fromEntries(entries.map(([key, value]) => [key, { fixed: BigInt(value) }]));
}

export function seenOf({ node, size, qos, source }: Volume): Seen {
  const rate = (setting: Rate | undefined): number | undefined =>
    setting && 'fixed' in setting ? Number(setting.fixed) : undefined;
  const { readIops, writeIops } = qos.limits;
  const of = source && ('snapshot' in source ? 'snapshot' : 'volume');
  return { node, size: Number(size / unit), readIops: rate(readIops), writeIops: rate(writeIops), of };
}

/** A snapshot as a caller was told of it. */
export function takenOf({ node, size, room }: Snapshot): Seen {
  return { node, size: Number(size / unit), thick: room !== undefined };
}

/** A group snapshot as a caller was told of it. */
export function groupSeenOf(name: string, { members }: Pick<GroupSnapshot, 'members'>): Seen | undefined {
  const sizeOf = (own: string) => members.find(({ node, source }) => source === idOf(node, own))?.size;
  const thick = members.some(({ room }) => room !== undefined);
  const [size, second, node] = [sizeOf(name), sizeOf(secondOf(name)), members[0]?.node];
  if (size === undefined || second === undefined || node === undefined) return undefined;
  return { node, size: Number(size / unit), second: Number(second / unit), thick };
}
