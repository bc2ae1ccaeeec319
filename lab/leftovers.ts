import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Agent } from './agent.ts';

const STARTING_MS = 60_000;

/** Removes the folders of labs whose holder was killed: no process answers there any more. */
export async function removeLeftovers(runs: string): Promise<void> {
  await mkdir(runs, { recursive: true });
  for (const name of await readdir(runs)) {
    const folder = join(runs, name);
    const age = await stat(folder).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    );
    if (age < STARTING_MS || (await answers(folder))) continue;
    await rm(folder, { recursive: true, force: true });
  }
}

function answers(folder: string): Promise<boolean> {
  return new Agent(join(folder, 'host.sock')).ping(2000).then(
    () => true,
    () => false,
  );
}
