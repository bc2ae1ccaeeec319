import type { Cryptsetup, KeySlots } from '../../../src/block/luks/cryptsetup.ts';
import { type Luks2, luksHeader } from '../../../src/domain/encryption.ts';
import { Failure } from '../../../src/domain/errors.ts';
import type { Content } from '../../../src/domain/filesystems.ts';
import type { FakeDevices } from './fake-devices.ts';

/** Those that were overwritten, and are still in the header; and the marks, by token. */
interface Slots {
  readonly dead: Set<string>;
  readonly marks: Map<string, string>;
}

/** What a device begins with; `half`: its luksFormat was cut off, and cryptsetup reads it no more than if there were none. */
export type Header =
  | {
      readonly uuid: string;
      readonly keys: Set<string>;
      readonly half?: true;
      readonly slots?: Slots;
      readonly coded?: true;
    }
  | { readonly other: string };

/** cryptsetup over devices in memory. `change` may throw before or after each change, as a process that dies. */
export class FakeLuks implements Cryptsetup {
  readonly headers = new Map<string, Header>();
  /** Devices with integrity whose content can be read. */
  readonly written = new Set<string>();
  readonly #devices: FakeDevices;
  readonly #change: <T>(what: string, effect: () => T) => T;

  constructor(devices: FakeDevices, change: <T>(what: string, effect: () => T) => T = (_, effect) => effect()) {
    this.#devices = devices;
    this.#change = change;
  }

  probe = async (device: string): Promise<Content> => {
    const header = this.headers.get(device);
    if (!header) return { holds: 'nothing' };
    if ('other' in header) return { holds: 'something', name: header.other };
    return { holds: 'something', name: 'crypto_LUKS', uuid: header.uuid };
  };

  async format(device: string, { integrity }: Luks2, uuid: string, passphrase: string): Promise<void> {
    const before = this.headers.get(device);
    if (before && ('other' in before || before.uuid !== uuid)) throw new Error('DATA LOST');
    this.#change('begin format', () => void this.headers.set(device, { uuid, keys: new Set(), half: true }));
    const coded = integrity && ({ coded: true } as const);
    this.#change('format', () => void this.headers.set(device, { uuid, keys: new Set([passphrase]), ...coded }));
    this.written.delete(device);
  }

  writeAll = async (device: string): Promise<void> =>
    this.#change('write all', () => void this.written.add(this.#devices.bottomOf(device)));

  async keysOf(device: string): Promise<KeySlots> {
    const { keys, slots } = this.#header(device);
    const all = [...keys, ...(slots?.dead ?? [])];
    const leaving = [...(slots?.marks ?? [])].map(([token, slot]) => ({
      token,
      slots: all.filter((one) => one === slot),
    }));
    return { slots: all, leaving };
  }

  /** A slot has the name of its passphrase. */
  async slotOf(device: string, passphrase: string): Promise<string | undefined> {
    return this.#header(device).keys.has(passphrase) ? passphrase : undefined;
  }

  async open(device: string, passphrase: string, target?: { readonly name: string }): Promise<boolean> {
    if (!this.#header(device).keys.has(passphrase)) return false;
    if (!target) return true;
    const size = this.#devices.get(device).size() - luksHeader;
    const path = `/dev/mapper/${target.name}`;
    const codes = this.#header(device).coded && `${path}_dif`;
    if (codes) this.#change('open codes', () => this.#devices.add(codes, () => size, device));
    this.#change('open', () => this.#devices.add(path, () => size, codes || device));
    return true;
  }

  async addKey(device: string, _encryption: object, { current, previous }: { current: string; previous: string }) {
    if (!this.#header(device).keys.has(previous)) return false;
    this.#change('add', () => void this.#header(device).keys.add(current));
    return true;
  }

  async markLeaving(device: string, slot: string): Promise<void> {
    this.#change('mark', () => void this.#slots(device).marks.set('0', slot));
  }

  async killSlot(device: string, slot: string, passphrase: string): Promise<void> {
    const { keys } = this.#header(device);
    if (slot === passphrase || !keys.has(passphrase)) throw new Error('DATA LOST');
    const { dead } = this.#slots(device);
    this.#change('overwrite', () => void (keys.delete(slot) && dead.add(slot)));
    this.#change('kill', () => void dead.delete(slot));
  }

  async removeMark(device: string, token: string): Promise<void> {
    this.#change('unmark', () => void this.#slots(device).marks.delete(token));
  }

  #slots(device: string): Slots {
    const header = this.#header(device);
    const slots = header.slots ?? { dead: new Set(), marks: new Map() };
    this.headers.set(device, { ...header, slots });
    return slots;
  }

  async destroyKeys(device: string): Promise<void> {
    const header = this.headers.get(device);
    if (header && 'keys' in header) this.#change('destroy', () => header.keys.clear());
  }

  async resize(name: string): Promise<void> {
    const path = `/dev/mapper/${name}`;
    const below = this.#devices.bottomOf(path);
    this.#change('resize', () => this.#devices.resize(path, this.#devices.get(below).size() - luksHeader));
  }

  async close(name: string): Promise<void> {
    const path = `/dev/mapper/${name}`;
    this.#change('close', () => this.#devices.remove(path));
    if (this.#devices.has(`${path}_dif`)) this.#change('close codes', () => this.#devices.remove(`${path}_dif`));
  }

  #header(device: string) {
    const header = this.headers.get(device);
    if (!header || 'other' in header || header.half) throw new Failure('unavailable', `${device} has no header`);
    return header;
  }
}
