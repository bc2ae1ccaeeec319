import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { findGo } from '../go.ts';
import { buildFolder } from '../image.ts';
import { buildNodeDisk } from './disk.ts';
import type { ClusterPaths } from './paths.ts';
import { buildPrograms, buildSuite } from './programs.ts';
import { buildRuntime } from './runtime.ts';

/** Builds the missing parts of the lab's Kubernetes; the lab itself must exist. The caller holds the lock of the set-up. */
export async function buildCluster(paths: ClusterPaths, say: (words: string) => void): Promise<void> {
  await mkdir(paths.lab.cache, { recursive: true });
  if (!existsSync(paths.runtime)) {
    say('fetching containerd …');
    await buildFolder(paths.runtime, buildRuntime);
  }
  if (!existsSync(paths.programs)) {
    say('building Kubernetes (about ten minutes on two processors, once) …');
    const go = await findGo(paths.lab.cache, say);
    await buildFolder(paths.programs, (folder) => buildPrograms(go, folder, say));
  }
  if (!existsSync(paths.disk)) {
    say("building the images and the nodes' disk …");
    await buildFolder(paths.disk, (folder) => buildNodeDisk(folder, paths));
  }
}

/** Builds Kubernetes' own tests, which a cluster does not need. */
export async function buildClusterSuite(paths: ClusterPaths, say: (words: string) => void): Promise<void> {
  say("building Kubernetes' own tests (about two minutes after Kubernetes itself, once) …");
  const go = await findGo(paths.lab.cache, say);
  await buildFolder(paths.suite, (folder) => buildSuite(go, folder));
}
