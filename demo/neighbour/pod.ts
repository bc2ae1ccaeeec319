import type { ExecResult, Process } from '../../lab/process.ts';
import type { Machine } from '../machine.ts';

const capability = { mount: { fsType: 'ext4' }, accessMode: { mode: 'SINGLE_NODE_WRITER' as const } };

export interface PodOptions {
  readonly name: string;
  readonly pod: string;
  /** Bytes of its volume. */
  readonly size: number;
}

/** A volume published at kubelet's path, and a cgroup like kubelet's for a pod. */
export class Pod {
  readonly id: string;
  /** A file on the volume. */
  readonly file: string;
  readonly #machine: Machine;
  readonly #cgroup: string;

  private constructor(machine: Machine, id: string, file: string, cgroup: string) {
    this.#machine = machine;
    this.id = id;
    this.file = file;
    this.#cgroup = cgroup;
  }

  static async create(machine: Machine, { name, pod, size }: PodOptions): Promise<Pod> {
    const { controller, node } = machine.csi;
    const request = {
      name,
      capacityRange: { requiredBytes: String(size) },
      volumeCapabilities: [capability],
    };
    const { volume } = await machine.call('CreateVolume', request, (message) => controller.createVolume(message));
    const id = volume?.volumeId ?? '';
    const kubelet = '/var/lib/kubelet';
    const cgroup = `/sys/fs/cgroup/kubepods/pod${pod}`;
    const target = `${kubelet}/pods/${pod}/volumes/kubernetes.io~csi/${name}/mount`;
    const staged = { volumeId: id, stagingTargetPath: `${kubelet}/staging/${name}`, volumeCapability: capability };
    await machine.guest.shell(`mkdir -p ${cgroup}/container ${target.replace(/\/mount$/, '')}`);
    await node.nodeStageVolume(staged);
    const published = { ...staged, targetPath: target };
    await machine.call('NodePublishVolume', published, (message) => node.nodePublishVolume(message));
    return new Pod(machine, id, `${target}/data`, cgroup);
  }

  /** Starts a program as a container of the pod would. */
  start(argv: readonly string[]): Promise<Process> {
    return this.#machine.guest.start(this.#inside(argv));
  }

  exec(argv: readonly string[]): Promise<ExecResult> {
    return this.#machine.guest.exec(this.#inside(argv));
  }

  #inside(argv: readonly string[]): readonly [string, ...string[]] {
    return ['sh', '-c', `echo $$ > ${this.#cgroup}/container/cgroup.procs; exec "$@"`, 'sh', ...argv];
  }
}
