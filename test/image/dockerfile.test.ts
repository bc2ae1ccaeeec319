import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeArchive } from '../../image/oci.ts';
import { assembleQuarry } from '../../image/quarry.ts';
import { command } from '../../lab/command.ts';
import { packagesIn, pathsIn, type Unpacked, unpack } from './archive.ts';
import { buildDockerfile } from './buildah.ts';

/** Files that are mounted during the build: those of a runtime, and the settings of npm. */
const mounted = /^(?:etc\/(?:hostname|hosts|resolv\.conf)|root\/(?:\.npmrc|authorities)) /;

describe('the image of the Dockerfile', () => {
  let folder: string;
  let built: Unpacked;
  let assembled: Unpacked;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'quarry-dockerfile-'));
    built = await unpack(await buildDockerfile(join(folder, 'build')), join(folder, 'built'));
    const archive = join(folder, 'assembled.tar');
    await writeArchive(archive, await assembleQuarry('localhost/quarry:latest', folder));
    assembled = await unpack(archive, join(folder, 'assembled'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('has the same configuration as the assembled image', () => {
    expect(built.config).toEqual({ ...assembled.config, WorkingDir: '/' });
  });

  test('has the same packages and the same files, and nothing else', async () => {
    expect(await packagesIn(built)).toEqual(await packagesIn(assembled));
    const [one = [], other = []] = await Promise.all([built, assembled].map(pathsIn));
    expect(one.length).toBeGreaterThan(1000);
    expect(one.filter((path) => !mounted.test(path))).toEqual(other.filter((path) => !mounted.test(path)));
  });

  test.each(['usr/local/bin/node', 'usr/local/bin/quarry', 'opt/quarry/quarry.mjs'])(
    'has the same %s',
    async (path) => {
      const [one, other] = await Promise.all([built, assembled].map(({ root }) => readFile(join(root, path))));
      expect(one?.equals(other ?? Buffer.alloc(0))).toBe(true);
    },
  );

  test('compiles nothing of the bundle when it starts, as any user', async () => {
    const environment = built.config['Env'] as string[];
    const start = [
      'env',
      ...environment,
      'NODE_DEBUG_NATIVE=COMPILE_CACHE',
      'sh',
      '-c',
      'quarry version 2>&1',
    ] as const;
    const log = await command(['chroot', '--userspec=65532:65532', built.root, ...start]);
    expect(log).toMatch(/code cache for ESM .*quarry\.mjs was accepted/);
  });

  test('runs, and each program finds the libraries that it needs', async () => {
    const enter = (...argv: string[]) => command(['chroot', ...argv]);
    expect(await enter('--userspec=65532:65532', built.root, 'quarry', 'version')).toMatch(/^\d+\.\d+\.\d+\n$/);
    const all = 'for file in /usr/bin/* /usr/sbin/*; do ldd $file 2>&1 || true; done';
    const found = (await enter(built.root, 'sh', '-c', all)).split('\n');
    expect(found.length).toBeGreaterThan(500);
    expect(found.filter((line) => line.includes('not found'))).toEqual([]);
  });
});
