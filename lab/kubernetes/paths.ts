import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { hashOf, hashParts, type LabPaths, labPaths } from '../paths.ts';
import * as recipe from './recipe.ts';

/** The parts of the lab's Kubernetes, each in a folder named after the content of its recipe, as in {@link LabPaths}. */
export interface ClusterPaths {
  readonly lab: LabPaths;
  /** Kubernetes' own programs and the sidecars: static, for host and guests. */
  readonly programs: string;
  /** Debian's containerd, runc and network plugins, with their paths below a root. */
  readonly runtime: string;
  /** Folder of the nodes' initial disk. */
  readonly disk: string;
  /** Kubernetes' own end-to-end tests, their runner, and the program of their pods. */
  readonly suite: string;
}

/** Files that decide the content of the disk, among those that decide other parts too. */
const DISK_SOURCES = [
  'node/containerd.sh',
  'node/containerd.toml',
  '../../image/packages.txt',
  '../../image/trim.sh',
  '../../image/quarry.ts',
];

export function clusterPaths(): ClusterPaths {
  const lab = labPaths();
  const part = (name: string, parts: readonly string[]): string => join(lab.cache, `${name}-${hashParts(parts)}`);
  const { PROGRAMS_SOURCE, SUITE_SOURCE, LINKER_FLAGS, RUNTIME_SUITE, RUNTIME_PACKAGES } = recipe;
  const programs = part('programs', [hashOf(PROGRAMS_SOURCE), LINKER_FLAGS]);
  const runtime = part('runtime', [RUNTIME_SUITE, ...RUNTIME_PACKAGES]);
  const { IMAGES, WORKLOAD_PACKAGES, WORKLOAD_USER, NODE_DISK } = recipe;
  const content = [JSON.stringify(IMAGES), ...WORKLOAD_PACKAGES, WORKLOAD_USER, NODE_DISK, lab.base];
  const sources = DISK_SOURCES.map((file) => readFileSync(join(import.meta.dirname, file), 'utf8'));
  return {
    lab,
    programs,
    runtime,
    disk: part('disk', [programs, runtime, lab.agent, ...sources, ...content]),
    suite: part('suite', [hashOf(SUITE_SOURCE), LINKER_FLAGS]),
  };
}

/** The parts that `npm run setup -- cluster` still has to build; empty when a cluster can start. */
export function missingClusterParts(paths: ClusterPaths): string[] {
  return [paths.programs, paths.runtime, paths.disk].filter((path) => !existsSync(path));
}
