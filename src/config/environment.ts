import { hostname } from 'node:os';

/** The configuration that comes from environment variables. */
export interface Environment {
  readonly hostname: string;
  /** `NODE_NAME`, set by the downward API. */
  readonly nodeName?: string | undefined;
  /** `CSI_ENDPOINT`, as in the deployments of other CSI drivers. */
  readonly endpoint?: string | undefined;
  /** `KUBERNETES_SERVICE_HOST` and `_PORT`, which every pod has, as a URL. */
  readonly apiServer?: string | undefined;
}

/** Sets the number of threads of Node's pool for files, DNS and compression. It has no effect once a thread was used. */
export function setFileThreads(threads: number, variables: NodeJS.ProcessEnv = process.env): void {
  variables['UV_THREADPOOL_SIZE'] = String(threads);
}

/** An empty variable counts as absent: manifests unset one so. */
export function readEnvironment(variables: NodeJS.ProcessEnv = process.env): Environment {
  return {
    hostname: hostname(),
    nodeName: variables['NODE_NAME'] || undefined,
    endpoint: variables['CSI_ENDPOINT'] || undefined,
    apiServer: apiServer(variables['KUBERNETES_SERVICE_HOST'], variables['KUBERNETES_SERVICE_PORT']),
  };
}

function apiServer(host: string | undefined, port = '443'): string | undefined {
  if (!host) return undefined;
  return `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
