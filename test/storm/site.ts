import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Guest } from '../../lab/guest.ts';
import { bootGuest } from '../../lab/lab.ts';
import type { CallOptions, CsiClient } from '../support/csi-client.ts';
import { type Driver, startDriver } from '../support/driver.ts';
import { type Apart, openApart } from '../support/fleet.ts';
import { Pods } from '../support/pods.ts';
import { approve, group, hideDisks, layDisks, mirrorGroup, pathsFor, stormDisks } from './disks.ts';
import { lvNameFor } from '../../src/lvm/names.ts';
import { kindOf, type Source, type Volume } from './model.ts';

export const foreign = 'foreign';
/** Everything that the driver starts is in it, as in the cgroup of a container. */
export const container = '/sys/fs/cgroup/quarry-container';

const pools = `
  - name: storm
    volumeGroup: ${group}
    type: thin
    zeroOnCreate: true
    disks: { paths: ${pathsFor(group)} }
    approve: automatic
    thin: { share: 33%, overprovision: 10 }
  - name: mirror
    volumeGroup: ${mirrorGroup}
    type: thin
    mirrors: 1
    disks: { paths: ${pathsFor(mirrorGroup)} }
    thin: { share: 60%, overprovision: 100, metadataSize: 4Mi }`;
// Cuts come in the midst of a copy.
const more = 'rescan: 10s\nqos: { interval: 2s }\njobs: { copyRate: 64Mi, eraseRate: 128Mi }';
const launcher = ['sh', '-c', `mkdir -p ${container} && echo 0 >${container}/cgroup.procs && exec "$@"`, 'sh'];
const kubelet = '/var/lib/kubelet';
const csi = `${kubelet}/plugins/kubernetes.io/csi`;

/** A node with a driver, kubelet's folders, and pods of which each may use one volume. */
export interface Site {
  readonly guest: Guest;
  /** Of the node. */
  readonly driver: Driver;
  readonly client: Pick<CsiClient, 'controller' | 'groupController' | 'node'>;
  readonly names: readonly string[];
  /** The controller on another machine, where the roles are apart. */
  readonly apart?: Pick<Apart, 'controller' | 'setConnected'>;
}

/** Node and controller as one driver, or on two machines. */
export type Roles = 'together' | 'apart';

/** The driver, or both drivers, and the guest. */
export type Place = Pick<Site, 'guest' | 'driver' | 'client' | 'apart'> & AsyncDisposable;

/** One guest with one driver. */
export async function openTogether(): Promise<Place> {
  const guest = await bootGuest({ disks: stormDisks });
  await prepare(guest);
  const driver = await startDriver(guest, { pools, more, launcher });
  return { guest, driver, client: driver.client, [Symbol.asyncDispose]: () => guest.shutdown() };
}

/** A node in a guest, and a controller on the other side of the network. */
export async function openApartRoles(): Promise<Place> {
  const apart = await openApart({ disks: stormDisks, pools, more, launcher, prepare });
  const { controller, groupController } = apart.controller.client;
  const client = { controller, groupController, node: apart.driver.client.node };
  const { guest, driver } = apart;
  return { guest, driver, client, apart, [Symbol.asyncDispose]: () => apart[Symbol.asyncDispose]() };
}

async function prepare(guest: Guest): Promise<void> {
  await hideDisks(guest);
  await layDisks(guest);
}

export async function openSite({ guest, driver, client, apart }: Place, names: readonly string[]): Promise<Site> {
  const site = { guest, driver, client, names, ...(apart ? { apart } : {}) };
  await untilReady(site);
  await approve(site, '--all');
  await makePods(site);
  const before = await capacities(site);
  await guest.shell(`mkdir -p ${kubelet}
    lvcreate -qq -y -L 32m -n ${foreign} --addtag somebody ${group}
    head -c 32M < <(yes foreign) | dd of=/dev/${group}/${foreign} bs=1M iflag=fullblock conv=fsync status=none`);
  // The driver sees the foreign volume with its next report; until then it shows more room than there is.
  while ((await capacities(site))['thick'] === before['thick']) await delay(100);
  return site;
}

/** The node serves, and the controller has its report. */
export async function untilReady(site: Site): Promise<void> {
  await site.driver.ready();
  if (!site.apart) return;
  const until = Date.now() + 60_000;
  while ((await capacities(site).catch(() => ({ thin: '0' })))['thin'] === '0') {
    if (Date.now() > until)
      throw new Error(`the node does not connect to the controller:\n${site.apart.controller.log()}`);
    await delay(100);
  }
}

/** Boots after a power cut, without the driver. */
export async function bootSite(site: Site): Promise<void> {
  await site.guest.boot();
  await layDisks(site.guest);
  await makePods(site);
}

/** The cgroups of the pods, which a boot has removed, and kubelet's folders of their inline volumes. */
async function makePods({ guest, driver, names }: Site): Promise<void> {
  const pods = new Pods(guest, driver, '/sys/fs/cgroup');
  for (const name of names) await pods.make(uidOf(name));
  const folders = names.filter((name) => kindOf({ name }) === 'inline').map(podFolderOf);
  await guest.shell(`mkdir -p ${folders.join(' ')}; sync -f ${folders[0]}`);
}

