import type { Bytes } from '../domain/bytes.ts';
import type { LvName, VgName } from '../domain/ids.ts';
import type { WhenFull } from '../domain/pool.ts';
import type { Layout } from '../domain/volume.ts';
import { layoutArguments, sizeArgument } from './layout.ts';
import type { LvmArguments } from './process/lvm.ts';

export interface PoolPart {
  readonly group: VgName;
  readonly lv: LvName;
  readonly size: Bytes;
  readonly layout: Layout;
  /** LVM commits them with the part; an unfinished pool is recognised by them. */
  readonly tags: readonly string[];
}

/** The data or the metadata of a thin pool: an ordinary volume until `joinThinPool`. */
export function createPoolPart({ group, lv, size, layout, tags }: PoolPart): LvmArguments {
  const marks = tags.flatMap((tag) => ['--addtag', tag]);
  return ['lvcreate', '-y', ...layoutArguments(layout), '-L', sizeArgument(size), '-n', lv, ...marks, group];
}

/**
 * Zeroes the metadata and turns `data` into the thin pool, which keeps the name and the tags of `data`. It writes zeros over each new block: the host's
 * configuration may turn that off.
 */
export function joinThinPool(group: VgName, data: LvName, metadata: LvName): LvmArguments {
  return [
    'lvconvert',
    '-y',
    '--type',
    'thin-pool',
    '-Z',
    'y',
    '--poolmetadata',
    `${group}/${metadata}`,
    `${group}/${data}`,
  ];
}

export function extendThinMetadata(group: VgName, pool: LvName, size: Bytes): LvmArguments {
  return ['lvextend', '-y', '--poolmetadatasize', sizeArgument(size), `${group}/${pool}`];
}

/** Lets the kernel write zeros over each block before a thin volume gets it. */
export function zeroNewBlocks(group: VgName, pool: LvName): LvmArguments {
  return ['lvchange', '-Z', 'y', `${group}/${pool}`];
}

/** What the kernel does with writes to new blocks while the thin pool has none. */
export function setWhenFull(group: VgName, pool: LvName, whenFull: WhenFull): LvmArguments {
  return ['lvchange', '--errorwhenfull', whenFull === 'error' ? 'y' : 'n', `${group}/${pool}`];
}
