import { beforeEach, describe, expect, test } from 'vitest';
import { createAuthorizer } from '../../../src/kubernetes/authorize.ts';

interface Body {
  readonly kind: string;
  readonly spec: { readonly token?: string; readonly user?: string; readonly groups?: readonly string[] };
}

describe('who may read the metrics', () => {
  /** An API server that knows tokens by the name of their user, and lets a group read. */
  let posted: Body[];
  let working: boolean;
  let now: number;
  const users = new Map([
    ['token-of-scraper', { username: 'scraper', uid: 'u1', groups: ['monitoring'], extra: { pod: ['p'] } }],
    ['token-of-other', { username: 'other', groups: ['people'] }],
  ]);
  const api = {
    async post(_path: string, body: object) {
      const asked = body as Body;
      posted.push(asked);
      if (!working) return { status: 500, body: { message: 'etcd is away' }, date: undefined };
      const user = users.get(asked.spec.token ?? '');
      const review = { authenticated: user !== undefined, ...(user && { user }) };
      const access = { allowed: asked.spec.groups?.includes('monitoring') === true };
      return { status: 201, body: { status: asked.kind === 'TokenReview' ? review : access }, date: undefined };
    },
  };
  const { signal } = new AbortController();
  beforeEach(() => ([posted, working, now] = [[], true, 0]));
  const create = () => createAuthorizer({ api, path: '/metrics', now: () => now });

  test('is asked of the API server: first who it is, then whether it may', async () => {
    const authorize = create();
    expect(await authorize('token-of-scraper', signal)).toBe('allowed');
    expect(posted).toEqual([
      { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token: 'token-of-scraper' } },
      {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SubjectAccessReview',
        spec: {
          user: 'scraper',
          uid: 'u1',
          groups: ['monitoring'],
          extra: { pod: ['p'] },
          nonResourceAttributes: { path: '/metrics', verb: 'get' },
        },
      },
    ]);
    expect(await authorize('token-of-other', signal)).toBe('forbidden');
    expect(await authorize('made-up', signal)).toBe('unauthenticated');
  });

  test('is remembered for ten seconds', async () => {
    const authorize = create();
    await authorize('token-of-scraper', signal);
    now = 9999;
    await authorize('token-of-scraper', signal);
    expect(posted).toHaveLength(2);
    now = 10_000;
    await authorize('token-of-scraper', signal);
    expect(posted).toHaveLength(4);
  });

  test('is not known, and not remembered, if the API server fails', async () => {
    const authorize = create();
    working = false;
    await expect(authorize('token-of-scraper', signal)).rejects.toMatchObject({
      kind: 'unavailable',
      message: 'the API server makes no TokenReview: 500 etcd is away',
    });
    working = true;
    expect(await authorize('token-of-scraper', signal)).toBe('allowed');
  });
});
