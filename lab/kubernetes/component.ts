import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import type { Agent } from '../agent.ts';
import type { Process } from '../process.ts';

/** A program of the host that is part of the cluster. */
export interface Component {
  /** Also the name of its program. */
  readonly name: string;
  readonly flags: readonly string[];
}

/** Starts the program, with a log in `folder`. */
export async function startComponent(
  host: Agent,
  programs: string,
  folder: string,
  component: Component,
): Promise<Process> {
  const started = await host.start([join(programs, component.name), ...component.flags]);
  const log = createWriteStream(join(folder, `${component.name}.log`), { flags: 'a' });
  for (const output of [started.stdout, started.stderr]) output.onText((text) => log.write(text));
  const end = (): void => void log.end();
  started.exited.then(end, end);
  return started;
}
