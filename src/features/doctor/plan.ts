import { checkClasses } from './classes.ts';
import { checkApiServer, checkCsiDriver, checkRights, checkSidecars } from './cluster.ts';
import { checkConnections, checkNames } from './controllers.ts';
import { checkCertificates, checkToken } from './credentials.ts';
import { checkCgroups, checkSelinux, checkTargets } from './kernel.ts';
import { checkKubelet } from './kubelet.ts';
import { checkLvmConfiguration, checkUdev, checkVisible } from './lvm.ts';
import { checkDisks, checkPools } from './storage.ts';
import { checkEncryption, checkLvmVersion, checkThinTools, checkTools } from './tools.ts';
import type { Config, Configs } from '../../config/schema.ts';
import { Failure, messageOf } from '../../domain/errors.ts';
import { readPems } from '../../fleet/wire/credentials.ts';
import type { Api } from '../../kubernetes/api.ts';
import { type Finding, unknown } from './finding.ts';
import type { Host } from './host.ts';

/** A look at one thing. It throws a Failure where it cannot tell. */
export interface Check {
  readonly name: string;
  readonly run: () => Promise<readonly Finding[]>;
}

/** A finding, with the check that has it. */
export interface Named extends Finding {
  readonly check: string;
}

/** Runs every check, one after the other: LVM's would wait for each other anyway. */
export async function examine(checks: readonly Check[]): Promise<Named[]> {
  const findings: Named[] = [];
  for (const { name: check, run } of checks) {
    try {
      for (const finding of await run()) findings.push({ check, ...finding });
    } catch (cause) {
      if (!(cause instanceof Failure)) throw cause;
      findings.push({ check, ...unknown(messageOf(cause), 'mend what the other checks find first, then look again') });
    }
  }
  return findings;
}

/** Of every role with disks. */
export function machineChecks(host: Host, config: Config): Check[] {
  const { pools, lvm, qos } = config;
  const once = { ...host, look: memoized(host.look) };
  const thin = pools.some(({ type }) => type === 'thin');
  return [
    { name: 'lvm', run: () => checkLvmVersion(host) },
    ...(thin ? [{ name: 'thin-tools', run: () => checkThinTools(host) }] : []),
    { name: 'tools', run: () => checkTools(host) },
    { name: 'encryption', run: () => checkEncryption(host) },
    { name: 'device-mapper', run: () => checkTargets(host, pools) },
    { name: 'lvm-configuration', run: () => checkLvmConfiguration(host) },
    { name: 'udev', run: () => checkUdev(host, lvm.mode) },
    { name: 'cgroups', run: () => checkCgroups(host, qos.cgroupMount) },
    { name: 'selinux', run: () => checkSelinux(host) },
    { name: 'disks', run: () => checkDisks(once, config) },
    { name: 'visible', run: () => checkVisible(once) },
    { name: 'pools', run: () => checkPools(once) },
    { name: 'kubelet', run: () => checkKubelet(host, config) },
  ];
}

/** Of a node that dials controllers. */
export function nodeChecks(host: Host, config: Configs['node']): Check[] {
  const { controllers, ca, token, certificate, key } = config.fleet;
  const certificates = certificate === undefined ? [ca] : [certificate, ca];
  const identity = `quarry://node/${config.node}`;
  return [
    { name: 'certificates', run: () => checkCertificates(host, { certificates, key, identity }) },
    ...(token === undefined ? [] : [{ name: 'token', run: () => checkToken(host, token) }]),
    { name: 'dns', run: () => checkNames(host, controllers) },
    { name: 'controllers', run: () => checkConnections(host, controllers, () => readPems({ ca, certificate, key })) },
  ];
}

/** Of a controller; `api` and `pod` only in Kubernetes. */
export function controllerChecks(
  host: Host,
  config: Configs['controller'],
  api: Api | undefined,
  pod: { namespace: string; pod: string } | undefined,
): Check[] {
  const { certificate, key, clientCa } = config.fleet;
  const certificates = clientCa === undefined ? [certificate] : [certificate, clientCa];
  const token = config.kubernetes?.tokenFile;
  return [
    { name: 'certificates', run: () => checkCertificates(host, { certificates, key }) },
    ...(token === undefined ? [] : [{ name: 'token', run: () => checkToken(host, token) }]),
    ...(api === undefined
      ? []
      : [
          { name: 'api-server', run: () => checkApiServer(api, host.now) },
          { name: 'rights', run: () => checkRights(api) },
          { name: 'csi-driver', run: () => checkCsiDriver(api, config.driver) },
          { name: 'classes', run: () => checkClasses(api, config.driver) },
          { name: 'sidecars', run: () => checkSidecars(api, pod) },
        ]),
  ];
}

function memoized<T>(task: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => (result ??= task());
}
