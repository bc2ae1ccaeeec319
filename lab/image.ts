import { chmod, copyFile, cp, mkdir, rename, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { command } from './command.ts';
import { GUEST_ROOT_SOURCE, type LabPaths } from './paths.ts';

/** Builds a folder next to its final path and moves it when it is complete: a path that exists is never half-built. */
export async function buildFolder(path: string, build: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = `${path}.building`;
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary, { recursive: true });
  await build(temporary);
  // mmdebstrap sets 0755, mkdir uses the umask.
  await chmod(temporary, 0o755);
  await rename(temporary, path);
}

/** Keeps a part of the cache from being removed as unused. */
export async function markUsed(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now);
}

/** Our init, LVM settings and the agent, which overlay the base when a guest boots. */
export async function buildLayer(layer: string, paths: LabPaths): Promise<void> {
  await cp(GUEST_ROOT_SOURCE, layer, { recursive: true });
  // In merged-/usr Debian /sbin is a link, and a layer must not turn it into a folder.
  await mkdir(join(layer, 'usr'), { recursive: true });
  await rename(join(layer, 'sbin'), join(layer, 'usr', 'sbin'));
  await copyFile(paths.agent, join(layer, 'usr', 'sbin', 'labagent'));
  await command(['chown', '-R', 'root:root', layer]);
}
