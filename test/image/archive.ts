import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { command } from '../../lab/command.ts';

interface Descriptor {
  readonly digest: string;
}

/** The configuration of an image, and the folder of its unpacked files. */
export interface Unpacked {
  readonly root: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly layers: number;
}

/** Unpacks an OCI archive of one image. */
export async function unpack(archive: string, folder: string): Promise<Unpacked> {
  const [store, root] = [join(folder, 'oci'), join(folder, 'root')];
  await mkdir(store, { recursive: true });
  await mkdir(root);
  await command(['tar', '--extract', '--file', archive, '--directory', store]);
  const blob = ({ digest }: Descriptor): string => join(store, 'blobs', digest.replace(':', '/'));
  const read = async (path: string): Promise<unknown> => JSON.parse(await readFile(path, 'utf8'));
  const { manifests } = (await read(join(store, 'index.json'))) as { manifests: [Descriptor] };
  const manifest = (await read(blob(manifests[0]))) as { config: Descriptor; layers: Descriptor[] };
  for (const layer of manifest.layers) {
    await command(['tar', '--extract', '--file', blob(layer), '--directory', root]);
  }
  const { config } = (await read(blob(manifest.config))) as { config: Unpacked['config'] };
  return { root, config, layers: manifest.layers.length };
}

/** Names and versions of the Debian packages. */
export async function packagesIn({ root }: Unpacked): Promise<string[]> {
  const list = await command([
    'dpkg-query',
    `--admindir=${root}/var/lib/dpkg`,
    '--show',
    '--showformat',
    '${Package} ${Version}\n',
  ]);
  return list.split('\n').filter(Boolean).toSorted();
}

/** Every path with its type, permissions and owner. */
export async function pathsIn({ root }: Unpacked): Promise<string[]> {
  const list = await command(['find', root, '-mindepth', '1', '-printf', '%P %y %m %U:%G %l\n']);
  return list.split('\n').filter(Boolean).toSorted();
}
