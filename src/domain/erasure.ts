/**
 * What happens to the content of a volume that is deleted, from the weakest to the strongest:
 *
 * - `discard` tells the disks that it is not needed; a disk that cannot be told that gets zeros
 * - `zero`    writes zeros over it
 */
export const eraseMethods = ['none', 'discard', 'zero'] as const;

/** One of `eraseMethods` that does something. */
export type Erasure = Exclude<(typeof eraseMethods)[number], 'none'>;

/** The erasure that a record names; `undefined`: none. One that only a newer version knows counts as the strongest. */
export function parseErasure(text: string | undefined): Erasure | undefined {
  if (text === undefined || text === '' || text === 'none') return undefined;
  return text === 'discard' ? 'discard' : 'zero';
}

/** The strongest of several; `undefined`: none of them erases. */
export function strongest(...all: readonly (Erasure | undefined)[]): Erasure | undefined {
  return all.includes('zero') ? 'zero' : all.find((one) => one !== undefined);
}

/** Whether a volume with the one is erased at least as well as with the other. */
export function satisfies(has: Erasure | undefined, asked: Erasure | undefined): boolean {
  return strongest(has, asked) === has;
}
