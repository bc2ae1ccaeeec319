import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { areaSectors, areasOf, type Region, regionsOf } from './areas.ts';
import type { Cut } from './cuts.ts';
import type { Log } from './log.ts';
import type { Entry } from './log-format.ts';
import type { Fingerprints } from './played-cuts.ts';
import { readAt } from './read-at.ts';
import { run, runScript } from './run.ts';

const sectorBytes = 512;
const areaBytes = areaSectors * sectorBytes;

/** The disks as the log left them at one entry: the base in an overlay, which device-mapper also counts the reads of. */
export class Replayed implements AsyncDisposable {
  readonly #name: string;
  readonly #file: FileHandle;
  readonly #log: Log;
  readonly #regions: readonly Region[];
  readonly #fingerprints = new Map<number, string>();

  private constructor(name: string, file: FileHandle, log: Log, areas: ReadonlySet<number>) {
    this.#name = name;
    this.#file = file;
    this.#log = log;
    this.#regions = regionsOf(areas);
    for (const area of areas) this.#look(area);
  }

  /** @param differing the entries that cuts differ in */
  static async open(name: string, log: Log, differing: readonly Entry[]): Promise<Replayed> {
    const file = await open(`/dev/mapper/${name}`, 'r+');
    const replayed = new Replayed(name, file, log, new Set(differing.flatMap(areasOf)));
    const steps = replayed.#regions.map(
      ({ first, length }) => `${first * areaSectors}+${length * areaSectors} ${areaSectors}`,
    );
    for (const step of steps) await run('dmsetup', 'message', name, '0', `@stats_create ${step}`);
    return replayed;
  }

  /** Of all areas that cuts differ in. */
  get fingerprints(): Fingerprints {
    return this.#fingerprints;
  }

  /** Writes these entries. Discards leave the old data, as a disk may. Returns what puts the bytes back that were there. */
  async #write(entries: readonly Entry[]): Promise<() => Promise<void>> {
    const before: [position: number, bytes: Buffer, entry: Entry][] = [];
    for (const entry of entries) {
      if (entry.kind !== 'write' || entry.sectors === 0) continue;
      const data = this.#log.data(entry);
      const position = entry.sector * sectorBytes;
      const bytes = readAt(this.#file.fd, position, data.length);
      if (bytes.equals(data)) continue;
      before.unshift([position, bytes, entry]);
      await this.#put(position, data, entry);
    }
    if (before.length > 0) await this.#file.sync();
    return async () => {
      for (const [position, bytes, entry] of before) await this.#put(position, bytes, entry);
      if (before.length > 0) await this.#file.sync();
    };
  }

  /** Does `work` on the disks of each of these cuts, which are in the order of their prefixes, for as long as it answers `true`. */
  async over(cuts: readonly Cut[], work: (cut: Cut) => Promise<boolean>): Promise<void> {
    const { entries } = this.#log;
    let applied = 0;
    for (const cut of cuts) {
      await this.#write(entries.slice(applied, cut.prefix));
      applied = cut.prefix;
      const restore = await this.#write(cut.further.map((further) => entries[further] as Entry));
      if (!(await work(cut))) return;
      await restore();
    }
  }

  /** The areas that were read since the last call, in overlays of these disks: an area that was overwritten as a whole is read from there. */
  async takeRead(): Promise<number[]> {
    const regions = this.#regions.map((_, index) => `dmsetup message ${this.#name} 0 @stats_print_clear ${index}`);
    const lines = (await runScript(['set -e', ...regions].join('\n'))).split('\n');
    return lines.flatMap((line) => {
      const [, start, reads] = /^(\d+)\+\d+ (\d+) /.exec(line) ?? [];
      return reads === undefined || reads === '0' ? [] : [Number(start) / areaSectors];
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }

  async #put(position: number, bytes: Buffer, entry: Entry): Promise<void> {
    await this.#file.write(bytes, 0, bytes.length, position);
    for (const area of areasOf(entry)) if (this.#fingerprints.has(area)) this.#look(area);
  }

  #look(area: number): void {
    const bytes = readAt(this.#file.fd, area * areaBytes, areaBytes);
    this.#fingerprints.set(area, createHash('md5').update(bytes).digest('base64'));
  }
}
