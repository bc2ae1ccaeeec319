import type { Guest } from '../../lab/guest.ts';
import { createVolume, type Driver, MiB } from './driver.ts';

export type Access = 'block' | 'ext4' | 'xfs' | 'btrfs';

export interface PodOptions {
  /** Kubelet's cgroup driver. */
  readonly by?: 'cgroupfs' | 'systemd';
  readonly pod?: 'guaranteed' | 'burstable' | 'besteffort';
  /** Kubelet's --cgroup-root. */
  readonly root?: string;
}

/** The cgroup that kubelet makes for a pod, relative to the hierarchy's root. */
export function podCgroup(uid: string, { by = 'cgroupfs', pod = 'burstable', root = '' }: PodOptions = {}): string {
  const levels = [...(root ? [root] : []), 'kubepods', ...(pod === 'guaranteed' ? [] : [pod])];
  if (by === 'cgroupfs') return [...levels, `pod${uid}`].join('/');
  const names = [...levels, `pod${uid.replaceAll('-', '_')}`];
  // systemd puts a-b.slice into a.slice.
  return names.map((_, index) => `${names.slice(0, index + 1).join('-')}.slice`).join('/');
}

/** Of encrypted volumes. */
const secrets = { passphrase: 'correct horse' };

/** A volume that is staged and published to a pod, as kubelet does it. */
export interface Running extends Published {
  readonly id: string;
  readonly uid: string;
  /** The pod's cgroup. */
  readonly pod: string;
  /** The path of the volume in the pod. */
  readonly path: string;
  /** `major:minor` */
  readonly device: string;
}

interface Published {
  targetPath(uid: string): string;
  stage(): Promise<unknown>;
  publish(uid: string): Promise<unknown>;
  unpublish(uid: string): Promise<unknown>;
}

/** Pods with the cgroups and paths of kubelet, in a guest with a driver. */
export class Pods {
  readonly #guest: Guest;
  readonly #driver: Driver;
  readonly #root: string;
  #count = 0;

  /** @param root the root of the hierarchy in which the guest's kernel limits I/O */
  constructor(guest: Guest, driver: Driver, root: string) {
    this.#guest = guest;
    this.#driver = driver;
    this.#root = root;
  }

  newUid(): string {
    this.#count += 1;
    return `${String(this.#count).padStart(8, '0')}-1111-2222-3333-444444444444`;
  }

  /** Kubelet delegates memory, and not io; the runtime makes a cgroup for the container. */
  async make(uid: string, options?: PodOptions): Promise<string> {
    const parts = podCgroup(uid, options).split('/');
    const path = [this.#root, ...parts].join('/');
    await this.#guest.shell(`mkdir -p ${path}/container; folder=${this.#root}
      for part in ${parts.slice(0, -1).join(' ')}; do folder=$folder/$part
        if [ -e $folder/cgroup.subtree_control ]; then echo +memory +pids >$folder/cgroup.subtree_control; fi; done`);
    return path;
  }

  async run(name: string, access: Access, parameters: Record<string, string> = {}): Promise<Running> {
    const id = await this.create(name, access, parameters);
    const uid = this.newUid();
    const pod = await this.make(uid);
    const volume = this.volume(id, access);
    await volume.stage();
    await volume.publish(uid);
    const path = volume.targetPath(uid);
    return { ...volume, id, uid, pod, path, device: await this.deviceAt(path) };
  }

  create(name: string, access: Access, parameters: Record<string, string> = {}): Promise<string> {
    const mib = { block: 64, ext4: 128, xfs: 300, btrfs: 256 }[access];
    return createVolume(this.#driver, name, mib * MiB, { volumeCapabilities: [capability(access)], parameters });
  }

  /** The calls for a volume, with the paths of kubelet. */
  volume(volumeId: string, access: Access): Published {
    const name = volumeId.replace(/^.*:/, '');
    const kubelet = '/var/lib/kubelet';
    const csi = `${kubelet}/plugins/kubernetes.io/csi`;
    const block = access === 'block';
    const staging = block ? `${csi}/volumeDevices/staging/${name}` : `${csi}/lvm.quarry.csi/${name}/globalmount`;
    const targetPath = (uid: string): string =>
      block
        ? `${csi}/volumeDevices/publish/${name}/${uid}`
        : `${kubelet}/pods/${uid}/volumes/kubernetes.io~csi/${name}/mount`;
    const common = { volumeId, stagingTargetPath: staging, volumeCapability: capability(access) };
    const { node } = this.#driver.client;
    return {
      targetPath,
      stage: () => node.nodeStageVolume({ ...common, secrets }),
      publish: (uid) => node.nodePublishVolume({ ...common, targetPath: targetPath(uid) }),
      unpublish: (uid) => node.nodeUnpublishVolume({ volumeId, targetPath: targetPath(uid) }),
    };
  }

  modify(volumeId: string, mutableParameters: Record<string, string>): Promise<unknown> {
    return this.#driver.client.controller.controllerModifyVolume({ volumeId, mutableParameters });
  }

  /** `major:minor` of a block device, or of the device whose filesystem is mounted there. */
  async deviceAt(path: string): Promise<string> {
    return (
      await this.#guest.shell(`device=${path}; if [ ! -b $device ]; then
        device=$(findmnt -n -o SOURCE --mountpoint ${path} | sed 's/\\[.*//'); fi; stat -L -c '%Hr:%Lr' $device`)
    ).trim();
  }

  /** Waits until a file has a line of that text, or no such line if `present` is false. */
  async untilFile(file: string, line: string, present = true): Promise<void> {
    const not = present ? '' : '!';
    await this.#guest
      .shell(`for try in {1..500}; do if ${not} grep -qsF -- '${line}' ${file}; then exit 0; fi; sleep 0.02; done
      echo "${present ? 'missing' : 'still there'}: ${line}"; cat ${file}; exit 1`);
  }
}

function capability(access: Access) {
  const mode = { accessMode: { mode: 'SINGLE_NODE_MULTI_WRITER' } } as const;
  return access === 'block' ? { block: {}, ...mode } : { mount: { fsType: access }, ...mode };
}

/** A line of io.max. */
export function ioMax(device: string, rates: Partial<Record<'rbps' | 'wbps' | 'riops' | 'wiops', number>>): string {
  const { rbps = 'max', wbps = 'max', riops = 'max', wiops = 'max' } = rates;
  return `${device} rbps=${rbps} wbps=${wbps} riops=${riops} wiops=${wiops}`;
}

/** Matches a rate within `percent` of the wanted one. */
export function within(percent: number, wanted: number) {
  return {
    asymmetricMatch: (rate: unknown) => Math.abs(Number(rate) / wanted - 1) <= percent / 100,
    toString: () => `within ${percent} % of ${wanted}`,
  };
}

const attempts = 5;

/**
 * Measures until the rates are within 5 %, and returns the last ones. A machine with other work starves a guest, whose clock then jumps: its
 * measured rates are then too low or too high. Without a limit they are off by a factor, each time.
 */
export async function settled(wanted: readonly number[], measure: () => Promise<number[]>): Promise<number[]> {
  let rates = await measure();
  const off = () => rates.some((rate, at) => Math.abs(rate / (wanted[at] ?? 0) - 1) > 0.05);
  for (let attempt = 1; attempt < attempts && off(); attempt += 1) rates = await measure();
  return rates;
}
