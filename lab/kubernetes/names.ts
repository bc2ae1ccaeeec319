import { rename, writeFile } from 'node:fs/promises';
import type { Agent } from '../agent.ts';
import { GATEWAY } from '../network.ts';
import { API_SERVICE_IP } from './control-plane.ts';
import type { Kubectl } from './kubectl.ts';

const LIST = ['get', 'endpointslices', '--all-namespaces'] as const;

interface EndpointSlices {
  readonly items: readonly {
    readonly metadata: { readonly namespace: string; readonly labels?: Readonly<Record<string, string>> };
    readonly endpoints?: readonly {
      readonly addresses: readonly string[];
      readonly hostname?: string;
      readonly conditions?: { readonly ready?: boolean };
    }[];
  }[];
}

/**
 * The cluster's DNS. A Service's name resolves to its pods, also if the Service has its own address: no kernel of
 * the lab redirects packets. So clients reach a Service by its name, at the port that its pods listen on.
 */
export async function serveNames(host: Agent, agent: string, kubectl: Kubectl, file: string): Promise<void> {
  await writeFile(file, '');
  await host.start([agent, 'names', `${GATEWAY}:53`, file]);
  let writing = Promise.resolve();
  const write = (): void => {
    writing = writing.then(() => writeNames(kubectl, file)).catch(() => undefined);
  };
  // A watch ends with the API server, which is started again; it fails to start after the lab has ended.
  const watch = async (): Promise<void> => {
    for (;;) {
      const changes = await kubectl.start([...LIST, '--watch', '--output=name']);
      changes.stdout.onText(write);
      await changes.exited;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  };
  void watch().catch(() => undefined);
}

async function writeNames(kubectl: Kubectl, file: string): Promise<void> {
  const { items } = await kubectl.get<EndpointSlices>(...LIST.slice(1));
  const addresses = new Map<string, string[]>([['kubernetes.default.svc.cluster.local', [API_SERVICE_IP]]]);
  for (const { metadata, endpoints } of items) {
    const service = metadata.labels?.['kubernetes.io/service-name'];
    if (service === undefined || service === 'kubernetes') continue;
    const name = `${service}.${metadata.namespace}.svc.cluster.local`;
    for (const endpoint of endpoints ?? []) {
      if (endpoint.conditions?.ready === false) continue;
      const names = endpoint.hostname === undefined ? [name] : [name, `${endpoint.hostname}.${name}`];
      for (const each of names) addresses.set(each, [...(addresses.get(each) ?? []), ...endpoint.addresses]);
    }
  }
  await writeFile(`${file}.new`, [...addresses].map(([name, ips]) => `${name} ${ips.join(' ')}\n`).join(''));
  await rename(`${file}.new`, file);
}
