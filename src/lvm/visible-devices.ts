/** Where the devices come from, by path, and how LVM gets them. */
export interface VisibleDevicesOptions {
  /** The devices of our groups. */
  readonly members: () => Iterable<string>;
  /** Those that LVM must not look at. */
  readonly hidden: () => ReadonlyMap<string, unknown>;
  /** Lets LVM see exactly these devices; returns whether it saw others before. */
  readonly write: (devices: readonly string[]) => Promise<boolean>;
  readonly changed: () => void;
}

/** Decides which devices LVM sees: those of our groups, and others that a search has found, without those that hang. */
export class VisibleDevices {
  readonly #options: VisibleDevicesOptions;
  #others: readonly string[] = [];
  #tail: Promise<void> = Promise.resolve();

  constructor(options: VisibleDevicesOptions) {
    this.#options = options;
  }

  /** @param others absent: as the last time */
  show(others = this.#others): Promise<void> {
    this.#others = others;
    const written = this.#tail.then(() => this.#write());
    this.#tail = written.catch(() => undefined);
    return written;
  }

  async #write(): Promise<void> {
    const { members, hidden, write, changed } = this.#options;
    const without = hidden();
    const devices = [...new Set([...members(), ...this.#others])].filter((device) => !without.has(device));
    if (await write(devices.sort())) changed();
  }
}
