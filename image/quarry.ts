import { existsSync } from 'node:fs';
import { chmod, copyFile, cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { bootstrap, debianMirror } from '../lab/base.ts';
import { command } from '../lab/command.ts';
import { buildFolder, markUsed } from '../lab/image.ts';
import { hashParts, labPaths, REPOSITORY } from '../lab/paths.ts';
import { SUITE } from '../lab/recipe.ts';
import { type ImageDescription, type Layer, packLayer, readLayer } from './oci.ts';

/** What both ways of making the image read: this one and the Dockerfile. */
const SOURCE = import.meta.dirname;
/** Where `npm run image` leaves the archive. */
export const IMAGE_FOLDER = join(REPOSITORY, 'dist', 'image');
/** What else `npm run` makes beside the bundle. */
const PLUGIN = join(REPOSITORY, 'dist', 'kubectl-quarry');
export const ENTRYPOINT = ['/usr/local/bin/node', '/opt/quarry/quarry.mjs'];
/** The controller's; the node role needs root, which its DaemonSet says. */
export const USER = '65532:65532';
/** Where Node finds what V8 compiled of the bundle. */
const ENVIRONMENT = { NODE_COMPILE_CACHE: '/opt/quarry/compiled', NODE_COMPILE_CACHE_PORTABLE: '1' };
/** A Debian that is made on this machine has its names; a runtime gives every container its own. */
const FORGET_MACHINE = 'for file in hostname hosts resolv.conf; do rm -f /etc/$file; touch /etc/$file; done\n';
const NODE_PACKAGE = join(REPOSITORY, 'node_modules', `node-linux-${process.arch}`);

/** Quarry's image, from what stands in this folder: Debian packages, Node, and the bundle. */
export interface QuarryImage extends ImageDescription {
  /** Of the layers, those that change only with Debian and Node. */
  readonly stable: readonly Layer[];
}

/** Answers the image of the sources in `tree`; the expensive layers come from the cache. Its top layer lies in `work`. */
export async function assembleQuarry(reference: string, work: string, tree = REPOSITORY): Promise<QuarryImage> {
  const packages = (await readFile(join(SOURCE, 'packages.txt'), 'utf8')).split(/\s+/).filter(Boolean);
  const script = (await readFile(join(SOURCE, 'trim.sh'), 'utf8')) + FORGET_MACHINE;
  const debian = await cachedLayer(['debian', SUITE, ...packages, script], async (root) => {
    await bootstrap(root, await debianMirror(), packages);
    await command(['chroot', root, 'sh', '-c', script]);
  });
  const nodePackage = await readFile(join(NODE_PACKAGE, 'package.json'), 'utf8');
  const node = await cachedLayer(['node', nodePackage, 'stripped'], async (root) => {
    const program = join(root, 'usr/local/bin/node');
    await put(join(NODE_PACKAGE, 'bin/node'), program);
    await command(['strip', program]);
  });
  const { version, description, license } = JSON.parse(await readFile(join(tree, 'package.json'), 'utf8')) as Record<
    string,
    string
  >;
  return {
    reference,
    stable: [debian, node],
    layers: [debian, node, await bundleLayer(work, tree)],
    entrypoint: ENTRYPOINT,
    user: USER,
    environment: ENVIRONMENT,
    labels: Object.fromEntries(
      Object.entries({ title: 'quarry', version, description, licenses: license }).map(([key, value]) => [
        `org.opencontainers.image.${key}`,
        value ?? '',
      ]),
    ),
  };
}

async function bundleLayer(work: string, tree: string): Promise<Layer> {
  await command([process.execPath, join(tree, 'bundle.ts')], { cwd: tree });
  const root = await mkdtemp(join(tmpdir(), 'quarry-image-'));
  const isOther = (path: string): boolean => path === PLUGIN || path.startsWith(IMAGE_FOLDER);
  await cp(join(tree, 'dist'), join(root, 'opt/quarry'), { recursive: true, filter: (path) => !isOther(path) });
  await compile(root);
  await put(join(SOURCE, 'quarry.sh'), join(root, 'usr/local/bin/quarry'));
  await chmod(root, 0o755);
  const file = join(work, 'bundle.tar');
  await packLayer(root, file);
  await rm(root, { recursive: true });
  return readLayer(file);
}

/** So that no start compiles the bundle again. Node makes the files for its own user alone. */
async function compile(root: string): Promise<void> {
  const compiled = join(root, ENVIRONMENT.NODE_COMPILE_CACHE);
  const env = { ...ENVIRONMENT, NODE_COMPILE_CACHE: compiled };
  await command([process.execPath, join(root, 'opt/quarry/quarry.mjs'), 'version'], { env });
  await command(['chmod', '--recursive', 'a+rX', compiled]);
}

/** A layer in a folder of the lab's cache, named after its recipe. */
export async function cachedLayer(recipe: readonly string[], build: (root: string) => Promise<void>): Promise<Layer> {
  const folder = join(labPaths().cache, `imagelayer-${recipe[0]}-${hashParts(recipe)}`);
  const file = join(folder, 'layer.tar');
  if (!existsSync(file)) {
    await buildFolder(folder, async (temporary) => {
      const root = join(temporary, 'root');
      await mkdir(root);
      await build(root);
      await packLayer(root, join(temporary, 'layer.tar'));
      await rm(root, { recursive: true });
    });
  }
  await markUsed(folder);
  return readLayer(file);
}

export async function put(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await copyFile(from, to);
  await chmod(to, 0o755);
}
