import { access, mkdir, mkdtemp, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { command, LabError } from '../command.ts';
import { REPOSITORY } from '../paths.ts';
import type { Cluster } from './cluster.ts';
import { writeQuarry } from './images.ts';
import { chartOf, imageValue } from './install.ts';

/** The release that an upgrade starts from. After a release: its commit. */
const COMMIT = '7b50565';
const IMAGE = 'localhost/quarry:previous';

/** The chart of the previous release, and the value of it that names the image. */
export interface PreviousRelease {
  readonly chart: string;
  readonly values: { readonly image: object };
}

/** Makes the image of the previous release from its commit and imports it into all nodes. Its sources lie in the cluster's folder. */
export async function offerPreviousRelease({ folder, images, workers }: Cluster): Promise<PreviousRelease> {
  const tree = await mkdtemp(join(folder, 'previous-'));
  await checkOut(COMMIT, tree);
  // Its packages are near enough: it is bundled with those of today.
  await symlink(join(REPOSITORY, 'node_modules'), join(tree, 'node_modules'));
  const work = join(images, 'previous');
  await mkdir(work);
  await writeQuarry(join(work, 'quarry.tar'), IMAGE, tree);
  await Promise.all(workers.map((worker) => worker.importImage('previous/quarry.tar')));
  const chart = chartOf(tree);
  await access(chart);
  return { chart, values: { image: imageValue(IMAGE) } };
}

async function checkOut(commit: string, tree: string): Promise<void> {
  const archive = join(tree, 'sources.tar');
  await command(['git', 'archive', `--output=${archive}`, commit], { cwd: REPOSITORY }).catch((cause: unknown) => {
    throw new LabError(
      `no commit ${commit} here, the previous release; in a shallow clone run: git fetch --unshallow`,
      {
        cause,
      },
    );
  });
  await command(['tar', '--extract', `--file=${archive}`, `--directory=${tree}`]);
}
