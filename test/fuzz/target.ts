import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAdminService } from '../../src/admin/service.ts';
import type { ControllerContext, NodeContext } from '../../src/app/feature.ts';
import type { Local } from '../../src/app/local.ts';
import { createPatience } from '../../src/concurrency/patience.ts';
import { type JoinedParts, joinParts } from '../../src/app/parts.ts';
import { Provisioner } from '../../src/controller/provisioner.ts';
import { createControllerService } from '../../src/controller/service.ts';
import { createChangedBlocksPart } from '../../src/features/changed-blocks/csi.ts';
import { createDisksPart } from '../../src/features/disks/node.ts';
import { createGroupSnapshotPart } from '../../src/features/group-snapshots/csi.ts';
import { createHealthPart } from '../../src/features/health/csi.ts';
import { createHealthNodePart } from '../../src/features/health/node.ts';
import { createSnapshotPart } from '../../src/features/snapshots/csi.ts';
import { createHungPart } from '../../src/features/hung/node.ts';
import { createJobsPart } from '../../src/features/jobs/node.ts';
import { createOrphanPart } from '../../src/features/orphans/controller.ts';
import { createOverviewService } from '../../src/features/overview/service.ts';
import { createQosPart } from '../../src/features/qos/node.ts';
import type { VolumeId } from '../../src/domain/ids.ts';
import { FleetClient } from '../../src/fleet/client/client.ts';
import { byCertificate } from '../../src/fleet/server/identity.ts';
import { createFleetServer, type FleetServer } from '../../src/fleet/server/server.ts';
import { admin, pluginRegistration } from '../../src/grpc/load.ts';
import { createServer, type SocketServer } from '../../src/grpc/server.ts';
import type { ControllerMethods, Services } from '../../src/grpc/services.ts';
import { createIdentityService } from '../../src/identity/service.ts';
import type { Log } from '../../src/log.ts';
import { LeavingDisks } from '../../src/lvm/evacuation/leaving-disks.ts';
import { lvNameFor } from '../../src/lvm/names.ts';
import { controllerFamilies, nodeFamilies } from '../../src/metrics/fleet.ts';
import { createMetrics, joinFamilies, type Metrics } from '../../src/metrics/metrics.ts';
import { createNodeService } from '../../src/node/service.ts';
import { createRegistrationService } from '../../src/registration/service.ts';
import { Authority, type Certified } from '../support/certificates.ts';
import { freePort } from '../support/ports.ts';
import { createVictim, type VictimNode } from './node.ts';
import { driver, victim } from './subjects.ts';

/** The driver in this process: all its servers on real sockets, over storage, mounts and devices in memory. */
export interface Target extends AsyncDisposable {
  readonly node: VictimNode;
  readonly folder: string;
  /** CSI and the calls of the command line. */
  readonly socket: string;
  readonly registration: string;
  readonly authority: Authority;
  readonly controller: FleetServer;
  /** The port for nodes. */
  readonly port: number;
  readonly metricsPort: number;
  /** Errors that the driver has logged: each is a defect. */
  readonly errors: string[];
  tidy(): Promise<void>;
}

export interface TargetOptions {
  /** The ports of the controllers that the node dials besides its own. */
  readonly dials?: (authority: Authority) => Promise<readonly number[]>;
  /** Replaces calls, to see that a defect is found. */
  readonly sabotage?: (node: VictimNode, folder: string) => Partial<ControllerMethods>;
}

/** Milliseconds: a hostile peer that does not answer costs so long. */
const timing = { pingEvery: 1000, silence: 60_000, greeting: 20_000, command: 10_000 };

const errorsOnly = (errors: string[]): Log => ({
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: (fields, message) => void errors.push(`${message}: ${textOf(fields)}`),
});

export async function openTarget({ dials = async () => [], sabotage }: TargetOptions = {}): Promise<Target> {
  const folder = await mkdtemp(join(tmpdir(), 'quarry-fuzz-'));
  const errors: string[] = [];
  const log = errorsOnly(errors);
  const authority = new Authority('Quarry fuzz');
  const node = createVictim(() => client.changed());
  const common = { driver, driverVersion: '0.1.0', log, timing };
  const own = authority.issue({ name: 'controller', dns: ['localhost'], usage: 'server' });
  const files = await filesOf(folder, 'controller', own, authority);
  // Storage in memory lets calls, and the reports of what they changed, come far faster than LVM does: what a node may send in a second, it may here in a tenth.
  const ticks = (): number => 10 * performance.now();
  const controller = createFleetServer({
    ...common,
    ticks,
    host: '127.0.0.1',
    port: 0,
    files,
    identify: byCertificate(),
  });
  const port = await controller.start();
  const ports = [port, ...(await dials(authority))];
  const client = new FleetClient({
    ...common,
    controllers: [{ name: 'localhost', port: 0 }],
    resolve: async () => ports.map((one) => ({ host: '127.0.0.1', name: 'localhost', port: one })),
    files: await filesOf(folder, 'node', nodeCertificate(authority, victim), authority),
    storage: node.storage,
    random: () => 0,
  });
  client.start();
  const provisioner = new Provisioner({ fleet: controller.fleet, packing: 'spread', lvNameFor });
  const context = { driver, registry: provisioner.registry };
  const makers = [createSnapshotPart, createGroupSnapshotPart, createChangedBlocksPart, createHealthPart];
  const { services: parts, capabilities } = joinParts(makers.map((make) => make(context)));
  const more = { methods: parts.Controller ?? {}, capabilities };
  const services = {
    ...parts,
    Controller: { ...createControllerService(provisioner, driver, more), ...sabotage?.(node, folder) },
  };
  const served = await serve({ folder, log, node, controller, client, services });
  return {
    ...served,
    node,
    folder,
    authority,
    controller,
    port,
    errors,
    tidy: () => provisioner.tidy(AbortSignal.timeout(10_000)),
    async [Symbol.asyncDispose]() {
      await client.stop();
      await Promise.all([served.stop(), controller.stop()]);
      await rm(folder, { recursive: true });
    },
  };
}

