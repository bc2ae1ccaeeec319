import { open } from 'node:fs/promises';
import { marks } from './cuts.ts';
import { Log } from './log.ts';
import { mappedDevices } from './mapped-devices.ts';
import { Replayed } from './replayed.ts';
import { run } from './run.ts';

/** The disks of the pools, in MiB. They lie one after the other on one device, so that one log has the writes of all in their order. */
const sizes = [640, 640, 512, 512, 128, 96];
/** Fixed numbers, so that the kernel's names are known. */
const firstMinor = 200;
export const diskPaths: readonly string[] = sizes.map((_, index) => `/dev/dm-${firstMinor + index}`);
/** Of a cut, over which the disks are slices. */
const cutMinor = firstMinor - 1;
/** The size of the guest's disk below them. */
export const baseSize = '3G';

const base = '/dev/ubda';
/** Of the ram disks that the overlays write into, and of that for the log: KiB at most; they take what is written. */
const ramKiB = 700_000;
const ram = {
  recording: '/dev/ram0',
  replayed: '/dev/ram1',
  cut: '/dev/ram2',
  operation: '/dev/ram3',
  again: '/dev/ram4',
  recovery: '/dev/ram5',
};
/** The disks as a log left them at a cut: of the operation, and, over that, of the recovery from such a cut. */
const replays = { operation: 'replayed', recovery: 'again' } as const;
/** What was logged. */
export type Logged = keyof typeof replays;
const sectorsPerMiB = 2048;

/**
 * The disks of a guest, stacked with device-mapper over a base that is written while it is built, and never again: what is
 * written above goes to ram disks, and is dropped with the stack.
 */
export class Disks {
  readonly #sectors: number;

  private constructor(sectors: number) {
    this.#sectors = sectors;
  }

  static async open(): Promise<Disks> {
    await run(
      'modprobe',
      '-a',
      'dm-log-writes',
      'dm-snapshot',
      'dm-thin-pool',
      'dm-raid',
      'dm-mirror',
      'dm-crypt',
      'dm-integrity',
    );
    await run('modprobe', 'brd', `rd_nr=${Object.keys(ram).length}`, `rd_size=${ramKiB}`);
    return new Disks(Number(await run('blockdev', '--getsz', base)));
  }

  /** Runs `work` on the base itself. */
  async building(work: () => Promise<void>): Promise<void> {
    await this.#create(...this.#slices(base));
    await work();
    await this.remove();
  }

  /** Runs `work` on the base, and logs all that was written. `work` sets the marks. */
  async recording(work: () => Promise<void>): Promise<void> {
    await this.#create(this.#overlay('recorded', base, ram.recording));
    await this.#createLogged('/dev/mapper/recorded', 'operation');
    await work();
    await this.remove();
  }

  /** The last log of it. */
  openLog(logged: Logged): Promise<Log> {
    return Log.open(ram[logged]);
  }

  /** Marks the log. With `flushed`, after a flush of the disks. */
  async mark(label: keyof typeof marks, { flushed }: { readonly flushed: boolean }): Promise<void> {
    if (flushed) {
      await using disk = await open(diskPaths[0] as string, 'r+');
      await disk.sync();
    }
    await run('dmsetup', 'message', 'logged', '0', 'mark', marks[label]);
  }

  /** Begins a replay: the base, to which entries of the log are written. It ends with `remove` after the result is closed. */
  async beginReplay(log: Log): Promise<Replayed> {
    await this.#create(this.#overlay(replays.operation, base, ram.replayed));
    const begin = log.entries.findIndex(({ kind }) => kind === 'mark');
    return Replayed.open(replays.operation, log, log.entries.slice(begin));
  }

  /** The same with the log of a recovery, over the cut that it began with. Its reads are not counted. */
  async beginReplayAgain(log: Log): Promise<Replayed> {
    await this.#create(this.#overlay(replays.recovery, `/dev/mapper/${replays.operation}`, ram.again));
    return Replayed.open(replays.recovery, log, []);
  }

  /** Makes the disks of one cut, over those replayed so far. With `logged`, what is written to them is logged as a recovery. */
  async beginCut(replay: Logged, { logged }: { readonly logged: boolean }): Promise<void> {
    const cut = this.#overlay('cut', `/dev/mapper/${replays[replay]}`, ram.cut, cutMinor);
    const on = `/dev/dm-${cutMinor}`;
    if (logged) await this.#createLogged(on, 'recovery', cut);
    else await this.#create(cut, ...this.#slices(on));
  }

  /** From now on, this disk answers each request with an error. It has one of the paths of `diskPaths`. */
  async pull(device: string): Promise<void> {
    const index = diskPaths.indexOf(device);
    const [name, size] = [`disk${index}`, sizes[index]];
    if (size === undefined) throw new Error(`there is no disk ${device}`);
    await run('dmsetup', 'suspend', '--noflush', '--nolockfs', name);
    await run('dmsetup', 'load', name, '--table', `0 ${size * sectorsPerMiB} error`);
    await run('dmsetup', 'resume', name);
  }

  /** Removes all devices but those of replays that are open, whatever is on them. Throws if one is in use. */
  async remove(): Promise<void> {
    await run('dmsetup', 'remove_all');
    const expected: readonly string[] = Object.values(replays);
    const unexpected = mappedDevices().filter(({ name }) => !expected.includes(name));
    if (unexpected.length > 0) throw new Error(`still in use: ${unexpected.map(({ name }) => name).join(', ')}`);
  }

  /** A snapshot that forgets its changes when it is removed. */
  #overlay(name: string, origin: string, changes: string, minor?: number): string {
    return `${name},,${minor ?? ''},rw,0 ${this.#sectors} snapshot ${origin} ${changes} N 8`;
  }

  /** @param below made first */
  async #createLogged(on: string, logged: Logged, ...below: string[]): Promise<void> {
    await this.#create(...below, `logged,,,rw,0 ${this.#sectors} log-writes ${on} ${ram[logged]}`);
    await this.#create(...this.#slices('/dev/mapper/logged'));
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
