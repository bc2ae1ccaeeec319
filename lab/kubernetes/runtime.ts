import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { debianMirror } from '../base.ts';
import { command } from '../command.ts';
import { RUNTIME_PACKAGES, RUNTIME_SUITE } from './recipe.ts';

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** Unpacks packages of another suite into a folder, without installing them and their dependencies. */
export async function buildRuntime(root: string): Promise<void> {
  const work = join(root, 'packages');
  for (const folder of ['lists/partial', 'archives/partial']) await mkdir(join(work, folder), { recursive: true });
  const list = join(work, 'sources.list');
  // A mirror's snapshot of sid is often older than the validity that its list claims.
  const flags = `check-valid-until=no signed-by=${KEYRING}`;
  await writeFile(list, `deb [${flags}] ${await debianMirror()} ${RUNTIME_SUITE} main\n`);
  const options = Object.entries({
    'Dir::Etc::sourcelist': list,
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::State::lists': join(work, 'lists'),
    'Dir::State::status': '/dev/null',
    'Dir::Cache': work,
    'APT::Sandbox::User': 'root',
    'Acquire::Languages': 'none',
  }).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  await command(['apt-get', '-qq', ...options, 'update']);
  await command(['apt-get', '-qq', ...options, 'download', ...RUNTIME_PACKAGES], { cwd: work });
  for (const name of await readdir(work)) {
    if (name.endsWith('.deb')) await command(['dpkg-deb', '--extract', join(work, name), root]);
  }
  await rm(work, { recursive: true });
}
