import { readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Go } from '../go.ts';
import { LINKER_FLAGS, PROGRAMS_SOURCE } from './recipe.ts';

/** Builds the tools of all Go modules below `programs/`: Kubernetes and its sidecars. */
export async function buildPrograms(go: Go, out: string, say: (words: string) => void): Promise<void> {
  const flags = ['-trimpath', '-buildvcs=false', `-ldflags=${LINKER_FLAGS}`];
  for (const module of await readdir(PROGRAMS_SOURCE)) {
    const source = join(PROGRAMS_SOURCE, module);
    // One by one, so that whoever waits sees how far it is.
    for (const tool of await toolsOf(source)) {
      say(`building ${tool} …`);
      await go(['install', ...flags, tool], { source, out });
    }
  }
  // Go names a program after its package's folder.
  await rename(join(out, 'server'), join(out, 'etcd'));
}

/** What a module's go.mod calls tools: paths of packages. */
async function toolsOf(source: string): Promise<string[]> {
  const text = await readFile(join(source, 'go.mod'), 'utf8');
  const [, list = ''] = /^tool (\([^)]*\)|.*)$/m.exec(text) ?? [];
  return list.split(/[\s()]+/).filter(Boolean);
}
