import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import {
  API_VERSIONS,
  CERT_MANAGER_VERSION,
  GO_TOOLS,
  KERNEL_PACKAGE,
  KERNEL_SUITE,
  PACKAGES,
  PROTOS,
  SNAPSHOT_API,
  SNAPSHOT_METADATA_API,
  SUITE,
} from './recipe.ts';

export const REPOSITORY = join(import.meta.dirname, '..');
export const AGENT_SOURCE = join(import.meta.dirname, 'agent');
export const GUEST_ROOT_SOURCE = join(import.meta.dirname, 'guest-root');
const BASE_SOURCE = join(import.meta.dirname, 'base.ts');

/**
 * Each part of the lab is in a folder named after the content of its recipe, so a folder that exists is complete and
 * current. The parts are separate because some change more often than others: a new line in the guest's init must not
 * cause a new build of Debian.
 */
export interface LabPaths {
  readonly cache: string;
  /** Debian and the kernel: the expensive part. */
  readonly base: string;
  /** Our own files, which overlay the base. */
  readonly layer: string;
  /** The agent, the same binary for host and guest. */
  readonly agent: string;
  /** Folder of the Go programs that tests run. */
  readonly tools: string;
  /** Folder of the schemas of the Kubernetes API, one file for each version, and of cert-manager's Certificate; `snapshots` has the CustomResourceDefinitions of snapshots. */
  readonly schemas: string;
  /** Folder of the protos of other projects, each `NAME.proto`. */
  readonly protos: string;
  /** Parent of the folders of running labs. */
  readonly runs: string;
  /** Folder of the locks that say which processors running guests have. */
  readonly processors: string;
}

export function labPaths(): LabPaths {
  const cache = process.env['QUARRY_LAB_CACHE'] ?? join(homedir(), '.cache', 'quarry', 'lab');
  const agentHash = hashOf(AGENT_SOURCE);
  return {
    cache,
    base: join(
      cache,
      `base-${hashParts([SUITE, KERNEL_SUITE, KERNEL_PACKAGE, ...PACKAGES, readFileSync(BASE_SOURCE)])}`,
    ),
    layer: join(cache, `layer-${hashParts([hashOf(GUEST_ROOT_SOURCE), agentHash])}`),
    agent: join(cache, `agent-${agentHash}`, 'labagent'),
    tools: join(cache, `tools-${hashParts(GO_TOOLS.map((tool) => JSON.stringify(tool)))}`),
    schemas: join(
      cache,
      `schemas-${hashParts([...API_VERSIONS, CERT_MANAGER_VERSION, SNAPSHOT_API, SNAPSHOT_METADATA_API])}`,
    ),
    protos: join(cache, `protos-${hashParts([JSON.stringify(PROTOS)])}`),
    runs: join(cache, 'runs'),
    processors: join(cache, 'processors'),
  };
}

/** The parts that `npm run setup` still has to build; empty when guests can boot. */
export function missingParts(paths: LabPaths): string[] {
  return [paths.base, paths.layer, paths.agent, paths.tools, paths.schemas, paths.protos].filter(
    (path) => !existsSync(path),
  );
}

export function hashOf(folder: string): string {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
  return hashParts(files.flatMap((file) => [file.slice(folder.length), readFileSync(file)]));
}

export function hashParts(parts: readonly (string | Buffer)[]): string {
  const digest = createHash('sha256');
  for (const part of parts) digest.update(part).update('\0');
  return digest.digest('hex').slice(0, 12);
}
