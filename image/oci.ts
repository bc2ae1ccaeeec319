import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { link, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { command } from '../lab/command.ts';

/** One layer of an image: a tar that is not compressed, so that its digest is also that of its content. */
export interface Layer {
  readonly file: string;
  readonly digest: string;
  readonly size: number;
}

export interface ImageDescription {
  readonly reference: string;
  readonly layers: readonly Layer[];
  readonly entrypoint?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly user?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const MEDIA = 'application/vnd.oci.image';

/** Makes a tar of a folder that is the same for the same content. */
export async function packLayer(folder: string, file: string): Promise<void> {
  const same = ['--sort=name', '--mtime=@0', '--numeric-owner', '--owner=0', '--group=0'];
  // A runtime makes /dev itself; devices in an image only prevent unpacking without root.
  await command(['tar', ...same, '--exclude=./dev/*', '--create', '--file', file, '--directory', folder, '.']);
}

export async function readLayer(file: string): Promise<Layer> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return { file, digest: hash.digest('hex'), size: (await stat(file)).size };
}

/**
 * Writes an image as an OCI archive for `ctr image import`, podman and skopeo. Layers that its reader has already
 * may be left out.
 */
export async function writeArchive(
  file: string,
  image: ImageDescription,
  leftOut: readonly Layer[] = [],
): Promise<void> {
  const stage = await mkdtemp(join(dirname(file), '.image-'));
  try {
    const blobs = join(stage, 'blobs', 'sha256');
    await mkdir(blobs, { recursive: true });
    const described = image.layers.map(({ digest, size }) => descriptor('layer.v1.tar', digest, size));
    for (const layer of image.layers) {
      if (!leftOut.includes(layer)) await place(layer, join(blobs, layer.digest));
    }
    const config = await putBlob(blobs, 'config.v1+json', configOf(image));
    const manifest = await putBlob(blobs, 'manifest.v1+json', {
      schemaVersion: 2,
      mediaType: `${MEDIA}.manifest.v1+json`,
      config,
      layers: described,
    });
    const annotations = {
      'io.containerd.image.name': image.reference,
      'org.opencontainers.image.ref.name': image.reference.split(':').at(-1),
    };
    const platform = { architecture: architecture(), os: 'linux' };
    await writeJson(join(stage, 'index.json'), {
      schemaVersion: 2,
      mediaType: `${MEDIA}.index.v1+json`,
      manifests: [{ ...manifest, platform, annotations }],
    });
    await writeJson(join(stage, 'oci-layout'), { imageLayoutVersion: '1.0.0' });
    await command(['tar', '--create', '--file', file, '--directory', stage, 'oci-layout', 'index.json', 'blobs']);
  } finally {
    await rm(stage, { recursive: true });
  }
}

/** A link where that is possible: layers are hundreds of megabytes. */
async function place(layer: Layer, path: string): Promise<void> {
  await link(layer.file, path).catch(() => command(['cp', layer.file, path]));
}

function configOf({ layers, entrypoint, labels, user, environment }: ImageDescription): object {
  return {
    architecture: architecture(),
    os: 'linux',
    config: {
      Env: Object.entries({ PATH, ...environment }).map(([name, value]) => `${name}=${value}`),
      ...(entrypoint && { Entrypoint: entrypoint }),
      ...(labels && { Labels: labels }),
      ...(user !== undefined && { User: user }),
    },
    rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => `sha256:${digest}`) },
  };
}

function architecture(): string {
  return ARCHITECTURES[process.arch] ?? process.arch;
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

function descriptor(type: string, digest: string, size: number): Descriptor {
  return { mediaType: `${MEDIA}.${type}`, digest: `sha256:${digest}`, size };
}

async function putBlob(folder: string, type: string, content: object): Promise<Descriptor> {
  const text = JSON.stringify(content);
  const digest = createHash('sha256').update(text).digest('hex');
  await writeFile(join(folder, digest), text);
  return descriptor(type, digest, Buffer.byteLength(text));
}

async function writeJson(path: string, content: object): Promise<void> {
  await writeFile(path, JSON.stringify(content));
}
