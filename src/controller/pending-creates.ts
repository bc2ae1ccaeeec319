import type { Bytes } from '../domain/bytes.ts';
import { Failure, type FailureKind, isFailure } from '../domain/errors.ts';
import type { Member } from '../domain/fleet.ts';
import type { NodeName } from '../domain/ids.ts';
import type { VolumeSpec, Volume } from '../domain/volume.ts';

/** Kinds of failure after which a node has made no volume. After any other it may have made one, or may still be making it. */
const definite: readonly FailureKind[] = [
  'invalid',
  'exists',
  'exhausted',
  'out-of-range',
  'precondition',
  'unimplemented',
  'elsewhere',
];

/** More open outcomes than all nodes can have at once: only nodes that do not answer cause more. */
const mostOpen = 10_000;

/** Names whose node is remembered after the creation. */
const mostMade = 10_000;

/** Creations in a row without an answer, after which a node is passed over. */
const mostUnanswered = 3;

/** Sends creations to nodes, and remembers the node of each name until the outcome is known. */
export class PendingCreates {
  readonly #open = new Map<string, { readonly node: NodeName; readonly size: Bytes }>();
  /** The newest last. */
  readonly #made = new Map<string, NodeName>();
  readonly #coming = new Map<NodeName, bigint>();
  /** Creations in a row that a node left without an answer. */
  readonly #unanswered = new Map<NodeName, number>();

  nodeOf(name: string): NodeName | undefined {
    return this.#open.get(name)?.node;
  }

  /** The node that this process has sent the name to and that did not refuse it, as far as it is remembered. */
  sentTo(name: string): NodeName | undefined {
    return this.nodeOf(name) ?? this.#made.get(name);
  }

  /** Bytes of the volumes that were sent to a node, and are in no inventory yet. */
  comingTo(node: NodeName): bigint {
    return this.#coming.get(node) ?? 0n;
  }

  /** Whether the node is to be passed over while others have room: it attracts creations and does not answer. */
  unanswering(node: NodeName): boolean {
    return (this.#unanswered.get(node) ?? 0) >= mostUnanswered;
  }

  /** Gives each node that did not answer one more chance. Call it about once a minute. */
  forgive(): void {
    for (const [node, count] of this.#unanswered) {
      if (count > 1) this.#unanswered.set(node, Math.min(count, mostUnanswered) - 1);
      else this.#unanswered.delete(node);
    }
  }

  /** The names whose outcome is open, and where they went. */
  open(): { readonly name: string; readonly node: NodeName }[] {
    return [...this.#open].map(([name, { node }]) => ({ name, node }));
  }

  /** The node has the volume: nothing is open any more. */
  made(name: string): void {
    const node = this.nodeOf(name);
    this.forget(name);
    if (node === undefined) return;
    this.#made.set(name, node);
    const [oldest] = this.#made.keys();
    if (this.#made.size > mostMade && oldest !== undefined) this.#made.delete(oldest);
  }

  forget(name: string): void {
    this.#made.delete(name);
    const attempt = this.#open.get(name);
    if (attempt === undefined) return;
    this.#open.delete(name);
    const left = this.comingTo(attempt.node) - attempt.size;
    if (left > 0n) this.#coming.set(attempt.node, left);
    else this.#coming.delete(attempt.node);
  }

  async send({ node, storage }: Member, spec: VolumeSpec, signal: AbortSignal): Promise<Volume> {
    this.forget(spec.name);
    if (this.#open.size >= mostOpen) {
      throw new Failure('unavailable', `the outcomes of ${mostOpen} creations are not known yet: try again`);
    }
    const size = spec.size.required;
    this.#open.set(spec.name, { node, size });
    this.#coming.set(node, this.comingTo(node) + size);
    try {
      const volume = await storage.create(spec, signal);
      this.made(spec.name);
      this.#unanswered.delete(node);
      return volume;
    } catch (error) {
      if (definite.some((kind) => isFailure(error, kind))) {
        this.forget(spec.name);
        this.#unanswered.delete(node);
      } else if (isFailure(error, 'unavailable') || isFailure(error, 'cancelled')) {
        this.#unanswered.set(node, (this.#unanswered.get(node) ?? 0) + 1);
      }
      throw error;
    }
  }
}
