import { readFile } from 'node:fs/promises';
import type { Agent } from '../agent.ts';
import { LabError } from '../command.ts';
import type { Guest } from '../guest.ts';
import type { Disk } from '../machine.ts';
import type { Lab } from '../lab.ts';
import type { ControlPlane } from './control-plane.ts';
import { join } from 'node:path';
import type { ClusterPaths } from './paths.ts';

export interface WorkerOptions {
  readonly name: string;
  /** Disks in addition to the node's own: /dev/ubdb, /dev/ubdc and so on. */
  readonly disks: readonly string[];
  readonly memory?: string;
}

/** A node of the cluster. */
export interface Worker {
  readonly name: string;
  readonly guest: Guest;
  readonly disks: readonly string[];
  /** Boots it after a power cut, and starts containerd and kubelet. */
  boot(): Promise<void>;
  /** Boots it after a power cut with a new root and a new disk of its own, and starts containerd and kubelet: only the data disks are kept. */
  reinstall(): Promise<void>;
  /** SIGKILL to kubelet; starts it again, and waits until it answers. */
  restartKubelet(): Promise<void>;
  /** Imports an image from an archive of the folder that nodes see at /images. */
  importImage(name: string): Promise<void>;
}

/** The archive of Quarry's image in the folder that nodes see at /images. */
export const QUARRY_ARCHIVE = 'quarry.tar';
const NODE_SCRIPTS = '/quarry/lab/kubernetes/node';

/** Boots a guest and makes it the node with number `index`. */
export async function bootWorker(
  lab: Lab,
  { controlPlane, paths, images }: { controlPlane: ControlPlane; paths: ClusterPaths; images: string },
  index: number,
  options: WorkerOptions,
): Promise<Worker> {
  const own: Disk = { file: join(paths.disk, 'node.img'), writable: false };
  const guest = await lab.boot({
    name: options.name,
    memory: options.memory ?? '1536M',
    disks: [own, ...options.disks],
    shares: [
      { host: paths.runtime, guest: '/runtime', writable: false },
      { host: paths.programs, guest: '/kubernetes', writable: false },
      { host: images, guest: '/images', writable: false },
    ],
  });
  const range = `10.98.${index}.0/24`;
  await run(lab.host, ['ip', 'route', 'add', range, 'via', guest.ip]);
  const start = async (): Promise<void> => {
    await guest.shell(`${NODE_SCRIPTS}/start.sh ${options.name} ${range}`);
  };
  const importImage = async (name: string): Promise<void> => {
    // Synced, so that it survives a power cut.
    await guest.shell(`/runtime/usr/bin/ctr --namespace k8s.io images import --local /images/${name}; sync`);
  };
  await writeIdentity(guest, controlPlane, options.name);
  await start();
  return {
    name: options.name,
    guest,
    disks: guest.disks.slice(1),
    importImage,
    async boot() {
      await guest.boot();
      await start();
    },
    async reinstall() {
      await guest.reinstall();
      await guest.shell('tr -d - </proc/sys/kernel/random/uuid >/etc/machine-id');
      await writeIdentity(guest, controlPlane, options.name);
      await start();
      await importImage(QUARRY_ARCHIVE);
    },
    async restartKubelet() {
      await guest.shell(`${NODE_SCRIPTS}/kubelet.sh ${options.name}
        until (</dev/tcp/127.0.0.1/10248) 2>/dev/null; do sleep 0.1; done`);
    },
  };
}

async function writeIdentity(guest: Guest, controlPlane: ControlPlane, name: string): Promise<void> {
  const certificate = await controlPlane.authority.issue({
    name: `node-${name}`,
    subject: `/O=system:nodes/CN=system:node:${name}`,
    usage: 'clientAuth',
  });
  const files = {
    kubeconfig: await controlPlane.kubeconfigFor(certificate),
    'ca.crt': await readFile(controlPlane.authority.certificateFile, 'utf8'),
  };
  await guest.shell('mkdir -p /etc/kubernetes');
  for (const [file, input] of Object.entries(files)) await guest.shell(`cat >/etc/kubernetes/${file}`, { input });
}

async function run(host: Agent, argv: readonly string[]): Promise<void> {
  const { exitCode, stderr } = await host.exec(argv);
  if (exitCode !== 0) throw new LabError(`${argv.join(' ')}: ${stderr}`);
}
