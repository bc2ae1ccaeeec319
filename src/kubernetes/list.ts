import { Failure } from '../domain/errors.ts';
import type { Api } from './api.ts';
import { list, status } from './objects.ts';

/** Objects a page. One page is in memory at a time. */
const pageSize = 500;

/** Some objects of a kind. */
export interface Page {
  readonly items: readonly unknown[];
  readonly resourceVersion: string;
  /** For the next page; absent: this was the last. */
  readonly next?: string | undefined;
}

/**
 * Reads every object of a kind, page by page, at one resource version, which is returned.
 *
 * @throws Failure('unavailable') for anything but the whole list
 */
export async function listAll(
  api: Api,
  path: string,
  signal: AbortSignal,
  take: (object: unknown) => void,
): Promise<string> {
  for (let token: string | undefined; ;) {
    const { items, resourceVersion, next } = await listPage(api, path, token, signal);
    for (const item of items) take(item);
    if (!next) return resourceVersion;
    token = next;
  }
}

/** Reads the page of that token; without one, the first. Throws `unavailable`, also for a token that the API server no longer knows. */
export async function listPage(api: Api, path: string, token: string | undefined, signal: AbortSignal): Promise<Page> {
  const page = token === undefined ? '' : `&continue=${encodeURIComponent(token)}`;
  const answer = await api.get(`${path}?limit=${pageSize}${page}`, signal);
  const read = list.safeParse(answer.body);
  if (answer.status !== 200 || !read.success) {
    const { data } = status.safeParse(answer.body);
    const reason = `${answer.status} ${data?.message ?? 'and no list'}`;
    throw new Failure('unavailable', `the API server does not list ${path}: ${reason}`);
  }
  const { continue: next, resourceVersion } = read.data.metadata;
  return { items: read.data.items ?? [], resourceVersion, next };
}
