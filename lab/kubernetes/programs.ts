import { readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Go } from '../go.ts';
import { LINKER_FLAGS, PROGRAMS_SOURCE } from './recipe.ts';

/** Builds the tools of all Go modules below `programs/`: Kubernetes and its sidecars. */
export async function buildPrograms(go: Go, out: string, say: (words: string) => void): Promise<void> {
  const flags = ['-trimpath', '-buildvcs=false', `-ldflags=${LINKER_FLAGS}`];
  for (const module of await readdir(PROGRAMS_SOURCE)) {
    say(`building the programs of lab/kubernetes/programs/${module} …`);
    await go(['install', ...flags, 'tool'], { source: join(PROGRAMS_SOURCE, module), out });
  }
  // Go names a program after its package's folder.
  await rename(join(out, 'server'), join(out, 'etcd'));
}
