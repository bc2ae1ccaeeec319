import { createLocks } from '../concurrency/locks.ts';
import { incompatibilities } from '../domain/compatibility.ts';
import { encryptionFrom } from '../domain/encryption.ts';
import { Failure, isFailure } from '../domain/errors.ts';
import type { Member } from '../domain/fleet.ts';
import type { NodeName } from '../domain/ids.ts';
import { type Offer, offerOf } from '../domain/offer.ts';
import { type Packing, type Place, place, disconnection } from '../domain/placement.ts';
import { applyChange, noQos } from '../domain/qos.ts';
import { type Refusal, refusalOf } from '../domain/refusals.ts';
import { accepts } from '../domain/topology.ts';
import type { Volume, VolumeSpec } from '../domain/volume.ts';
import type { NameLookup } from './name-lookup.ts';
import type { NodeRegistry } from './node-registry.ts';
import { PendingCreates } from './pending-creates.ts';
import type { VolumeRequest } from './requests.ts';

export interface VolumeCreatorOptions {
  readonly registry: NodeRegistry;
  readonly lookup: NameLookup;
  readonly packing: Packing;
}

/** Milliseconds that a node gets to answer about a creation whose caller has gone. */
const answerWithin = 10_000;

/** Makes a volume on one of the nodes, and the same name only once. */
export class VolumeCreator {
  readonly #options: VolumeCreatorOptions;
  readonly #locks = createLocks();
  readonly #pending = new PendingCreates();
  readonly #lookup: NameLookup;

  constructor(options: VolumeCreatorOptions) {
    this.#options = options;
    this.#lookup = options.lookup;
  }

