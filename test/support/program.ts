import { join } from 'node:path';
import { bundleDriver } from '../../bundle.ts';
import { REPOSITORY } from '../../lab/paths.ts';
import { REPOSITORY_PATH } from '../../lab/recipe.ts';

const file = 'dist/quarry.mjs';
/** The driver, bundled, as a guest sees it: one file, because a guest takes seconds to read the hundreds of sources. */
export const PROGRAM = join(REPOSITORY_PATH, file);
/** The same file as the host sees it. */
export const HOST_PROGRAM = join(REPOSITORY, file);

let bundled: Promise<void> | undefined;

/** Bundles the sources as they are now, once in each process. */
export function bundleOnce(): Promise<void> {
  return (bundled ??= bundleDriver());
}
