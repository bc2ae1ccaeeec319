import { Failure } from './errors.ts';

const version = '1.';

/** Entries of a page: one of 400 bytes at most each, so that all fit into the 4 MiB that gRPC's clients take. */
const mostEntries = 8192;

/** How many entries a page has, whatever its caller asks for; 0: as many as fit. A negative number is left to `pageOf`. */
export function pageSize(maxEntries: number): number {
  return maxEntries === 0 ? mostEntries : Math.min(maxEntries, mostEntries);
}

/**
 * A page of things that are sorted by id, without repeats. A token says which id came last, so that it survives changes of
 * the list and restarts. Throws `bad-token`.
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
    // Falls through to the one answer for every token that is not ours.
  }
  throw new Failure('bad-token', 'starting_token is not one that this driver gave out: list again from the start');
}

function firstAfter<T>(items: readonly T[], idOf: (item: T) => string, id: string): number {
  const index = items.findIndex((item) => idOf(item) > id);
  return index < 0 ? items.length : index;
}
