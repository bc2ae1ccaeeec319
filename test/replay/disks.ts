import { execFile } from 'node:child_process';
import { readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { type Entry, parseLog } from './log-format.ts';
import { marks } from './cuts.ts';

/** The disks of the pools, in MiB. They lie one after the other on one device, so that one log has the writes of all in their order. */
const sizes = [640, 640, 512, 512, 128, 96];
/** Fixed numbers, so that the kernel's names are known. */
const firstMinor = 200;
export const diskPaths: readonly string[] = sizes.map((_, index) => `/dev/dm-${firstMinor + index}`);
/** The size of the guest's disk below them. */
export const baseSize = '3G';

const base = '/dev/ubda';
/** Of the two ram disks that the overlays write into, and of that for the log: KiB at most; they take what is written. */
const ramKiB = 700_000;
const ram = { recording: '/dev/ram0', replay: '/dev/ram1', cut: '/dev/ram2', log: '/dev/ram3' };
const sectorBytes = 512;
const sectorsPerMiB = 2048;

const runFile = promisify(execFile);

/** Runs a program of the guest, and answers its output; rejects if it fails. */
export async function run(program: string, ...words: string[]): Promise<string> {
  // Without udev, device-mapper's tools make the nodes themselves.
  const env = { ...process.env, LC_ALL: 'C', DM_DISABLE_UDEV: '1' };
  const { stdout } = await runFile(program, words, { env, maxBuffer: 1 << 26 });
  return stdout;
}

/**
 * The disks of a guest, stacked with device-mapper over a base that is written while it is built, and never again: what is
 * written above goes to ram disks, and is dropped with the stack.
 */
export class Disks {
  readonly #sectors: number;
  #replay: FileHandle | undefined;

  private constructor(sectors: number) {
    this.#sectors = sectors;
  }

  static async open(): Promise<Disks> {
    await run('modprobe', '-a', 'dm-log-writes', 'dm-snapshot', 'dm-thin-pool', 'dm-raid', 'dm-mirror', 'dm-crypt');
    await run('modprobe', 'brd', 'rd_nr=4', `rd_size=${ramKiB}`);
    return new Disks(Number(await run('blockdev', '--getsz', base)));
  }

  /** Runs `work` on the base itself. */
  async building(work: () => Promise<void>): Promise<void> {
    await this.#create(...this.#slices(base));
    await work();
    await this.remove();
  }

  /** Runs `work` on the base, and answers the log of all that was written. `work` sets the marks. */
  async recording(work: () => Promise<void>): Promise<Entry[]> {
    await this.#create(this.#overlay('recorded', base, ram.recording));
    await this.#create(`logged,,,rw,0 ${this.#sectors} log-writes /dev/mapper/recorded ${ram.log}`);
    await this.#create(...this.#slices('/dev/mapper/logged'));
    await work();
    await this.remove();
    await using log = await Log.open();
    return log.entries;
  }

  /** Marks the log. With `flushed`, after a flush of the disks. */
  async mark(label: keyof typeof marks, { flushed }: { readonly flushed: boolean }): Promise<void> {
    if (flushed) {
      await using disk = await open(diskPaths[0] as string, 'r+');
      await disk.sync();
    }
    await run('dmsetup', 'message', 'logged', '0', 'mark', marks[label]);
  }

  /** Begins a replay: the base, to which entries of the log are written in their order. */
  async beginReplay(): Promise<void> {
    await this.#create(this.#overlay('replayed', base, ram.replay));
    this.#replay = await open('/dev/mapper/replayed', 'r+');
  }

  /** Writes these entries to the replayed disks. Answers whether that changed any byte. */
  async replay(log: Log, entries: readonly Entry[]): Promise<boolean> {
    if (!this.#replay) throw new Error('no replay has begun');
    return writeEntries(this.#replay, log, entries);
  }

  /** Makes the disks of one cut, over those replayed so far, with further entries. */
  async beginCut(log: Log, further: readonly Entry[]): Promise<void> {
    await this.#create(this.#overlay('cut', '/dev/mapper/replayed', ram.cut), ...this.#slices('/dev/mapper/cut'));
    if (further.length === 0) return;
    await using file = await open('/dev/mapper/cut', 'r+');
    await writeEntries(file, log, further);
  }

  async endReplay(): Promise<void> {
    await this.#replay?.close();
    this.#replay = undefined;
    await this.remove();
  }

  /** Removes all devices but those of a replay, whatever is on them. Throws if one is in use. */
  async remove(): Promise<void> {
    await run('dmsetup', 'remove_all');
    const left = (await run('dmsetup', 'info', '--columns', '--noheadings', '-o', 'name')).split('\n');
    const unexpected = left.filter((name) => !['', 'No devices found', 'replayed'].includes(name));
    if (unexpected.length > 0) throw new Error(`still in use: ${unexpected.join(', ')}`);
  }

  /** A snapshot that forgets its changes when it is removed. */
  #overlay(name: string, origin: string, changes: string): string {
    return `${name},,,rw,0 ${this.#sectors} snapshot ${origin} ${changes} N 8`;
  }

  #slices(on: string): string[] {
    let start = sectorsPerMiB;
    return sizes.map((size, index) => {
      const length = size * sectorsPerMiB;
      start += length;
      return `disk${index},,${firstMinor + index},rw,0 ${length} linear ${on} ${start - length}`;
    });
  }

  async #create(...devices: string[]): Promise<void> {
    await run('dmsetup', 'create', '--concise', devices.join(';'));
  }
}

/** The log's device, open for its data. */
export class Log implements AsyncDisposable {
  readonly entries: Entry[];
  readonly #file: FileHandle;

  private constructor(file: FileHandle, entries: Entry[]) {
    this.#file = file;
    this.entries = entries;
  }

  static async open(): Promise<Log> {
    const file = await open(ram.log, 'r');
    return new Log(
      file,
      parseLog((offset, length) => readAt(file.fd, offset, length)),
    );
  }

  data({ data, sectors }: Entry): Buffer {
    return readAt(this.#file.fd, data, sectors * sectorBytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}

/** Discards leave the old data, as a disk may. */
async function writeEntries(file: FileHandle, log: Log, entries: readonly Entry[]): Promise<boolean> {
  let changed = false;
  for (const entry of entries) {
    if (entry.kind !== 'write') continue;
    const data = log.data(entry);
    const position = entry.sector * sectorBytes;
    if (readAt(file.fd, position, data.length).equals(data)) continue;
    await file.write(data, 0, data.length, position);
    changed = true;
  }
  if (changed) await file.sync();
  return changed;
}

function readAt(fd: number, offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let done = 0; done < length;) {
    const read = readSync(fd, bytes, done, length - done, offset + done);
    if (read === 0) throw new Error(`the device ends at ${offset + done}`);
    done += read;
  }
  return bytes;
}
