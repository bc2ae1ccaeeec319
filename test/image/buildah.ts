import { existsSync } from 'node:fs';
import { copyFile, cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Layer, writeArchive } from '../../image/oci.ts';
import { cachedLayer, put } from '../../image/quarry.ts';
import { bootstrap, debianMirror } from '../../lab/base.ts';
import { command } from '../../lab/command.ts';
import { buildFolder, markUsed } from '../../lab/image.ts';
import { hashParts, labPaths, REPOSITORY } from '../../lab/paths.ts';
import { SUITE } from '../../lab/recipe.ts';

const BUILDER = ['buildah', 'crun', 'netavark'];

/**
 * Builds the Dockerfile as a user with a registry does, except for the base images, which are made here from the same Debian and the same Node.
 * Debian's buildah runs in its own root, mount and process namespaces. Returns the OCI archive.
 */
export async function buildDockerfile(folder: string): Promise<string> {
  const builder = await builderRoot();
  await writeBaseImages(folder);
  await writeNpmSettings(folder);
  // Limits lower than buildah's own, which a root without CAP_SYS_RESOURCE may not set.
  const script = `set -eu
    mount --make-rprivate /
    mount --bind ${builder} ${builder}
    mount -t proc proc ${builder}/proc
    mount --rbind /sys ${builder}/sys
    mount --rbind /dev ${builder}/dev
    mount --bind ${folder} ${builder}/mnt
    mount --bind -o ro ${REPOSITORY} ${builder}/srv
    exec chroot ${builder} env -i HOME=/root TMPDIR=/mnt PATH=/usr/sbin:/usr/bin:/sbin:/bin \\
      buildah --root /mnt/store --storage-driver vfs build --isolation chroot --network host --identity-label=false \\
        --ulimit nofile=4096:4096 --ulimit nproc=4096:4096 \\
        --build-arg BASE_IMAGE=oci-archive:/mnt/debian.tar --build-arg NODE_IMAGE=oci-archive:/mnt/node.tar \\
        --volume /mnt/npmrc:/root/.npmrc:ro --volume /mnt/authorities:/root/authorities:ro --tag oci-archive:/mnt/built.tar:localhost/quarry:latest /srv`;
  await command(['unshare', '--mount', '--pid', '--fork', '--kill-child', 'sh', '-c', script]);
  return join(folder, 'built.tar');
}

async function builderRoot(): Promise<string> {
  const root = join(labPaths().cache, `buildah-${hashParts([SUITE, ...BUILDER])}`);
  if (!existsSync(root)) {
    const mirror = await debianMirror();
    await buildFolder(root, (temporary) => bootstrap(temporary, mirror, BUILDER));
  }
  await markUsed(root);
  await copyFile('/etc/resolv.conf', join(root, 'etc/resolv.conf'));
  return root;
}

/** The base images that the Dockerfile takes from a registry by default: Debian, and Debian with Node and npm. */
async function writeBaseImages(folder: string): Promise<void> {
  const [debian, forNode] = [await baseLayer(['apt']), await baseLayer(['apt', 'libatomic1', 'libstdc++6'])];
  const npm = dirname(dirname((await command(['sh', '-c', 'readlink -f "$(command -v npm)"'])).trim()));
  const node = await cachedLayer(['node-and-npm', process.version, npm], async (root) => {
    await put(process.execPath, join(root, 'usr/local/bin/node'));
    await cp(npm, join(root, 'usr/local/lib/npm'), { recursive: true });
    await symlink('../lib/npm/bin/npm-cli.js', join(root, 'usr/local/bin/npm'));
  });
  await mkdir(folder, { recursive: true });
  await writeArchive(join(folder, 'debian.tar'), { reference: 'localhost/debian:latest', layers: [debian] });
  await writeArchive(join(folder, 'node.tar'), { reference: 'localhost/node:latest', layers: [forNode, node] });
}

function baseLayer(packages: readonly string[]): Promise<Layer> {
  return cachedLayer(['base', SUITE, ...packages], async (root) => bootstrap(root, await debianMirror(), packages));
}

/** This machine's npm registry and its certificate authorities, and no other settings. */
async function writeNpmSettings(folder: string): Promise<void> {
  const registry = (await command(['npm', 'config', 'get', 'registry'])).trim();
  const authorities = process.env['NODE_EXTRA_CA_CERTS'];
  await writeFile(join(folder, 'authorities'), authorities ? await readFile(authorities) : '');
  await writeFile(join(folder, 'npmrc'), `registry=${registry}\n${authorities ? 'cafile=/root/authorities\n' : ''}`);
}
