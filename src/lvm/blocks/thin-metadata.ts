import type { Extent } from '../../domain/changed-blocks.ts';
import type { LvName } from '../../domain/ids.ts';
import type { RunStream } from '../../exec/stream.ts';
import { MetadataSnapshots, type MetadataSnapshotsOptions } from './metadata-snapshots.ts';
import type { ThinPoolName } from './pool-device.ts';
import { devicePath } from '../names.ts';
import { MappingParser } from './thin-mappings.ts';

export interface ThinMetadataOptions extends MetadataSnapshotsOptions {
  readonly stream: RunStream;
  /** The command line of a program of the host, or of this container. */
  readonly hosted: (program: string) => readonly [string, ...string[]];
}

/** Milliseconds in which the tools must give more output; a disk that hangs lets them give none. */
const patience = 60_000;

/** Which blocks thin volumes have, from the metadata of their pool. */
export class ThinMetadata {
  readonly snapshots: MetadataSnapshots;
  readonly #options: ThinMetadataOptions;

  constructor(options: ThinMetadataOptions) {
    this.#options = options;
    this.snapshots = new MetadataSnapshots(options);
  }

  /**
   * Lists of the ranges that a thin volume has blocks for, or, with two volumes, that differ between them; in ascending order, in whole blocks, so that the last one
   * may end after the volume. The volumes are given by their UUIDs. Throws as `MetadataSnapshots` does, and `unavailable` if the list could not be read
   * to its end.
   */
  async *ranges(
    pool: ThinPoolName,
    uuids: readonly [string] | readonly [string, string],
    signal: AbortSignal,
  ): AsyncGenerator<readonly Extent[], void, undefined> {
    await using reservation = await this.snapshots.reserve(pool, uuids, signal);
    const [first = 0, second] = reservation.thinIds;
    const parser = second === undefined ? new MappingParser(first) : new MappingParser(first, second);
    for await (const piece of this.#options.stream(this.#command(pool, first, second), { signal, patience })) {
      yield Array.from(parser.push(piece), ({ begin, end }) => {
        const size = parser.blockSize;
        return { start: BigInt(begin) * size, length: BigInt(end - begin) * size };
      });
    }
    parser.finish();
  }

  #command(pool: ThinPoolName, first: number, second: number | undefined): readonly [string, ...string[]] {
    const { hosted } = this.#options;
    const device = devicePath(pool.group, `${pool.lv}_tmeta` as LvName);
    if (second === undefined) return [...hosted('thin_dump'), '--metadata-snap', '--dev-id', String(first), device];
    const pair = ['--snap1', String(first), '--snap2', String(second)];
    return [...hosted('thin_delta'), '--metadata-snap', ...pair, device];
  }
}
