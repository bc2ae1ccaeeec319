import { setTimeout as delay } from 'node:timers/promises';
import type { Guest } from '../../lab/guest.ts';
import type { CallOptions } from '../support/csi-client.ts';
import { type Driver, startDriver } from '../support/driver.ts';
import { Pods } from '../support/pods.ts';
import type { Volume } from './model.ts';

export const group = 'qstorm';
export const foreign = 'foreign';
/** Everything that the driver starts is in it, as in the cgroup of a container. */
export const container = '/sys/fs/cgroup/quarry-container';

const pools = `
  - name: storm
    volumeGroup: ${group}
    type: thin
    disks: { paths: ["/dev/ubd[a-z]"] }
    approve: automatic
    thin: { share: 50%, overprovision: 10 }`;
const kubelet = '/var/lib/kubelet';
const csi = `${kubelet}/plugins/kubernetes.io/csi`;

/** A node with a driver, kubelet's folders, and pods of which each may use one volume. */
export interface Site {
  readonly guest: Guest;
  readonly driver: Driver;
  readonly names: readonly string[];
}

export async function openSite(guest: Guest, names: readonly string[]): Promise<Site> {
  const inContainer = ['sh', '-c', `mkdir -p ${container} && echo 0 >${container}/cgroup.procs && exec "$@"`, 'sh'];
  const driver = await startDriver(guest, { pools, more: 'qos: { interval: 2s }', launcher: inContainer });
  const site = { guest, driver, names };
  await makePods(site);
  const before = await capacities(site);
  await guest.shell(`mkdir -p ${kubelet}
    lvcreate -qq -y -L 32m -n ${foreign} --addtag somebody ${group}
    head -c 32M < <(yes foreign) | dd of=/dev/${group}/${foreign} bs=1M iflag=fullblock conv=fsync status=none`);
  // The driver sees the foreign volume with its next report; until then it shows more room than there is.
  while ((await capacities(site))['thick'] === before['thick']) await delay(100);
  return site;
}

/** The cgroups of the pods, which a boot has removed. */
export async function makePods({ guest, driver, names }: Site): Promise<void> {
  const pods = new Pods(guest, driver, '/sys/fs/cgroup');
  for (const name of names) await pods.make(uidOf(name));
}

/** Of the pod that uses the volume. */
export function uidOf(name: string): string {
  return `${name.replace(/^\D*/, '').padStart(8, '0')}-1111-2222-3333-444444444444`;
}

function idOf(name: string): string {
  return `node-1:${name}`;
}

/** Kubelet's paths for a volume. */
export function pathsOf({ name, shape }: Volume): { staging: string; staged: string; target: string } {
  if (shape.access === 'block') {
    const staging = `${csi}/volumeDevices/staging/${name}`;
    return { staging, staged: `${staging}/device`, target: `${csi}/volumeDevices/publish/${name}/${uidOf(name)}` };
  }
  const staging = `${csi}/lvm.quarry.csi/${name}/globalmount`;
  return { staging, staged: staging, target: `${kubelet}/pods/${uidOf(name)}/volumes/kubernetes.io~csi/${name}/mount` };
}

function capability({ shape: { access } }: Volume) {
  const accessMode = { mode: 'SINGLE_NODE_WRITER' } as const;
  return access === 'block' ? { block: {}, accessMode } : { mount: { fsType: access }, accessMode };
}

/** The calls that are made for a volume. */
export function callsFor({ driver: { client } }: Site, volume: Volume, options: CallOptions = {}) {
  const volumeId = idOf(volume.name);
  const { staging, target } = pathsOf(volume);
  const { type, stripes, mirrors } = volume.shape;
  const layout = type === 'thin' ? {} : { stripes: `${stripes}`, mirrors: `${mirrors}` };
  const forNode = { volumeId, stagingTargetPath: staging, volumeCapability: capability(volume) };
  return {
    create: (bytes: number, iops: number) =>
      client.controller.createVolume(
        {
          name: volume.name,
          volumeCapabilities: [capability(volume)],
          capacityRange: { requiredBytes: `${bytes}` },
          parameters: { type, ...layout, ...limitsOf(iops) },
        },
        options,
      ),
    delete: () => client.controller.deleteVolume({ volumeId }, options),
    expand: (bytes: number) =>
      client.controller.controllerExpandVolume({ volumeId, capacityRange: { requiredBytes: `${bytes}` } }, options),
    grow: () => client.node.nodeExpandVolume({ volumeId, volumePath: target, stagingTargetPath: staging }, options),
    modify: (iops: number) =>
      client.controller.controllerModifyVolume({ volumeId, mutableParameters: limitsOf(iops) }, options),
    stage: () => client.node.nodeStageVolume(forNode, options),
    publish: () => client.node.nodePublishVolume({ ...forNode, targetPath: target }, options),
    unpublish: () => client.node.nodeUnpublishVolume({ volumeId, targetPath: target }, options),
    unstage: () => client.node.nodeUnstageVolume({ volumeId, stagingTargetPath: staging }, options),
  };
}

function limitsOf(iops: number): Record<string, string> {
  const limit = iops === 0 ? 'max' : `${iops}`;
  return { readIops: limit, writeIops: limit };
}

/** The available bytes for each type of volume. */
export async function capacities({ driver: { client } }: Site): Promise<Record<string, string>> {
  const of = async (type: string) =>
    [type, (await client.controller.getCapacity({ parameters: { type } })).availableCapacity] as const;
  return Object.fromEntries(await Promise.all(['thin', 'thick'].map(of)));
}
