import type { App } from '../app/app.ts';
import { fileThreads } from '../concurrency/patience.ts';
import { loadConfig } from '../config/config.ts';
import { setFileThreads } from '../config/environment.ts';
import type { Config, Configs, Role } from '../config/schema.ts';
import { createLog, type Log } from '../log.ts';
import type { RegistrationMode } from '../config/cluster.ts';
import { settleHeap } from './heap.ts';

/** Milliseconds that calls in flight have after SIGTERM. The chart's grace period includes it. */
export const stopDeadline = 20_000;

const lingering = 5000;

interface ServeCommand {
  readonly role: Role;
  readonly config: string;
  readonly registration?: RegistrationMode | undefined;
}

/** Serves until SIGTERM or SIGINT, then ends the calls in flight. SIGHUP rescans the disks. */
export async function serve(command: ServeCommand): Promise<string> {
  setFileThreads(fileThreads);
  const { app, log } = await create(command);
  const stopSignal = Promise.withResolvers<string>();
  process.on('SIGTERM', () => stopSignal.resolve('SIGTERM'));
  process.on('SIGINT', () => stopSignal.resolve('SIGINT'));
  process.on('SIGHUP', () => app.rescan());
  await app.start();
  if (command.role !== 'controller') settleHeap(log);
  log.info({ signal: await stopSignal.promise }, 'stopping');
  const clean = await app.stop(stopDeadline);
  log.info({ clean }, 'stopped');
  // A child process that hangs on a lost disk must not keep this process alive.
  setTimeout(() => process.exit(1), lingering).unref();
  return '';
}

interface Made {
  readonly app: App;
  readonly log: Log;
}

/** Each role loads only what it uses. */
function create({ role, config: path, registration }: ServeCommand): Promise<Made> {
  switch (role) {
    case 'controller':
      return make(path, role, async (config, log) => {
        const { createController } = await import('../app/controller.ts');
        return createController(config, log);
      });
    case 'node':
      return make(path, role, async (config, log) => {
        const { createNode } = await import('../app/node.ts');
        return createNode(registered(config, registration), log);
      });
    case 'all':
      return make(path, role, async (config, log) => {
        const { createAll } = await import('../app/all.ts');
        return createAll(registered(config, registration), log);
      });
  }
}

async function make<Name extends Role>(
  path: string,
  role: Name,
  createApp: (config: Configs[Name], log: Log) => Promise<App>,
): Promise<Made> {
  const config = await loadConfig(path, role);
  const log = createLog(config.log.level);
  return { app: await createApp(config, log), log };
}

/** The command line overrides the file. */
function registered<Given extends Config>(config: Given, mode: ServeCommand['registration']): Given {
  return mode === undefined ? config : { ...config, registration: { ...config.registration, mode } };
}
