/** What a pool can do with the content of its volumes that are deleted: see `eraseMethods`. */
export const overwriteMethods = ['none', 'discard', 'zero'] as const;

/**
 * What happens to the content of a volume that is deleted, from the weakest to the strongest:
 *
 * - `discard`       tells the disks that it is not needed; a disk that cannot be told that gets zeros
 * - `cryptographic` destroys the header of an encrypted volume, so that no passphrase opens its content any more
 * - `zero`          writes zeros over it
 */
export const eraseMethods = ['none', 'discard', 'cryptographic', 'zero'] as const;

/** One of `eraseMethods` that does something. */
export type Erasure = Exclude<(typeof eraseMethods)[number], 'none'>;

/** How a disk that leaves its group can be erased. */
export const diskErasures = ['discard', 'zero'] as const satisfies readonly Erasure[];
/** One of `diskErasures`. */
export type DiskErasure = (typeof diskErasures)[number];

/** The erasure that a record names; `undefined`: none. One that only a newer version knows counts as the strongest. */
export function parseErasure(text: string | undefined): Erasure | undefined {
  if (text === undefined || text === '' || text === 'none') return undefined;
  return text === 'discard' || text === 'cryptographic' ? text : 'zero';
}

/** The strongest of several; `undefined`: none of them erases. */
export function strongest(...all: readonly (Erasure | undefined)[]): Erasure | undefined {
  return all.reduce((best, one) => (rank(one) > rank(best) ? one : best), undefined);
}

/** Whether a volume with the one is erased at least as well as with the other. */
export function satisfies(has: Erasure | undefined, asked: Erasure | undefined): boolean {
  return strongest(has, asked) === has;
}

function rank(erasure: Erasure | undefined): number {
  return eraseMethods.indexOf(erasure ?? 'none');
}