  async create(request: VolumeRequest, signal: AbortSignal): Promise<Volume> {
    using _lock = this.#locks.acquire(request.name, 'CreateVolume');
    const existing = (await this.#shown(request, signal)) ?? (await this.#unsettled(request, signal));
    // Awaited here, because the lock would be released at once otherwise.
    return existing ?? (await this.#make(request, signal));
  }

  /**
   * Asks the nodes about creations whose outcome is open and whose callers have not tried again: the caller of a claim that was deleted never
   * does. Call it again and again.
   */
  async settle(signal: AbortSignal): Promise<void> {
    this.#pending.forgive();
    const open = this.#pending.open().filter(({ name }) => this.#locks.holder(name) === undefined);
    await Promise.all(open.map(async ({ name, node }) => this.#settleOne(name, node, signal)));
  }

  async #settleOne(name: string, node: NodeName, signal: AbortSignal): Promise<void> {
    const member = this.#options.registry.member(node);
    if (member?.connected === false) return;
    using _lock = this.#locks.acquire(name, 'the question whether it was created');
    try {
      const within = AbortSignal.any([signal, AbortSignal.timeout(answerWithin)]);
      const found = member && (await this.#lookup.knows(member, name, within));
      if (!found) this.#pending.forget(name);
      // Until an inventory shows it, its outcome counts as open.
      else if (this.#lookup.holders(name).some((holder) => holder.node === node)) this.#pending.made(name);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
    }
  }

  /**
   * The volume that an inventory shows, confirmed by its node. The report of a node that the volume may not be on counts only where this
   * process has made it there, or where the node that it was given to reports it, too: otherwise any node could hold up, or refuse, a
   * creation on another.
   */
  async #shown(request: VolumeRequest, signal: AbortSignal): Promise<Volume | undefined> {
    const { name, accessibility } = request;
    const sentTo = this.#pending.sentTo(name);
    const claiming = this.#lookup.holders(name);
    const isThere = (node: NodeName | undefined) => node !== undefined && accepts(accessibility, node);
    const shown = claiming.filter(
      (member) => isThere(member.node) || member.node === sentTo || isThere(this.#lookup.movedTo(member, name)?.node),
    );
    const alone = shown.length === 1 && shown.every(({ node }) => accepts(accessibility, node));
    // A single one is confirmed by the creation that follows.
    const holders = alone ? shown : await this.#lookup.having(shown, name, signal);
    const [holder, another] = holders;
    if (!holder) return undefined;
    if (another) {
      const nodes = holders.map(({ node }) => node).join(', ');
      throw new Failure('exists', `volume "${name}" exists on nodes ${nodes}: remove those that nothing refers to`);
    }
    const moved = this.#lookup.movedTo(holder, name);
    if (moved && isThere(moved.node)) return this.#moved(holder.node, moved, request, signal);
    if (!holder.connected) throw new Failure('unavailable', `volume "${name}" exists: ${disconnection(holder)}`);
    if (!isThere(holder.node)) throw elsewhere(name, holder.node);
    return this.#again(holder, offerWhere(holder, request), request, signal);
  }

  /** The volume whose creation was sent to a node by this process, where the outcome is open. */
  async #unsettled(request: VolumeRequest, signal: AbortSignal): Promise<Volume | undefined> {
    const { name, parameters, accessibility } = request;
    const node = this.#pending.nodeOf(name);
    if (node === undefined) return undefined;
    const member = this.#options.registry.member(node);
    if (member && !member.connected) {
      throw new Failure('unavailable', `whether volume "${name}" was made is not known: ${disconnection(member)}`);
    }
    if (member) {
      const offer = offerOf(member.storage.inventory(), parameters);
      if ('pool' in offer && accepts(accessibility, node)) return this.#again(member, offer, request, signal);
      const [holder] = await this.#lookup.having([member], name, signal);
      if (holder && !accepts(accessibility, node)) throw elsewhere(name, node);
      // Its pool may have come back since the last report.
      if (holder) return this.#again(holder, offerWhere(holder, request), request, signal);
    }
    this.#pending.forget(name);
    return undefined;
  }

  async #make(request: VolumeRequest, signal: AbortSignal): Promise<Volume> {
    const assessments = place(this.#places(request), request, this.#options.packing, {
      comingTo: (node) => this.#pending.comingTo(node),
      unanswering: (node) => this.#pending.unanswering(node),
    });
    const able = assessments.some(({ is }) => is === 'able');
    // Before every node is refused for want of room, one is asked: its inventory may be behind.
    const asked = able ? undefined : assessments.find(({ is }) => is === 'full');
    const refusals: Refusal[] = [];
    const passed = new Set<NodeName>();
    for (const assessment of assessments) {
      const { is, node } = assessment;
      if (is === 'disconnected') {
        throw new Failure('unavailable', `${assessment.message}, and may hold volume "${request.name}" already`);
      } else if (is === 'able' || (is === 'full' && assessment === asked)) {
        // Not awaited without need: several creations at once would all choose a node before the first of them is sent.
        if (passed.size > 0) await this.#lookFor(passed, request, signal);
        try {
          return await this.#send(assessment.member, assessment.offer, request, signal);
        } catch (error) {
          if (!isFailure(error, 'exhausted')) throw error;
          refusals.push({ node, reason: 'full', message: error.message });
        }
      } else {
        refusals.push({ node, ...assessment.why });
        if (assessment.why.reason !== 'no-pool') passed.add(node);
      }
    }
    await this.#lookFor(passed, request, signal);
    throw this.#refusal(request, refusals);
  }

  /**
   * Nodes that the volume is not made on may have it: an earlier call may have chosen them, and an inventory does not show what is in a
   * group that is away. Without a topology no lookup is needed: RESOURCE_EXHAUSTED then leads to no other node.
   */
  async #lookFor(nodes: Set<NodeName>, request: VolumeRequest, signal: AbortSignal): Promise<void> {
    if (request.accessibility.requisite === undefined) return;
    const members = [...nodes].flatMap((node) => this.#options.registry.member(node) ?? []);
    nodes.clear();
    const [holder] = await this.#lookup.having(members, request.name, signal);
    if (!holder) return;
    throw new Failure('unavailable', `volume "${request.name}" exists on node ${holder.node}, or may: try again`);
  }

  /** Throws `unavailable` for a request without topology while nodes may still have to attach. */
  #places({ name, accessibility: { requisite } }: VolumeRequest): Place[] {
    const { registry } = this.#options;
    if (requisite === undefined) {
      if (!registry.awaits()) return registry.members().map((member) => ({ node: member.node, member }));
      throw new Failure('unavailable', `nodes are still connecting, and one may hold volume "${name}" already`);
    }
    return [...requisite].flatMap((node) => {
      const member = registry.member(node);
      return member || (registry.awaits(node) && !registry.isOut(node)) ? [{ node, member }] : [];
    });
  }

  #refusal({ parameters, accessibility }: VolumeRequest, refusals: readonly Refusal[]): Failure {
    if (accessibility.requisite === undefined && refusals.length === 0) {
      return new Failure('unavailable', 'no node is connected to this controller');
    }
    // Of all codes this one alone makes the provisioner ask the scheduler for another node.
    if (refusals.length === 0) return new Failure('exhausted', 'no node of the topology asked for is served here');
    const known = refusals.every(({ reason }) => reason === 'no-pool') && this.#options.registry.knownPools();
    if (!known || (parameters.pool !== undefined && known.has(parameters.pool))) return refusalOf(refusals);
    const names = [...known].slice(0, 20).join(', ') || 'none is configured';
    return new Failure('invalid', `parameters: there is no pool "${parameters.pool ?? ''}"; known: ${names}`);
  }

