import { readFileSync } from 'node:fs';
import { appendFile, copyFile, mkdir, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type ImageDescription, type Layer, writeArchive } from '../../image/oci.ts';
import { assembleQuarry, cachedLayer, put, type QuarryImage } from '../../image/quarry.ts';
import { bootstrap, debianMirror } from '../base.ts';
import { GUEST_ROOT_SOURCE, type LabPaths } from '../paths.ts';
import { IMAGES, SUITE_IMAGES, WORKLOAD_PACKAGES, WORKLOAD_USER } from './recipe.ts';
import { SUITE } from '../recipe.ts';

/** Writes the archives of all images on a node's initial disk. */
export async function writeImages(folder: string, lab: LabPaths, programs: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const images: ImageDescription[] = [
    { reference: IMAGES.pause, layers: [await programLayer(lab.agent)], entrypoint: ['/labagent', 'pause'] },
    await sidecar(IMAGES.provisioner, programs, 'csi-provisioner'),
    await sidecar(IMAGES.resizer, programs, 'csi-resizer'),
    await sidecar(IMAGES.snapshotter, programs, 'csi-snapshotter'),
    await sidecar(IMAGES.snapshotMetadata, programs, 'csi-snapshot-metadata'),
    { reference: IMAGES.workload, layers: [await workloadLayer()] },
    await stableQuarry(folder),
  ];
  for (const [index, image] of images.entries()) await writeArchive(join(folder, `image-${index}.tar`), image);
}

/** Writes the archive of Quarry's image from the sources in `tree`, without the layers on the nodes' initial disks. */
export async function writeQuarry(file: string, reference: string = IMAGES.quarry, tree?: string): Promise<void> {
  const image = await assembleQuarry(reference, dirname(file), tree);
  const layers = [...image.layers, await settingsLayer()];
  await writeArchive(file, { ...image, layers }, image.stable);
}

/**
 * Writes the archives of the images of Kubernetes' own tests, and returns their names. All the tools that these need
 * are in the workload's layer, which the nodes' initial disks have.
 */
export async function writeSuiteImages(folder: string, suite: string): Promise<string[]> {
  const tools = await workloadLayer();
  const layers = [tools, await shellLayer()];
  const agnhost = [...layers, await programLayer(join(suite, 'agnhost'))];
  const images: ImageDescription[] = [
    { reference: SUITE_IMAGES.agnhost, layers: agnhost, entrypoint: ['/agnhost'] },
    ...SUITE_IMAGES.plain.map((reference) => ({ reference, layers })),
  ];
  return Promise.all(
    images.map(async (image, index) => {
      const name = `suite-${index}.tar`;
      await writeArchive(join(folder, name), image, [tools]);
      return name;
    }),
  );
}

/** The tests' scripts are for BusyBox's shell, which has `let`: bash has it, too, but Debian's sh does not. */
function shellLayer(): Promise<Layer> {
  return cachedLayer(['shell'], async (root) => {
    await mkdir(join(root, 'usr/bin'), { recursive: true });
    await symlink('bash', join(root, 'usr/bin/sh'));
  });
}

/** LVM in the container must know the guests' type of disk, like LVM of the guests. */
function settingsLayer(): Promise<Layer> {
  const file = 'etc/lvm/lvmlocal.conf';
  const source = join(GUEST_ROOT_SOURCE, file);
  return cachedLayer(['settings', readFileSync(source, 'utf8')], async (root) => {
    await mkdir(join(root, 'etc/lvm'), { recursive: true });
    await copyFile(source, join(root, file));
  });
}

/** The layers that change seldom, as an image that is never run: they are unpacked once, into the nodes' disk. */
async function stableQuarry(folder: string): Promise<ImageDescription> {
  const { stable }: QuarryImage = await assembleQuarry(IMAGES.quarry, folder);
  return { reference: 'localhost/quarry-stable:lab', layers: stable };
}

async function sidecar(reference: string, programs: string, name: string): Promise<ImageDescription> {
  return { reference, layers: [await programLayer(join(programs, name))], entrypoint: [`/${name}`] };
}

function programLayer(file: string): Promise<Layer> {
  const name = file.split('/').at(-1) ?? '';
  return cachedLayer([name, file], (root) => put(file, join(root, name)));
}

/** The layer with databases, and with tools that inspect a volume. */
export function workloadLayer(): Promise<Layer> {
  return cachedLayer(['workload', SUITE, ...WORKLOAD_PACKAGES, WORKLOAD_USER], async (root) => {
    await bootstrap(root, await debianMirror(), WORKLOAD_PACKAGES);
    await appendFile(join(root, 'etc/passwd'), `${WORKLOAD_USER}\n`);
  });
}
