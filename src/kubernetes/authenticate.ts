import { createHash } from 'node:crypto';
import { Failure } from '../domain/errors.ts';
import type { NodeName } from '../domain/ids.ts';
import type { Api, ApiAnswer } from './api.ts';
import { status, tokenReview } from './objects.ts';
import { expiryOf } from './token.ts';

/** The node that a token authenticates. */
export interface ReviewedToken {
  readonly node: NodeName;
  readonly nodeUid: string | undefined;
  readonly podUid: string;
  /** Milliseconds since the epoch, by the clock of this machine. */
  readonly expires: number;
}

/** Throws `invalid` for a token that authenticates no node, and `unavailable` if the API server did not answer. */
export type Authenticate = (token: string, signal?: AbortSignal) => Promise<ReviewedToken>;

export interface AuthenticateOptions {
  readonly api: Api;
  readonly audience: string;
  /** `namespace:name` */
  readonly serviceAccount: string;
  /** The node's name in ids and topology, from its name in Kubernetes. */
  readonly nodeName: (name: string) => NodeName;
  /** Milliseconds that a result is cached. Default: 10 s. */
  readonly holds?: number;
  readonly now?: () => number;
}

const path = '/apis/authentication.k8s.io/v1/tokenreviews';
const mostRemembered = 20_000;

export interface Authenticator {
  readonly authenticate: Authenticate;
  /** Call when the pod is deleted: its tokens are reviewed again. */
  readonly podGone: (uid: string) => void;
}

/** Asks the API server: only it knows whether a token's pod and ServiceAccount still exist. */
export function createAuthenticator(options: AuthenticateOptions): Authenticator {
  const { api, audience, holds = 10_000, now = Date.now } = options;
  const known = new Map<string, { readonly reviewed: ReviewedToken; readonly until: number }>();

  const authenticate: Authenticate = async (token, signal) => {
    const exp = expiryOf(token);
    const key = createHash('sha256').update(token).digest('base64');
    const found = known.get(key);
    if (found && now() < found.until) return found.reviewed;
    known.delete(key);
    const body = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: { token, audiences: [audience] },
    };
    const answer = await api.post(path, body, signal);
    // The expiry is by the clock of the API server, which may differ from ours.
    const left = exp * 1000 - (answer.date ?? now());
    const reviewed = { ...nodeOf(answer, options), expires: now() + left };
    // A refusal is not cached: the API server may have failed to look the token up.
    if (known.size >= mostRemembered) known.clear();
    known.set(key, { reviewed, until: Math.min(now() + holds, reviewed.expires) });
    return reviewed;
  };
  return {
    authenticate,
    podGone(uid) {
      for (const [key, { reviewed }] of known) if (reviewed.podUid === uid) known.delete(key);
    },
  };
}

function nodeOf(answer: ApiAnswer, { audience, serviceAccount, nodeName }: AuthenticateOptions) {
  const review = tokenReview.safeParse(answer.body);
  if (answer.status >= 300 || !review.success) {
    const reason = status.safeParse(answer.body).data?.message ?? 'and no review';
    throw new Failure('unavailable', `the API server does not review tokens: ${answer.status} ${reason}`);
  }
  const { authenticated, error, audiences, user } = review.data.status;
  if (authenticated !== true) throw refused(error ?? 'the API server does not know it');
  if (!audiences?.includes(audience)) throw refused(`it is not for ${audience}`);
  if (user?.username !== `system:serviceaccount:${serviceAccount}`) throw refused(`it belongs to ${user?.username}`);
  const claim = (name: string) => user.extra?.[`authentication.kubernetes.io/${name}`]?.[0];
  const node = claim('node-name');
  const podUid = claim('pod-uid');
  // A token without a pod is not revoked when the pod is deleted.
  if (!node || !podUid) throw refused('it is not bound to a pod on a node');
  return { node: nodeName(node), nodeUid: claim('node-uid'), podUid };
}

function refused(reason: string): Failure {
  return new Failure('invalid', `the token is refused: ${reason}`);
}
