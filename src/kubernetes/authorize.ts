import { createHash } from 'node:crypto';
import { Failure } from '../domain/errors.ts';
import type { Api } from './api.ts';
import { status, subjectAccessReview, tokenReview } from './objects.ts';

/** What the API server says of a caller. */
export type Verdict = 'allowed' | 'unauthenticated' | 'forbidden';

/** Whether the bearer of a token may read. Throws `unavailable` if the API server did not answer. */
export type Authorize = (token: string, signal: AbortSignal) => Promise<Verdict>;

export interface AuthorizeOptions {
  readonly api: Pick<Api, 'post'>;
  /** The nonResourceURL that the caller wants to `get`. */
  readonly path: string;
  /** Milliseconds that a verdict is cached. Default: 10 s. */
  readonly holds?: number;
  readonly now?: () => number;
}

const reviews = '/apis/authentication.k8s.io/v1/tokenreviews';
const accessReviews = '/apis/authorization.k8s.io/v1/subjectaccessreviews';
/** Scrapers are few. Callers with made-up tokens must not fill the memory. */
const mostRemembered = 1000;

/** Asks the API server who the bearer is, and then whether its RBAC rules let them read. */
export function createAuthorizer({ api, path, holds = 10_000, now = Date.now }: AuthorizeOptions): Authorize {
  const known = new Map<string, { readonly verdict: Verdict; readonly until: number }>();
  const ask = async (token: string, signal: AbortSignal): Promise<Verdict> => {
    const { status: review } = await post(api, reviews, { spec: { token } }, tokenReview, signal);
    const { authenticated, user } = review;
    if (authenticated !== true || user?.username === undefined) return 'unauthenticated';
    const { username, uid, groups, extra } = user;
    const spec = { user: username, uid, groups, extra, nonResourceAttributes: { path, verb: 'get' } };
    const { status: access } = await post(api, accessReviews, { spec }, subjectAccessReview, signal);
    return access.allowed ? 'allowed' : 'forbidden';
  };
  return async (token, signal) => {
    const key = createHash('sha256').update(token).digest('base64');
    const found = known.get(key);
    if (found && now() < found.until) return found.verdict;
    const verdict = await ask(token, signal);
    if (known.size >= mostRemembered) known.clear();
    known.set(key, { verdict, until: now() + holds });
    return verdict;
  };
}

async function post<T>(
  api: AuthorizeOptions['api'],
  path: string,
  body: object,
  schema: { safeParse(value: unknown): { success: boolean; data?: T } },
  signal: AbortSignal,
): Promise<T> {
  const [group, version, plural] = path.split('/').slice(2);
  const kind = plural === 'tokenreviews' ? 'TokenReview' : 'SubjectAccessReview';
  const answer = await api.post(path, { apiVersion: `${group}/${version}`, kind, ...body }, signal);
  const { data } = schema.safeParse(answer.body);
  if (answer.status < 300 && data !== undefined) return data;
  const reason = status.safeParse(answer.body).data?.message ?? 'and no review';
  throw new Failure('unavailable', `the API server makes no ${kind}: ${answer.status} ${reason}`);
}