  /** Creates the volume, or returns the existing one. `undefined`: the node says that it has neither the volume nor room for it. */
  async #again(member: Member, offer: Offer, request: VolumeRequest, signal: AbortSignal): Promise<Volume | undefined> {
    try {
      return await this.#send(member, offer, request, signal);
    } catch (error) {
      if (isFailure(error, 'exhausted')) return undefined;
      throw error;
    }
  }

  async #send(member: Member, offer: Offer, request: VolumeRequest, signal: AbortSignal): Promise<Volume> {
    const spec = specOf(request, offer);
    try {
      return await this.#pending.send(member, spec, signal);
    } catch (error) {
      if (!isFailure(error, 'elsewhere') || error.node === undefined) throw error;
      return this.#given(member.node, error.node, spec, request, signal);
    }
  }

  /** The volume that was born on one node and is on another, as both report. */
  async #moved(birth: NodeName, to: Member, request: VolumeRequest, signal: AbortSignal): Promise<Volume> {
    if (!to.connected) throw new Failure('unavailable', `volume "${request.name}" exists: ${disconnection(to)}`);
    return this.#given(birth, to.node, specOf(request, offerWhere(to, request)), request, signal);
  }

  /** The volume of that name that was born on the node that was asked, and is on another one. */
  async #given(
    birth: NodeName,
    node: NodeName,
    spec: VolumeSpec,
    { name, accessibility }: VolumeRequest,
    signal: AbortSignal,
  ): Promise<Volume> {
    const volume = await this.#lookup.given(birth, node, name, signal);
    const fits = incompatibilities(volume, spec).length === 0 && accepts(accessibility, volume.node);
    if (!fits) throw elsewhere(name, volume.node);
    return volume;
  }
}

/** The offer of the node that has the volume. Throws where it cannot serve the request. */
function offerWhere({ node, storage }: Member, { name, parameters }: VolumeRequest): Offer {
  const offer = offerOf(storage.inventory(), parameters);
  if ('pool' in offer) return offer;
  const kind = offer.reason === 'not-ready' || offer.reason === 'no-encryption' ? 'unavailable' : 'exists';
  throw new Failure(kind, `volume "${name}" exists on node ${node}, but ${offer.message}`);
}

function specOf({ name, size, parameters, source }: VolumeRequest, { pool, layout }: Offer): VolumeSpec {
  const { mkfsOptions, snapshotRoom, erase } = parameters;
  const qos = applyChange(noQos, parameters.qos);
  const encryption = encryptionFrom(parameters);
  return { name, size, pool: pool.spec.name, layout, mkfsOptions, qos, snapshotRoom, source, erase, encryption };
}

function elsewhere(name: string, node: NodeName): Failure {
  return new Failure('exists', `volume "${name}" exists on node ${node} and does not fit what is asked for now`);
}
