import type { KubeConfig } from '@kubernetes/client-node';
import { Failure, messageOf } from '../src/domain/errors.ts';

/** Where remedies are. */
export const docs = 'docs/guides/kubectl-plugin.md';

/** What the plugin was about to do, and the right that this needs. */
export interface Need {
  readonly verbs: string;
  readonly resource: string;
  /** Absent: in all namespaces. */
  readonly namespace?: string | undefined;
  /** Added to a refusal. */
  readonly remedy: string;
}

/** The failure for an error of the API server or of the way to it. It names the right that is missing, and the remedy. */
export function refusalOf(error: unknown, server: string, need: Need): Failure {
  if (error instanceof Failure) return error;
  const reason = reasonOf(error);
  switch (statusOf(error)) {
    case 401:
      return new Failure('unavailable', `${server} does not accept the credentials of the kubeconfig`, cause(error));
    case 403: {
      const where = need.namespace === undefined ? 'all namespaces' : `namespace ${need.namespace}`;
      const missing = `you lack the right to ${need.verbs} ${need.resource} in ${where}`;
      return new Failure('precondition', `${missing}: ${need.remedy}`, cause(error));
    }
    case undefined:
      return new Failure('unavailable', `${server} does not answer: ${reason}`, cause(error));
    default:
      return new Failure('unavailable', `${server} refuses: ${reason}`, cause(error));
  }
}

function cause(error: unknown): { cause: unknown } {
  return { cause: error };
}

/** The HTTP status of an error of the client: a field of the API's errors, a part of the message where a WebSocket was refused. */
function statusOf(error: unknown): number | undefined {
  const { code, message } = error as { readonly code?: unknown; readonly message?: string };
  if (typeof code === 'number') return code;
  const [, status] = /Unexpected server response: (\d{3})/.exec(message ?? '') ?? [];
  return status === undefined ? undefined : Number(status);
}

/** The API server's own words, or those of the system. */
function reasonOf(error: unknown): string {
  const { body, cause: inner, message } = error as { body?: unknown; cause?: unknown; message?: string };
  const told = wordsOf(body);
  if (told !== undefined) return told;
  return inner === undefined ? (message ?? messageOf(error)) : messageOf(inner);
}

function wordsOf(body: unknown): string | undefined {
  if (typeof body !== 'string') return (body as { readonly message?: string } | undefined)?.message;
  try {
    return (JSON.parse(body) as { readonly message?: string }).message ?? body;
  } catch {
    return body;
  }
}

/** For messages. */
export function serverOf(config: KubeConfig): string {
  return `the API server ${config.getCurrentCluster()?.server}`;
}
