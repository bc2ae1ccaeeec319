import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeArchive } from '../../image/oci.ts';
import { assembleQuarry } from '../../image/quarry.ts';
import { command } from '../../lab/command.ts';
import { packagesIn, pathsIn, type Unpacked, unpack } from './archive.ts';
import { buildDockerfile } from './buildah.ts';

describe('the Dockerfile, built', () => {
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

  test('says of itself what the assembled image says', () => {
    expect(built.config).toEqual(assembled.config);
  });

  test('has the same packages and the same files, and nothing else', async () => {
    expect(await packagesIn(built)).toEqual(await packagesIn(assembled));
    expect(await pathsIn(built)).toEqual(await pathsIn(assembled));
  });

  test.each(['usr/local/bin/node', 'usr/local/bin/quarry', 'opt/quarry/quarry.mjs'])(
    'has the same %s',
    async (path) => {
      const [one, other] = await Promise.all([built, assembled].map(({ root }) => readFile(join(root, path))));
      expect(one?.equals(other ?? Buffer.alloc(0))).toBe(true);
    },
  );

  test('runs, and each program finds the libraries that it needs', async () => {
    const run = (...argv: string[]) => command(['chroot', '--userspec=65532:65532', built.root, ...argv]);
    expect(await run('quarry', 'version')).toMatch(/^\d+\.\d+\.\d+\n$/);
    const lacking = await run('sh', '-c', 'for file in /usr/bin/* /usr/sbin/*; do ldd $file 2>/dev/null; done');
    expect(lacking.split('\n').filter((line) => line.includes('not found'))).toEqual([]);
  });
});
