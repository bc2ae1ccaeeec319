import { createApp } from '../app.ts';
import type { Config } from '../config/schema.ts';
import type { Log } from '../log.ts';

/** Milliseconds that calls in flight have once the process is told to end; Kubernetes gives 30 s by default. */
const stopDeadline = 20_000;

/** Serves until SIGTERM or SIGINT, then ends what is in flight. SIGHUP looks for disks again. */
export async function serve(config: Config, log: Log): Promise<void> {
  const app = await createApp(config, log);
  const told = Promise.withResolvers<string>();
  process.on('SIGTERM', () => told.resolve('SIGTERM'));
  process.on('SIGINT', () => told.resolve('SIGINT'));
  process.on('SIGHUP', () => app.rescan());
  await app.start();
  log.info({ signal: await told.promise }, 'stopping');
  const clean = await app.stop(stopDeadline);
  log.info({ clean }, 'stopped');
}
