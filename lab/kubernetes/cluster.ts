import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { LabError } from '../command.ts';
import { markUsed } from '../image.ts';
import { type Lab, openLab } from '../lab.ts';
import { API_ADDRESS, API_SERVICE_IP, type ControlPlane, startControlPlane } from './control-plane.ts';
import { writeQuarry } from './images.ts';
import type { ExecResult, Process } from '../process.ts';
import type { Kubectl } from './kubectl.ts';
import { serveNames } from './names.ts';
import { type ClusterPaths, clusterPaths, missingClusterParts } from './paths.ts';
import { offerSnapshots } from './snapshots.ts';
import { bootWorker, QUARRY_ARCHIVE, type Worker, type WorkerOptions } from './worker.ts';

/** Kubernetes in the lab: a control plane on the host, nodes in guests, all removed with the process that opened it. */
export interface Cluster extends AsyncDisposable {
  readonly lab: Lab;
  readonly controlPlane: ControlPlane;
  readonly kubectl: Kubectl;
  helm(args: readonly string[]): Promise<ExecResult>;
  readonly workers: readonly Worker[];
  readonly paths: ClusterPaths;
  /** A folder of the host that nodes see at /images. */
  readonly images: string;
  /** Folder of the control plane's logs. */
  readonly folder: string;
  /** A unix socket of the host that is forwarded to the API server. */
  readonly apiSocket: string;
  /** Removes all objects of Kubernetes, while the pods run on; each kubelet registers its node again. */
  loseObjects(): Promise<void>;
  close(): Promise<void>;
}

/** Starts a cluster whose nodes have all images, with Quarry's from the present sources; installs nothing. */
export async function openCluster(
  workers: readonly WorkerOptions[],
  schedulerFlags: readonly string[] = [],
): Promise<Cluster> {
  const paths = clusterPaths();
  const missing = missingClusterParts(paths);
  if (missing.length > 0) {
    throw new LabError(`Kubernetes is not built; run: npm run setup -- cluster (missing: ${missing.join(', ')})`);
  }
  for (const part of [paths.programs, paths.runtime, paths.disk]) await markUsed(part);
  const lab = await openLab();
  try {
    return await start(lab, paths, workers, schedulerFlags);
  } catch (error) {
    await lab.close();
    throw error;
  }
}

async function start(
  lab: Lab,
  paths: ClusterPaths,
  options: readonly WorkerOptions[],
  flags: readonly string[],
): Promise<Cluster> {
  const folder = join(lab.folder, 'kubernetes');
  const images = join(lab.folder, 'images');
  for (const path of [folder, images]) await mkdir(path);
  const starting = startControlPlane(lab.host, paths.programs, folder, flags);
  const [controlPlane] = await Promise.all([starting, writeQuarry(join(images, QUARRY_ARCHIVE))]);
  const { kubectl } = controlPlane;
  const offer = (): Promise<Process> => offerSnapshots(lab.host, controlPlane, paths, folder);
  let snapshotController = await offer();
  // Pods use the API at the Service's address, which no kube-proxy serves here.
  await lab.host.exec(['ip', 'addr', 'add', `${API_SERVICE_IP}/32`, 'dev', 'lo']);
  await lab.host.exec(['sh', '-c', 'echo 1 >/proc/sys/net/ipv4/ip_forward']);
  await lab.host.forward(`tcp:${API_SERVICE_IP}:443`, API_ADDRESS);
  await serveNames(lab.host, paths.lab.agent, kubectl, join(folder, 'names'));
  const apiSocket = join(folder, 'api.sock');
  await lab.host.forward(`unix:${apiSocket}`, API_ADDRESS);
  const parts = { controlPlane, paths, images };
  const workers = await Promise.all(options.map((each, index) => bootWorker(lab, parts, index + 1, each)));
  await Promise.all(workers.map((worker) => worker.importImage(QUARRY_ARCHIVE)));
  const nodesReady = (): Promise<void> =>
    kubectl.wait(
      'condition=Ready',
      workers.map(({ name }) => `node/${name}`),
    );
  await nodesReady();
  const loseObjects = async (): Promise<void> => {
    await controlPlane.loseData();
    snapshotController.kill('SIGKILL');
    await snapshotController.exited;
    snapshotController = await offer();
    // A kubelet registers its node only when it starts.
    await Promise.all(workers.map((worker) => worker.restartKubelet()));
    await nodesReady();
  };
  const close = (): Promise<void> => lab.close();
  const env = { KUBECONFIG: controlPlane.kubeconfig, HELM_CACHE_HOME: folder, HELM_CONFIG_HOME: folder };
  const helm = (args: readonly string[]): Promise<ExecResult> =>
    lab.host.exec([join(paths.lab.tools, 'helm'), ...args], { env, timeout: 310_000 });
  return {
    lab,
    controlPlane,
    kubectl,
    helm,
    workers,
    paths,
    images,
    folder,
    apiSocket,
    loseObjects,
    close,
    [Symbol.asyncDispose]: close,
  };
}
