import type { PersistentVolumes } from '../../app/feature.ts';
import { messageOf, isFailure } from '../../domain/errors.ts';
import { type Fleet, knownInventory, type Member } from '../../domain/fleet.ts';
import type { NodeName } from '../../domain/ids.ts';
import { printRecord } from '../../domain/persistent-volume.ts';
import type { Volume } from '../../domain/volume.ts';
import type { Log } from '../../log.ts';

export interface RecorderOptions {
  readonly fleet: Pick<Fleet, 'members'>;
  readonly volumes: Pick<PersistentVolumes, 'watched' | 'records'>;
  readonly log: Log;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** Milliseconds after which all PersistentVolumes are compared again: their class or policy may have changed. */
const compareAgain = 30 * 60_000;

interface Placed {
  readonly member: Member;
  readonly volume: Volume;
}

/** Records on each volume what its PersistentVolume is, so that it can be written again after the cluster is lost. */
export class Recorder {
  readonly #options: RecorderOptions;
  #compared = Number.NEGATIVE_INFINITY;
  /** Volumes without a record that the last list gave none for. */
  #tried = new Set<string>();
  /** Nodes of an older version, until the next comparison of all. */
  #old = new Set<NodeName>();

  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  /** Lists the PersistentVolumes only if a volume has one and no record yet, or if the last comparison is long ago. */
  async look(signal: AbortSignal): Promise<void> {
    const now = (this.#options.now ?? Date.now)();
    const due = now - this.#compared >= compareAgain;
    if (due) {
      this.#tried = new Set();
      this.#old = new Set();
    }
    const watched = this.#options.volumes.watched();
    const placed = this.#placed();
    if (watched === undefined || (!due && !this.#lacking(watched, placed))) return;
    for (let token: string | undefined; ;) {
      const { records, next } = await this.#options.volumes.records(token, signal);
      for (const { volume, record } of records) await this.#record(placed.get(volume), printRecord(record), signal);
      if (next === undefined) break;
      token = next;
    }
    for (const [id, { volume }] of placed) {
      if (volume.persistentVolume === undefined && watched.has(id)) this.#tried.add(id);
    }
    if (due) this.#compared = now;
  }

  #lacking(watched: ReadonlySet<string>, placed: ReadonlyMap<string, Placed>): boolean {
    return [...placed].some(
      ([id, { volume }]) => volume.persistentVolume === undefined && watched.has(id) && !this.#tried.has(id),
    );
  }

  /** The volumes of connected nodes, without copies and without those that are not whole. */
  #placed(): Map<string, Placed> {
    const placed = new Map<string, Placed>();
    for (const member of this.#options.fleet.members()) {
      if (!member.connected || this.#old.has(member.node)) continue;
      for (const [id, volume] of knownInventory(member)?.volumes ?? []) {
        if (volume.role === undefined && volume.state === 'ready') placed.set(id, { member, volume });
      }
    }
    return placed;
  }

  async #record(found: Placed | undefined, text: string, signal: AbortSignal): Promise<void> {
    if (!found || found.volume.persistentVolume === text || this.#old.has(found.member.node)) return;
    const { member, volume } = found;
    try {
      await member.storage.record(volume.id, text, signal);
    } catch (error) {
      if (isFailure(error, 'unimplemented')) this.#old.add(member.node);
      this.#options.log.warn({ volume: volume.id, reason: messageOf(error) }, 'a PersistentVolume was not recorded');
      signal.throwIfAborted();
    }
  }
}
