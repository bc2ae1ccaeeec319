import { Failure } from '../../domain/errors.ts';
import { type Fleet, inventoryOf, type Member } from '../../domain/fleet.ts';
import { parseVolumeId, type VolumeId } from '../../domain/ids.ts';
import { type Orphan, orphansOf, sight, type Sightings } from './sightings.ts';
import type { Volume } from '../../domain/volume.ts';

/** Which volumes Kubernetes has PersistentVolumes for. */
export interface PersistentVolumes {
  /** As far as watched; `undefined` while that is not known. */
  watched(): ReadonlySet<string> | undefined;
  /** Read anew and whole. Throws `unavailable`. */
  read(signal: AbortSignal): Promise<ReadonlySet<string>>;
}

export interface OrphansOptions {
  readonly fleet: Fleet;
  readonly claims: PersistentVolumes;
  /** Milliseconds that a volume is in no PersistentVolume before it counts as an orphan. */
  readonly grace: number;
  readonly now?: () => number;
}

/** Finds what is on disk and in no PersistentVolume. Nothing is done about it but what a person asks for, volume by volume. */
export class Orphans {
  readonly #options: OrphansOptions;
  readonly #now: () => number;
  #sightings: Sightings = new Map();

  constructor(options: OrphansOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /** To be called again and again: an orphan is what was loose at each look for the whole grace. */
  look(): void {
    const claimed = this.#options.claims.watched();
    if (!claimed) return;
    const volumes = this.#volumes();
    const reported = new Set(this.#members().map(({ node }) => node));
    // A node that is no member any longer was deleted: should it come back, its volumes begin anew.
    const gone = (id: VolumeId): boolean => {
      const node = parseVolumeId(id)?.node;
      return !node || reported.has(node) || !this.#options.fleet.member(node);
    };
    this.#sightings = sight(this.#sightings, volumes, claimed, { now: this.#now(), gone });
  }

  /** Throws `unavailable` while it is not known what Kubernetes claims. */
  list(): Orphan[] {
    if (!this.#options.claims.watched()) {
      throw new Failure('unavailable', 'which volumes have a PersistentVolume is not known now: try again');
    }
    this.look();
    return orphansOf(this.#volumes(), this.#sightings, { now: this.#now(), grace: this.#options.grace });
  }

  /** Whether the node that holds the volume can be asked about it. */
  connected({ node }: Volume): boolean {
    return this.#options.fleet.member(node)?.connected === true;
  }

  /** Records on the volume that it is meant to be in no PersistentVolume. */
  async retain(text: string, signal: AbortSignal): Promise<void> {
    const { volume, member } = this.#find(text);
    await member.storage.retain(volume.id, signal);
    this.look();
  }

  /** Deletes the volume for good, unless Kubernetes has come to claim it, which is asked anew. */
  async remove(text: string, signal: AbortSignal): Promise<void> {
    const { volume, member } = this.#find(text);
    const claimed = await this.#options.claims.read(signal);
    if (claimed.has(volume.id)) {
      throw new Failure('precondition', `volume ${volume.id} has a PersistentVolume by now: delete that, or its claim`);
    }
    // Somebody else may have released it meanwhile; the node knows.
    if ((await member.storage.find(volume.id, signal))?.retained) throw notOne(volume.id);
    await member.storage.remove(volume.id, signal);
    this.look();
  }

  #find(text: string): { volume: Volume; member: Member } {
    const parsed = parseVolumeId(text);
    const orphan = this.list().find(({ volume }) => volume.id === parsed?.id);
    if (!orphan) throw notOne(text);
    const member = this.#options.fleet.member(orphan.volume.node);
    if (member?.connected) return { volume: orphan.volume, member };
    throw new Failure('unavailable', `node ${orphan.volume.node} is disconnected: its volumes cannot be changed now`);
  }

  /** Those that have reported. */
  #members(): Member[] {
    return this.#options.fleet.members().filter((member) => !(inventoryOf(member) instanceof Failure));
  }

  #volumes(): Volume[] {
    return this.#members().flatMap(({ storage }) => Array.from(storage.inventory().volumes.values()));
  }
}

function notOne(id: string): Failure {
  return new Failure('precondition', `volume ${id} is none of the orphans that \`quarry orphans\` shows`);
}
