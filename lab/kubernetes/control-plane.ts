import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Agent } from '../agent.ts';
import { LabError } from '../command.ts';
import { GATEWAY } from '../network.ts';
import type { Process } from '../process.ts';
import { Authority, type Certificate, createTokenKey } from './certificates.ts';
import { type Component, startComponent } from './component.ts';
import { Kubectl } from './kubectl.ts';

const PORT = 6443;
export const API_ADDRESS = `tcp:${GATEWAY}:${PORT}`;
const SERVICE_RANGE = '10.96.0.0/16';
/** The address of the Service `kubernetes`, at which pods use the API. */
export const API_SERVICE_IP = '10.96.0.1';
const ETCD = 'http://127.0.0.1:2379';
const STARTING_MS = 60_000;

export interface ControlPlane {
  readonly authority: Authority;
  readonly admin: Certificate;
  /** The file with the administrator's credentials. */
  readonly kubeconfig: string;
  /** Runs with the administrator's credentials. */
  readonly kubectl: Kubectl;
  /** The text of a kubeconfig; default for `server`: an address of the lab's network. */
  kubeconfigFor(who: Certificate, server?: string): Promise<string>;
  /** By name: etcd, kube-apiserver, kube-controller-manager, kube-scheduler. */
  readonly processes: ReadonlyMap<string, Process>;
  /** Starts one of them again after it has ended. */
  restart(name: string): Promise<void>;
  /** Kills all of them, removes etcd's data, and starts them again: a new cluster with the old keys. */
  loseData(): Promise<void>;
}

interface Keys {
  readonly authority: Authority;
  readonly frontProxy: Authority;
  readonly tokens: { readonly privateFile: string; readonly publicFile: string };
  readonly certificates: Readonly<Record<(typeof CLIENTS)[number]['name'] | 'apiserver' | 'front-proxy', Certificate>>;
}

const CLIENTS = [
  { name: 'admin', subject: '/O=system:masters/CN=admin' },
  { name: 'kube-controller-manager', subject: '/CN=system:kube-controller-manager' },
  { name: 'kube-scheduler', subject: '/CN=system:kube-scheduler' },
  { name: 'apiserver-kubelet', subject: '/O=system:masters/CN=kube-apiserver' },
] as const;

/** Starts Kubernetes' control plane as programs of the host in the lab's network. */
export async function startControlPlane(
  host: Agent,
  programs: string,
  folder: string,
  schedulerFlags: readonly string[] = [],
): Promise<ControlPlane> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const keys = await createKeys(folder);
  for (const { name } of CLIENTS) {
    await writeFile(kubeconfigFile(folder, name), await kubeconfig(keys, keys.certificates[name]), { mode: 0o600 });
  }
  const flags = [`--kubeconfig=${kubeconfigFile(folder, 'admin')}`, `--cache-dir=${join(folder, 'kubectl-cache')}`];
  const kubectl = new Kubectl(host, [join(programs, 'kubectl'), ...flags]);
  const processes = new Map<string, Process>();
  const start = async (component: Component): Promise<void> => {
    processes.set(component.name, await startComponent(host, programs, folder, component));
  };
  const server = [etcd(folder), apiServer(keys)];
  // These exit if the API server does not know them yet.
  const clients = [controllerManager(folder, keys), worksFor(folder, 'kube-scheduler', 10259, schedulerFlags)];
  const startAll = async (): Promise<void> => {
    for (const component of server) await start(component);
    await until(kubectl, processes, ['get', '--raw=/readyz']);
    for (const component of clients) await start(component);
    // The controller manager makes it; no pod is admitted without it.
    await until(kubectl, processes, ['get', 'serviceaccount', 'default']);
  };
  await startAll();
  return {
    authority: keys.authority,
    admin: keys.certificates.admin,
    kubeconfig: kubeconfigFile(folder, 'admin'),
    kubectl,
    processes,
    kubeconfigFor: (who, address) => kubeconfig(keys, who, address),
    async restart(name) {
      const component = [...server, ...clients].find((candidate) => candidate.name === name);
      if (component === undefined) throw new LabError(`the control plane has no ${name}`);
      await start(component);
      await until(kubectl, processes, ['get', '--raw=/readyz']);
    },
    async loseData() {
      for (const running of processes.values()) running.kill('SIGKILL');
      await Promise.all(processes.values().map(({ exited }) => exited));
      await rm(etcdData(folder), { recursive: true });
      await startAll();
    },
  };
}

