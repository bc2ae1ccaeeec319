import { type FailureKind, isFailure } from '../domain/errors.ts';
import type { Member } from '../domain/fleet.ts';
import type { NodeName } from '../domain/ids.ts';
import type { VolumeSpec, Volume } from '../domain/volume.ts';

/** With these a node says that it made no volume. After any other it may have made one, or may be making it now. */
const definite: readonly FailureKind[] = [
  'invalid',
  'exists',
  'exhausted',
  'out-of-range',
  'precondition',
  'unimplemented',
];

/** Sends creations to nodes, and remembers by name where one went until that node has said what became of it. */
export class Attempts {
  readonly #open = new Map<string, NodeName>();

  nodeOf(name: string): NodeName | undefined {
    return this.#open.get(name);
  }

  forget(name: string): void {
    this.#open.delete(name);
  }

  async send({ node, storage }: Member, spec: VolumeSpec, signal: AbortSignal): Promise<Volume> {
    this.#open.set(spec.name, node);
    try {
      const volume = await storage.create(spec, signal);
      this.#open.delete(spec.name);
      return volume;
    } catch (error) {
      if (definite.some((kind) => isFailure(error, kind))) this.#open.delete(spec.name);
      throw error;
    }
  }
}
