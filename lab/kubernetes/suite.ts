import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { LabError } from '../command.ts';
import { markUsed } from '../image.ts';
import { REPOSITORY } from '../paths.ts';
import type { Cluster } from './cluster.ts';
import { writeSuiteImages } from './images.ts';

/** Kubernetes' own tests of storage, for the driver that a file describes. */
export interface SuiteOptions {
  /** The file for `--storage.testdriver`; paths in it are relative to the repository. */
  readonly driver: string;
  /** Regular expressions: runs the specs for this driver whose names match one. */
  readonly focus: readonly string[];
  /** Regular expressions of specs that are left out. */
  readonly skip?: readonly string[];
  /** For ginkgo's `--label-filter`. */
  readonly labels: string;
  /** The number of specs at a time. */
  readonly processes: number;
  /** Minutes until the run is aborted. */
  readonly minutes: number;
  readonly onText?: (text: string) => void;
}

/** Begins with the folder of the nodes' replacement for systemctl. */
const NODE_PATH = '/quarry/lab/kubernetes/node:/usr/sbin:/usr/bin:/sbin:/bin';

/** Imports the images of the suite's pods into all nodes, and lets the suite run commands there; once for each cluster. */
export async function prepareSuite({ workers, images, paths }: Cluster): Promise<void> {
  if (!existsSync(paths.suite)) throw new LabError("Kubernetes' tests are not built; run: npm run setup -- suite");
  await markUsed(paths.suite);
  const archives = await writeSuiteImages(images, paths.suite);
  for (const archive of archives) await Promise.all(workers.map((worker) => worker.importImage(archive)));
  await copyFile(join(paths.suite, 'shell'), join(images, 'shell'));
  await Promise.all(workers.map(({ guest }) => guest.start(['/images/shell', ':22'], { env: { PATH: NODE_PATH } })));
}

/** Runs specs, and returns ginkgo's JSON report. Failed specs are not a failure of this function. */
export async function runSuite(cluster: Cluster, options: SuiteOptions): Promise<string> {
  const { lab, folder, paths } = cluster;
  const report = 'report.json';
  const registries = join(folder, 'registries.yaml');
  await writeFile(registries, 'promoterE2eRegistry: localhost\n');
  const runner = [
    join(paths.suite, 'ginkgo'),
    `--procs=${options.processes}`,
    `--timeout=${options.minutes}m`,
    '--no-color',
    '--silence-skips',
    `--label-filter=${options.labels}`,
    `--output-dir=${folder}`,
    `--json-report=${report}`,
    ...options.focus.map((pattern) => `--focus=External.Storage.*(${pattern})`),
    ...(options.skip ?? []).map((pattern) => `--skip=${pattern}`),
  ];
  const suite = [
    join(paths.suite, 'e2e.test'),
    '--',
    '--provider=skeleton',
    `--kubeconfig=${cluster.controlPlane.kubeconfig}`,
    `--kubectl-path=${join(paths.programs, 'kubectl')}`,
    `--repo-root=${REPOSITORY}`,
    `--storage.testdriver=${options.driver}`,
  ];
  // Any key is enough: the suite requires one, and the nodes' shell checks none.
  const env = { KUBE_TEST_REPO_LIST: registries, KUBE_SSH_KEY_PATH: cluster.controlPlane.admin.keyFile };
  const run = await lab.host.start([...runner, ...suite], { env, cwd: folder });
  if (options.onText !== undefined) run.stdout.onText(options.onText);
  run.endInput();
  const { stdout, stderr } = await run.exited;
  return readFile(join(folder, report), 'utf8').catch((cause: unknown) => {
    throw new LabError(`Kubernetes' tests did not run: ${stdout.slice(-2000)}${stderr.slice(-2000)}`, { cause });
  });
}
