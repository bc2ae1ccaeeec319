import { readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Go } from '../go.ts';
import { LINKER_FLAGS, PROGRAMS_SOURCE, SUITE_SOURCE } from './recipe.ts';

const FLAGS = ['-trimpath', '-buildvcs=false', `-ldflags=${LINKER_FLAGS}`];

/** Builds the tools of all Go modules below `programs/`: Kubernetes and its sidecars. */
export async function buildPrograms(go: Go, out: string, say: (words: string) => void): Promise<void> {
  for (const module of await readdir(PROGRAMS_SOURCE)) {
    const source = join(PROGRAMS_SOURCE, module);
    // One by one, so that the user sees the progress.
    for (const tool of await toolsOf(source)) {
      say(`building ${tool} …`);
      await go(['install', ...FLAGS, tool], { source, out });
    }
  }
  // Go names a program after its package's folder.
  await rename(join(out, 'server'), join(out, 'etcd'));
}

/** The tools of a module's go.mod: paths of packages. */
async function toolsOf(source: string): Promise<string[]> {
  const text = await readFile(join(source, 'go.mod'), 'utf8');
  const [, list = ''] = /^tool (\([^)]*\)|.*)$/m.exec(text) ?? [];
  return list.split(/[\s()]+/).filter(Boolean);
}

/** Builds Kubernetes' own tests, their runner, the program of their pods, and our shell for the nodes. */
export async function buildSuite(go: Go, out: string): Promise<void> {
  const folders = { source: SUITE_SOURCE, out };
  await go(['test', '-c', ...FLAGS, '-o', join(out, 'e2e.test'), 'k8s.io/kubernetes/test/e2e'], folders);
  const programs = ['github.com/onsi/ginkgo/v2/ginkgo', 'k8s.io/kubernetes/test/images/agnhost', './shell'];
  await go(['install', ...FLAGS, ...programs], folders);
}
