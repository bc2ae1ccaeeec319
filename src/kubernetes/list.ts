import { Failure } from '../domain/errors.ts';
import type { Api } from './api.ts';
import { list, status } from './objects.ts';

/** Objects a page. One page is in memory at a time. */
const pageSize = 500;

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
    const page = token === undefined ? '' : `&continue=${encodeURIComponent(token)}`;
    const answer = await api.get(`${path}?limit=${pageSize}${page}`, signal);
    const read = list.safeParse(answer.body);
    if (answer.status !== 200 || !read.success) {
      const { data } = status.safeParse(answer.body);
      const reason = `${answer.status} ${data?.message ?? 'and no list'}`;
      throw new Failure('unavailable', `the API server does not list ${path}: ${reason}`);
    }
    for (const item of read.data.items ?? []) take(item);
    const { continue: next, resourceVersion } = read.data.metadata;
    if (!next) return resourceVersion;
    token = next;
  }
}
