import { Failure } from './errors.ts';

const version = '1.';

/** Entries of a page: an entry has at most 400 bytes, so that all fit into the 4 MiB that gRPC's clients accept. */
const mostEntries = 8192;

/** The number of entries of a page, capped; 0: as many as fit. `pageOf` refuses a negative number. */
export function pageSize(maxEntries: number): number {
  return maxEntries === 0 ? mostEntries : Math.min(maxEntries, mostEntries);
}

/**
 * A page of entries sorted by unique id. A token names the last id of its page, so that it survives changes of the list and restarts.
 * Throws `bad-token`.
 */
export function pageOf<T>(
  items: readonly T[],
  idOf: (item: T) => string,
  token: string,
  maxEntries: number,
): { items: readonly T[]; nextToken: string } {
  if (maxEntries < 0) throw new Failure('invalid', `max_entries is ${maxEntries}; it must not be negative`);
  const start = token === '' ? 0 : firstAfter(items, idOf, idBefore(token));
  const end = maxEntries === 0 ? items.length : Math.min(items.length, start + maxEntries);
  const last = items[end - 1];
  const more = end < items.length && last !== undefined;
  return { items: items.slice(start, end), nextToken: more ? version + encodeURIComponent(idOf(last)) : '' };
}

/** The id that the token's page comes after; empty for the first page. Throws `bad-token`. */
export function idBefore(token: string): string {
  return token === '' ? '' : decodeToken(token);
}

function decodeToken(token: string): string {
  try {
    if (token.startsWith(version)) return decodeURIComponent(token.slice(version.length));
  } catch {
    // Falls through: every foreign token gets the same answer.
  }
  throw new Failure('bad-token', 'starting_token is not one that this driver gave out: list again from the start');
}

function firstAfter<T>(items: readonly T[], idOf: (item: T) => string, id: string): number {
  const index = items.findIndex((item) => idOf(item) > id);
  return index < 0 ? items.length : index;
}
