import type { Configs } from '../config/schema.ts';
import type { Log } from '../log.ts';
import type { SecureOptions } from '../metrics/secure.ts';

/** How the API server checks those who read a node's metrics; its client is loaded only if they are served over TLS. */
export async function loadReviews(
  { metrics, kubernetes }: Pick<Configs['node'], 'metrics' | 'kubernetes'>,
  log: Log,
): Promise<{ readonly secure: SecureOptions; readonly close: () => void } | undefined> {
  if (!metrics?.secureListen || !kubernetes) return undefined;
  const { secureListen: listen, certificate, key } = metrics;
  if (certificate === undefined || key === undefined) return undefined;
  const [{ createApi }, { createAuthorizer }] = await Promise.all([
    import('../kubernetes/api.ts'),
    import('../kubernetes/authorize.ts'),
  ]);
  const api = createApi(kubernetes);
  const authorize = createAuthorizer({ api, path: '/metrics' });
  const secure: SecureOptions = { listen, certificate, key, authorize, log };
  return { secure, close: () => api.close() };
}
