import { join } from 'node:path';
import { findGo } from './go.ts';
import { buildFolder } from './image.ts';
import { hashOf, labPaths } from './paths.ts';

const SOURCE = join(import.meta.dirname, 'promtool');

/** Folder of Prometheus' promtool, which tests alert rules. */
export function promtoolFolder(): string {
  return join(labPaths().cache, `promtool-${hashOf(SOURCE)}`);
}

/** The caller holds the lock of the set-up. */
export async function buildPromtool(say: (words: string) => void): Promise<void> {
  say('building promtool (about five minutes on two processors, once) …');
  const go = await findGo(labPaths().cache, say);
  const program = 'github.com/prometheus/prometheus/cmd/promtool';
  await buildFolder(promtoolFolder(), (out) =>
    go(['install', '-trimpath', '-buildvcs=false', program], { source: SOURCE, out }),
  );
}
