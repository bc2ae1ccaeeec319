import type { VolumeId } from '../../domain/ids.ts';
import { type RateKey, rateKeys, type Rates, type Use } from '../../domain/qos.ts';

/** What a pod has read and written of a volume. */
interface Used {
  readonly volume: VolumeId;
  readonly pod: string | undefined;
  readonly target: string;
  readonly use?: Use | undefined;
}

/** A volume counts as busy by its bytes a second, and each operation counts like so many bytes. */
const bytesPerOperation = 4096n;
/** Volumes that are told; a controller holds those of thousands of nodes. */
export const mostVolumes = 64;
/** Milliseconds between two looks: each one changes what every node with a pod that works sends. */
export const lookEvery = 30_000;

const counterOf = {
  readIops: 'reads',
  writeIops: 'writes',
  readBandwidth: 'readBytes',
  writeBandwidth: 'writtenBytes',
} as const satisfies Record<RateKey, keyof Use>;

/** Finds out from two looks at the kernel's counters what pods read and write. */
export class BusiestVolumes {
  readonly #list: () => Promise<readonly Used[]>;
  #counters = new Map<string, Use>();
  #looked: number | undefined;
  #uses: ReadonlyMap<VolumeId, Rates> = new Map();

  constructor(list: () => Promise<readonly Used[]>) {
    this.#list = list;
  }

  /** Rates since the look before, by volume. `now` is in milliseconds, of a clock that only goes forward. */
  async at(now: number): Promise<ReadonlyMap<VolumeId, Rates>> {
    if (this.#looked !== undefined && now - this.#looked < lookEvery) return this.#uses;
    const [before, counters] = [this.#counters, new Map<string, Use>()];
    const seconds = (now - (this.#looked ?? now)) / 1000;
    const uses = new Map<VolumeId, Map<RateKey, bigint>>();
    for (const { volume, pod, target, use } of await this.#list()) {
      if (!use) continue;
      const key = `${volume} ${pod ?? target}`;
      counters.set(key, use);
      const last = before.get(key);
      if (last && seconds > 0) add(uses, volume, (each) => rateOf(use[each] - last[each], seconds));
    }
    [this.#counters, this.#looked, this.#uses] = [counters, now, busiestOf(uses)];
    return this.#uses;
  }
}

/** 0 for a counter that began again. */
function rateOf(difference: bigint, seconds: number): bigint {
  return difference <= 0n ? 0n : BigInt(Math.round(Number(difference) / seconds));
}

/** Adds what one of the volume's pods used. */
function add(uses: Map<VolumeId, Map<RateKey, bigint>>, volume: VolumeId, of: (counter: keyof Use) => bigint): void {
  const rates = uses.get(volume) ?? new Map<RateKey, bigint>();
  for (const key of rateKeys) {
    const rate = of(counterOf[key]);
    if (rate > 0n) rates.set(key, (rates.get(key) ?? 0n) + rate);
  }
  if (rates.size > 0) uses.set(volume, rates);
}

function busiestOf(uses: ReadonlyMap<VolumeId, ReadonlyMap<RateKey, bigint>>): ReadonlyMap<VolumeId, Rates> {
  const chosen = [...uses]
    .map(([volume, rates]) => ({ volume, rates, weight: weightOf(rates) }))
    .toSorted((one, other) => Number(other.weight - one.weight))
    .slice(0, mostVolumes);
  return new Map(chosen.map(({ volume, rates }) => [volume, Object.fromEntries(rates) as Rates]));
}

function weightOf(rates: ReadonlyMap<RateKey, bigint>): bigint {
  const of = (key: RateKey): bigint => rates.get(key) ?? 0n;
  const operations = of('readIops') + of('writeIops');
  return of('readBandwidth') + of('writeBandwidth') + operations * bytesPerOperation;
}