/** Of the pod that uses the volume. */
export function uidOf(name: string): string {
  const filler = kindOf({ name }) === 'inline' ? '9' : '0';
  return `${name.replace(/^\D*/, '').padStart(8, filler)}-1111-2222-3333-444444444444`;
}

function podFolderOf(name: string): string {
  return `${kubelet}/pods/${uidOf(name)}/volumes/kubernetes.io~csi/${name}`;
}

/** The name of a volume's logical volume. */
export function lvOf({ name }: Pick<Volume, 'name'>): string {
  return kindOf({ name }) === 'inline' ? lvNameFor(handleOf(name)) : name;
}

/** The id that kubelet gives to an inline volume. */
export function handleOf(name: string): string {
  return `csi-${createHash('sha256').update(name).digest('hex')}`;
}

/** The id of a volume. */
export function idOf(name: string): string {
  return `node-1:${name}`;
}

/** Kubelet's paths for a volume. */
export function pathsOf({ name, shape }: Volume): { staging: string; staged: string; target: string } {
  if (shape.access === 'block') {
    const staging = `${csi}/volumeDevices/staging/${name}`;
    return { staging, staged: `${staging}/device`, target: `${csi}/volumeDevices/publish/${name}/${uidOf(name)}` };
  }
  const staging = `${csi}/lvm.quarry.csi/${name}/globalmount`;
  return { staging, staged: staging, target: `${podFolderOf(name)}/mount` };
}

function capability({ shape: { access } }: Volume) {
  const accessMode = { mode: 'SINGLE_NODE_WRITER' } as const;
  return access === 'block' ? { block: {}, accessMode } : { mount: { fsType: access }, accessMode };
}

/** The calls that are made for a volume. */
export function callsFor({ client }: Site, volume: Volume, options: CallOptions = {}) {
  const volumeId = idOf(volume.name);
  const { staging, target } = pathsOf(volume);
  const forNode = { volumeId, stagingTargetPath: staging, volumeCapability: capability(volume) };
  return {
    create: (bytes: number, iops: number, source?: Source) =>
      client.controller.createVolume(
        {
          name: volume.name,
          volumeCapabilities: [capability(volume)],
          capacityRange: { requiredBytes: `${bytes}` },
          parameters: {
            ...parametersOf(volume),
            ...(volume.shape.encrypted ? { encryptionMemory: '4Mi' } : {}),
            ...limitsOf(iops),
          },
          ...(source ? { volumeContentSource: contentOf(source) } : {}),
        },
        options,
      ),
    delete: () => client.controller.deleteVolume({ volumeId }, options),
    expand: (bytes: number) =>
      client.controller.controllerExpandVolume({ volumeId, capacityRange: { requiredBytes: `${bytes}` } }, options),
    grow: () => client.node.nodeExpandVolume({ volumeId, volumePath: target, stagingTargetPath: staging }, options),
    modify: (iops: number) =>
      client.controller.controllerModifyVolume({ volumeId, mutableParameters: limitsOf(iops) }, options),
    /** With the passphrases in its Secret, where it is encrypted. */
    stage: (secrets: Readonly<Record<string, string>> = {}) =>
      client.node.nodeStageVolume({ ...forNode, secrets }, options),
    publish: () => client.node.nodePublishVolume({ ...forNode, targetPath: target }, options),
    unpublish: () => client.node.nodeUnpublishVolume({ volumeId, targetPath: target }, options),
    unstage: () => client.node.nodeUnstageVolume({ volumeId, stagingTargetPath: staging }, options),
  };
}

/** Those that a class and an inline volume can have. */
export function parametersOf({ shape }: Volume): Record<string, string> {
  const { type, stripes, mirrors, encrypted, integrity, erase } = shape;
  const layout = {
    thin: { pool: 'storm', type: 'thin' },
    thick: { pool: 'storm', type: 'thick', stripes: `${stripes}`, mirrors: `${mirrors}` },
    mirrored: { pool: 'mirror' },
  }[type];
  return {
    ...layout,
    ...(encrypted ? { encryption: 'luks2' } : {}),
    ...(integrity ? { encryptionIntegrity: 'hmac-sha256' } : {}),
    ...(erase ? { erase } : {}),
  };
}

function contentOf(source: Source) {
  if ('snapshot' in source) return { snapshot: { snapshotId: source.snapshot } };
  return { volume: { volumeId: source.volume } };
}

export function limitsOf(iops: number): Record<string, string> {
  const limit = iops === 0 ? 'max' : `${iops}`;
  return { readIops: limit, writeIops: limit };
}

/** The group of a volume. */
export function groupOf({ shape }: Volume): string {
  return shape.type === 'mirrored' ? mirrorGroup : group;
}

/** The available bytes for each type of volume. */
export async function capacities({ client }: Site): Promise<Record<string, string>> {
  const kinds = {
    thin: { pool: 'storm', type: 'thin' },
    thick: { pool: 'storm', type: 'thick' },
    mirrored: { pool: 'mirror' },
  };
  const answers = Object.entries(kinds).map(
    async ([kind, parameters]) =>
      [kind, (await client.controller.getCapacity({ parameters })).availableCapacity] as const,
  );
  return Object.fromEntries(await Promise.all(answers));
}