async function until(
  kubectl: Kubectl,
  processes: ReadonlyMap<string, Process>,
  question: readonly string[],
): Promise<void> {
  const deadline = Date.now() + STARTING_MS;
  while ((await kubectl.try(question)).exitCode !== 0) {
    if (Date.now() > deadline) {
      const said = [...processes].map(([name, { stderr }]) => `${name}: ${stderr.text.slice(-1500)}`);
      throw new LabError(`the control plane did not become ready\n${said.join('\n')}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function createKeys(folder: string): Promise<Keys> {
  const authority = await Authority.create(folder, 'ca');
  const frontProxy = await Authority.create(folder, 'front-proxy-ca');
  const names = ['DNS:localhost', 'DNS:kubernetes', 'DNS:kubernetes.default', 'DNS:kubernetes.default.svc'];
  const addresses = ['IP:127.0.0.1', `IP:${API_SERVICE_IP}`, `IP:${GATEWAY}`];
  const [apiserver, proxy, ...clients] = await Promise.all([
    authority.issue({
      name: 'apiserver',
      subject: '/CN=kube-apiserver',
      usage: 'serverAuth',
      names: [...names, ...addresses],
    }),
    frontProxy.issue({ name: 'front-proxy', subject: '/CN=front-proxy', usage: 'clientAuth' }),
    ...CLIENTS.map((client) => authority.issue({ ...client, usage: 'clientAuth' })),
  ]);
  const certificates = {
    ...Object.fromEntries(CLIENTS.map(({ name }, index) => [name, clients[index]])),
    apiserver,
    'front-proxy': proxy,
  } as Keys['certificates'];
  return { authority, frontProxy, tokens: await createTokenKey(folder), certificates };
}

async function kubeconfig(keys: Keys, who: Certificate, server = `https://${GATEWAY}:${PORT}`): Promise<string> {
  const encoded = async (file: string): Promise<string> => (await readFile(file)).toString('base64');
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'lab', cluster: { server, 'certificate-authority-data': await encoded(keys.authority.certificateFile) } },
    ],
    users: [
      {
        name: 'me',
        user: {
          'client-certificate-data': await encoded(who.certificateFile),
          'client-key-data': await encoded(who.keyFile),
        },
      },
    ],
    contexts: [{ name: 'lab', context: { cluster: 'lab', user: 'me' } }],
    'current-context': 'lab',
  });
}

function kubeconfigFile(folder: string, name: string): string {
  return join(folder, `${name}.kubeconfig`);
}

function etcdData(folder: string): string {
  return join(folder, 'etcd-data');
}

function etcd(folder: string): Component {
  const peers = 'http://127.0.0.1:2380';
  return {
    name: 'etcd',
    flags: [
      `--data-dir=${etcdData(folder)}`,
      // The lab's etcd ends with the lab: its data need not survive the machine.
      '--unsafe-no-fsync',
      '--log-level=warn',
      `--listen-client-urls=${ETCD}`,
      `--advertise-client-urls=${ETCD}`,
      `--listen-peer-urls=${peers}`,
      `--initial-advertise-peer-urls=${peers}`,
      `--initial-cluster=default=${peers}`,
    ],
  };
}

function apiServer({ authority, frontProxy, tokens, certificates }: Keys): Component {
  return {
    name: 'kube-apiserver',
    flags: [
      `--etcd-servers=${ETCD}`,
      `--bind-address=${GATEWAY}`,
      `--advertise-address=${GATEWAY}`,
      `--secure-port=${PORT}`,
      `--tls-cert-file=${certificates.apiserver.certificateFile}`,
      `--tls-private-key-file=${certificates.apiserver.keyFile}`,
      `--client-ca-file=${authority.certificateFile}`,
      '--anonymous-auth=false',
      '--authorization-mode=Node,RBAC',
      '--enable-admission-plugins=NodeRestriction',
      '--allow-privileged=true',
      `--service-cluster-ip-range=${SERVICE_RANGE}`,
      '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
      `--service-account-key-file=${tokens.publicFile}`,
      `--service-account-signing-key-file=${tokens.privateFile}`,
      `--kubelet-client-certificate=${certificates['apiserver-kubelet'].certificateFile}`,
      `--kubelet-client-key=${certificates['apiserver-kubelet'].keyFile}`,
      // No DNS knows the nodes' names.
      '--kubelet-preferred-address-types=InternalIP',
      `--requestheader-client-ca-file=${frontProxy.certificateFile}`,
      '--requestheader-allowed-names=front-proxy',
      '--requestheader-username-headers=X-Remote-User',
      '--requestheader-group-headers=X-Remote-Group',
      '--requestheader-extra-headers-prefix=X-Remote-Extra-',
      `--proxy-client-cert-file=${certificates['front-proxy'].certificateFile}`,
      `--proxy-client-key-file=${certificates['front-proxy'].keyFile}`,
      '--profiling=false',
    ],
  };
}

function controllerManager(folder: string, { authority, tokens }: Keys): Component {
  return worksFor(folder, 'kube-controller-manager', 10257, [
    '--use-service-account-credentials=true',
    `--service-account-private-key-file=${tokens.privateFile}`,
    `--root-ca-file=${authority.certificateFile}`,
    `--cluster-signing-cert-file=${authority.certificateFile}`,
    `--cluster-signing-key-file=${authority.keyFile}`,
    '--allocate-node-cidrs=false',
    // With its default of 20 calls a second, a test of thirty pods would measure this limit.
    '--kube-api-qps=200',
    '--kube-api-burst=400',
  ]);
}

/** A client of the API server that serves only its health. */
function worksFor(folder: string, name: string, port: number, flags: readonly string[]): Component {
  const config = kubeconfigFile(folder, name);
  return {
    name,
    flags: [
      `--kubeconfig=${config}`,
      `--authentication-kubeconfig=${config}`,
      `--authorization-kubeconfig=${config}`,
      '--bind-address=127.0.0.1',
      `--secure-port=${port}`,
      `--cert-dir=${join(folder, `${name}-certificates`)}`,
      '--leader-elect=false',
      '--profiling=false',
      ...flags,
    ],
  };
}