interface Served {
  readonly folder: string;
  readonly log: Log;
  readonly node: VictimNode;
  readonly controller: FleetServer;
  readonly client: FleetClient;
  readonly services: Services;
}

async function serve({ folder, log, node, controller, client, services }: Served) {
  const [socket, registration] = [join(folder, 'csi.sock'), join(folder, 'registration.sock')];
  const health = healthOf(node, log);
  const parts = featuresOf(controller, log);
  const families = joinFamilies([
    parts.metrics,
    health.metrics,
    controllerFamilies(controller.fleet, () => controller.refused()),
    nodeFamilies(() => client.connected),
  ]);
  const metricsPort = await freePort();
  const healthy = async (): Promise<undefined> => undefined;
  const metrics = await createMetrics({ host: '127.0.0.1', port: metricsPort }, families, {
    live: healthy,
    ready: healthy,
  });
  const more = { methods: health.services.Node ?? {}, capabilities: health.nodeCapabilities };
  const tools = { ...node.machine.tools, locks: node.locks };
  const nodeService = createNodeService({ ...tools, ...more, node: victim as never, driver });
  const csi = createServer({
    endpoint: `unix://${socket}`,
    log,
    observe: metrics.observeCall,
    services: {
      Identity: createIdentityService({ driver, version: '0.1.0', ready: () => true }),
      ...services,
      Node: nodeService,
    },
    additional: [{ interface: admin, services: { Admin: parts.admin ?? {} } }],
  });
  const kubelet = createServer({
    endpoint: `unix://${registration}`,
    log,
    interface: pluginRegistration,
    services: {
      Registration: createRegistrationService({ driver, endpoint: socket, attempted: () => undefined }),
    },
  });
  await Promise.all([csi.start(), kubelet.start(), metrics.start()]);
  return { socket, registration, metricsPort, stop: () => stopAll([csi, kubelet], metrics, health) };
}

/** Health as of a node whose disks are well. */
function healthOf({ storage, machine }: VictimNode, log: Log) {
  const cache = {
    reported: true,
    current: () => storage.inventory(),
    refresh: async () => storage.inventory(),
    find: async (id: VolumeId) => storage.volumes.get(id),
    observe: () => undefined,
  };
  const local = { cache, patience: createPatience({}), survivors: { list: () => [] } };
  const { devices } = machine.tools;
  const context = { config: { rescan: 60_000 }, local, devices, deviceUses: async () => new Map(), log };
  return joinParts([createHealthNodePart(context as unknown as NodeContext)]);
}

/** The features of both roles. Each volume and each snapshot is an orphan at once, so that the calls of the command line reach them. */
function featuresOf(controller: FleetServer, log: Log) {
  const claims = new Set<string>();
  const context = {
    config: { kubernetes: { orphansAfter: 0 } },
    fleet: controller.fleet,
    snapshotContents: { isWatched: () => true, watched: () => claims, read: async () => claims },
    persistentVolumes: {
      isWatched: () => true,
      watched: () => claims,
      read: async () => claims,
      claims: async () => ({ claims: [] }),
    },
    log,
  };
  const orphans = createOrphanPart(context as unknown as ControllerContext);
  const noDisks = { cache: { specs: [], report: () => ({ groups: [], devices: [] }) } } as unknown as Local;
  const counts = { driftRepaired: 0, failures: new Map<string, number>() };
  return joinParts([
    { admin: createAdminService(async () => undefined) },
    createHungPart({ survivors: { list: () => [] }, patience: { hanging: () => [] } }),
    createJobsPart({ list: () => [] }, () => new Map()),
    createQosPart({ list: async () => [], table: { enforcements: [], counts } }, () => new Map()),
    createDisksPart({ local: noDisks, leaving: new LeavingDisks(noDisks), jobs: { retry: () => undefined }, log }),
    ...(orphans ? [orphans] : []),
    { admin: createOverviewService(controller.fleet, context.persistentVolumes) },
  ]);
}

async function stopAll(servers: readonly SocketServer[], metrics: Metrics, health: JoinedParts): Promise<void> {
  await Promise.all([...servers.map((server) => server.stop(0)), metrics.stop(), health.stop(0)]);
}

export function nodeCertificate(authority: Authority, name: string): Certified {
  return authority.issue({ name, uris: [`quarry://node/${name}`] });
}

async function filesOf(folder: string, name: string, { certificate, key }: Certified, authority: Authority) {
  const [ca, cert, secret] = ['ca', 'crt', 'key'].map((end) => join(folder, `${name}.${end}`)) as [
    string,
    string,
    string,
  ];
  await Promise.all([writeFile(ca, authority.certificate), writeFile(cert, certificate), writeFile(secret, key)]);
  return { ca, certificate: cert, key: secret };
}

function textOf(fields: object): string {
  const parts = Object.entries(fields).map(([name, value]: [string, unknown]) =>
    value instanceof Error ? `${name}: ${value.stack}` : `${name}: ${JSON.stringify(value)}`,
  );
  return parts.join(', ').slice(0, 4000);
}
