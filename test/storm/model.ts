import type { Access } from '../support/pods.ts';

/** How a volume is made. */
export interface Shape {
  /** `mirrored`: thin, in the pool whose thin pool has two copies. */
  readonly type: 'thin' | 'thick' | 'mirrored';
  readonly stripes: number;
  readonly mirrors: number;
  readonly access: Access;
  readonly encrypted?: true;
  /** Of an encrypted volume: a changed block gives an I/O error. */
  readonly integrity?: true;
  /** What is done with its content after its deletion: thick volumes have it, and encrypted ones. */
  readonly erase?: 'zero' | 'discard' | 'cryptographic';
}

/** The facts that calls change and that can be read back. Bytes; `iops` is the limit of reads and of writes, 0 for none. */
export interface Facts {
  readonly exists: boolean;
  readonly size: number;
  readonly iops: number;
  readonly staged: boolean;
  readonly published: boolean;
}

/** For each fact the values that it may have: one that is known, or several after a call whose outcome is not. */
type Possible = { readonly [Key in keyof Facts]: readonly Facts[Key][] };

/** The number of a write, `zeros` of a raw block device without one, or `anything` where a write was cut off or none was made. */
export type Content = number | 'zeros' | 'anything';

/** Parts of a volume that are written each by itself, 64 KiB long. */
export const regionCount = 8;

/** The possible content of each region. */
export type Regions = readonly (readonly Content[])[];

/** What a snapshot has of a volume. */
export interface Frozen {
  /** The name of the volume. */
  readonly source: string;
  readonly shape: Shape;
  readonly size: number;
  readonly regions: Regions;
}

/** What a volume was made from: the id of a snapshot or of a volume. */
export type Source = { readonly snapshot: string } | { readonly volume: string };

/** A name that may be a volume, an inline volume, a snapshot or a group snapshot. */
export interface Volume {
  readonly name: string;
  readonly shape: Shape;
  readonly possible: Possible;
  readonly regions: Regions;
  readonly source?: Source;
  /** Of a snapshot: one; of a group snapshot: one for each of its volumes; of a volume: none. */
  readonly frozen: readonly Frozen[];
  /** Of a group snapshot: its first two volumes were written alternately while it was taken. */
  readonly ordered?: boolean;
  /** Ids of the thick snapshots that keep a volume from being deleted and expanded. `pinned` sets it. */
  readonly pins: readonly string[];
}

export function kindOf({ name }: Pick<Volume, 'name'>): 'volume' | 'inline' | 'snapshot' | 'group' {
  if (name.startsWith('inline-')) return 'inline';
  if (name.startsWith('snapshot-')) return 'snapshot';
  return name.startsWith('group-') ? 'group' : 'volume';
}

const absent: Facts = { exists: false, size: 0, iops: 0, staged: false, published: false };
/** Nothing is known of it: a new filesystem has no file, and a new encrypted device shows noise. */
export const unwritten: Regions = Array.from({ length: regionCount }, () => ['anything']);
/** A new raw block device shows nothing of what its room held before: a thin pool, and one with zeroOnCreate, write zeros. */
export const zeros: Regions = Array.from({ length: regionCount }, () => ['zeros']);
const keys = Object.keys(absent) as (keyof Facts)[];

export function absentVolume(name: string): Volume {
  const shape: Shape = { type: 'thin', stripes: 1, mirrors: 0, access: 'block' };
  return { name, shape, possible: only(absent), regions: unwritten, frozen: [], pins: [] };
}

function only(facts: Facts): Possible {
  return Object.fromEntries(keys.map((key) => [key, [facts[key]]])) as unknown as Possible;
}

/** The facts where all are known. */
export function known({ possible }: Volume): Facts | undefined {
  if (keys.some((key) => possible[key].length !== 1)) return undefined;
  return Object.fromEntries(keys.map((key) => [key, possible[key][0]])) as unknown as Facts;
}

/** The effect of a call that succeeds. */
export interface Change {
  readonly facts: Partial<Facts>;
  /** Of what is created. */
  readonly shape?: Shape;
  readonly made?: Pick<Volume, 'source' | 'ordered'> & Partial<Pick<Volume, 'regions' | 'frozen'>>;
  readonly write?: { readonly region: number; readonly content: number };
}

/** After the answer OK. */
export function acknowledge(volume: Volume, { facts, shape, made, write }: Change): Volume {
  if (facts.exists === false) return absentVolume(volume.name);
  const changed = Object.fromEntries(Object.entries(facts).map(([key, value]) => [key, [value]]));
  return {
    ...volume,
    ...made,
    shape: shape ?? volume.shape,
    possible: { ...volume.possible, ...changed },
    regions: write ? volume.regions.with(write.region, [write.content]) : (made?.regions ?? volume.regions),
  };
}

/** After a call that was cut off: it may have been done or not. A write may have been done in part. */
export function doubt(volume: Volume, { facts, shape, made, write }: Change): Volume {
  const both = Object.entries(facts).map(([key, value]) => {
    const values = volume.possible[key as keyof Facts] as readonly unknown[];
    return [key, values.includes(value) ? values : [...values, value]];
  });
  return {
    ...volume,
    ...made,
    shape: shape ?? volume.shape,
    possible: { ...volume.possible, ...Object.fromEntries(both) },
    regions: write ? during(volume.regions, write) : (made?.regions ?? volume.regions),
  };
}

/** The regions while a write is in flight: it may be there or not, or in part. */
export function during(regions: Regions, { region, content }: NonNullable<Change['write']>): Regions {
  return regions.with(region, [...(regions[region] ?? []), content, 'anything']);
}

/** After calls of which one outcome or the other took effect. */
export function either(one: Volume, other: Volume): Volume {
  const union = <T>(a: readonly T[], b: readonly T[]): readonly T[] => [...new Set([...a, ...b])];
  const both = keys.map((key) => [key, union<unknown>(one.possible[key], other.possible[key])]);
  return {
    ...(one.possible.exists.includes(true) ? one : other),
    possible: Object.fromEntries(both) as Possible,
    regions: one.regions.map((contents, region) => union(contents, other.regions[region] ?? [])),
  };
}

/** A boot: nothing is mounted any more. */
export function losePower(volume: Volume): Volume {
  return { ...volume, possible: { ...volume.possible, staged: [false], published: [false] } };
}

/** The facts are known again once they were read back. */
export function settle(volume: Volume, seen: Facts): Volume {
  return seen.exists ? { ...volume, possible: only(seen) } : absentVolume(volume.name);
}
