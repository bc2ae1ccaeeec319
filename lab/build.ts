import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { buildBase } from './base.ts';
import { LabError } from './command.ts';
import { findGo, type Go } from './go.ts';
import { buildFolder, buildLayer, markUsed } from './image.ts';
import { AGENT_SOURCE, type LabPaths } from './paths.ts';
import {
  API_VERSIONS,
  CERT_MANAGER_VERSION,
  GO_TOOLS,
  type GoTool,
  type ModuleFile,
  PROTOS,
  SNAPSHOT_API,
  SNAPSHOT_METADATA_API,
} from './recipe.ts';

/** Builds the same program on any machine, without debug information. */
const FLAGS = ['-trimpath', '-buildvcs=false', '-ldflags=-s -w'];
/** Folder of unpacked modules below that of a part that is being built. */
const MODULES = 'modules';
const KEEP_UNUSED_MS = 7 * 24 * 3600 * 1000;

/** Builds the missing parts of the lab. One at a time: the caller holds the lock of the set-up. */
export async function buildLab(paths: LabPaths, say: (words: string) => void): Promise<void> {
  await mkdir(paths.cache, { recursive: true });
  // Debian's build waits for the network and dpkg, Go's for the processor: together they take little longer than one.
  const results = await Promise.allSettled([buildPrograms(paths, say), buildImage(paths, say)]);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  if (!existsSync(paths.layer)) await buildFolder(paths.layer, (folder) => buildLayer(folder, paths));
  await prune(paths);
}

async function buildImage(paths: LabPaths, say: (words: string) => void): Promise<void> {
  if (existsSync(paths.base)) return;
  say('building the guest image (under a minute with a near mirror) …');
  await buildFolder(paths.base, buildBase);
  say('the guest image is built');
}

async function buildPrograms(paths: LabPaths, say: (words: string) => void): Promise<void> {
  if ([paths.agent, paths.tools, paths.schemas, paths.protos].every((path) => existsSync(path))) return;
  const go = await findGo(paths.cache, say);
  if (!existsSync(paths.agent)) await buildFolder(dirname(paths.agent), (folder) => buildAgent(go, folder));
  if (!existsSync(paths.schemas)) await buildFolder(paths.schemas, (folder) => fetchSchemas(go, folder));
  if (!existsSync(paths.protos)) await buildFolder(paths.protos, (folder) => fetchProtos(go, folder));
  if (existsSync(paths.tools)) return;
  say(`building ${GO_TOOLS.map((tool) => `${tool.module}@${tool.version}`).join(', ')} …`);
  await buildFolder(paths.tools, async (folder) => {
    for (const tool of GO_TOOLS) await buildTool(go, tool, folder);
  });
  say('the Go programs are built');
}

async function buildTool(go: Go, { module, version, program, mended }: GoTool, out: string): Promise<void> {
  if (!mended) return go(['install', ...FLAGS, `${module}/${program}@${version}`], { out });
  const source = join(out, MODULES, `${module}@${version}`);
  await go(['mod', 'download', '-modcacherw', `${module}@${version}`], { out, modules: MODULES });
  const file = join(source, mended.file);
  const before = await readFile(file, 'utf8');
  if (!before.includes(mended.text))
    throw new LabError(`${module}@${version} has no "${mended.text}" in ${mended.file}`);
  await writeFile(file, before.replace(mended.text, mended.by));
  await go(['build', ...FLAGS, '-o', join(out, basename(program)), `./${program}`], { source, out });
  await rm(join(out, MODULES), { recursive: true });
}

async function buildAgent(go: Go, out: string): Promise<void> {
  await go(['build', ...FLAGS, '-o', join(out, 'labagent'), '.'], { source: AGENT_SOURCE, out });
}

/** Copies a file or a folder of a module to `target`. The caller removes the modules below `out` in the end. */
async function fetchFile(go: Go, { module, file }: ModuleFile, out: string, target: string): Promise<void> {
  await go(['mod', 'download', '-modcacherw', module], { out, modules: MODULES });
  await cp(join(out, MODULES, module, file), join(out, target), { recursive: true });
}

/** Fetches the schemas of the APIs that the chart uses, from their modules: a few seconds each. */
async function fetchSchemas(go: Go, out: string): Promise<void> {
  for (const version of API_VERSIONS) {
    const schema = { module: `k8s.io/kubernetes@${version}`, file: 'api/openapi-spec/swagger.json' };
    await fetchFile(go, schema, out, `${version}.json`);
  }
  const module = `github.com/cert-manager/cert-manager@${CERT_MANAGER_VERSION}`;
  await fetchFile(go, { module, file: 'deploy/crds/cert-manager.io_certificates.yaml' }, out, 'certificates.yaml');
  for (const api of [SNAPSHOT_API, SNAPSHOT_METADATA_API]) {
    await fetchFile(go, { module: api, file: 'config/crd' }, out, 'snapshots');
  }
  await rm(join(out, 'snapshots/kustomization.yaml'));
  await rm(join(out, MODULES), { recursive: true });
}

async function fetchProtos(go: Go, out: string): Promise<void> {
  for (const [name, proto] of Object.entries(PROTOS)) await fetchFile(go, proto, out, `${name}.proto`);
  await rm(join(out, MODULES), { recursive: true });
}

/** Removes parts that no checkout has used for a while. */
async function prune(paths: LabPaths): Promise<void> {
  const current = [paths.base, paths.layer, dirname(paths.agent), paths.tools, paths.schemas, paths.protos];
  for (const path of current) await markUsed(path);
  for (const name of await readdir(paths.cache)) {
    const path = join(paths.cache, name);
    if (
      !/^(base|layer|agent|tools|schemas|protos|programs|suite|runtime|disk|imagelayer)-/.test(name) ||
      current.includes(path)
    )
      continue;
    const { mtimeMs } = await stat(path);
    if (Date.now() - mtimeMs > KEEP_UNUSED_MS) await rm(path, { recursive: true, force: true });
  }
}
