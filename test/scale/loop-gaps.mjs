/** Loaded before the controller's program (`--import`): tells its parent how long its event loop was blocked since the last question. In JavaScript, because Node's compiler of types takes 10 MiB. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

const resolution = 1;
const delay = monitorEventLoopDelay({ resolution });
delay.enable();
process.on('message', () => {
  // Milliseconds beyond the timer's own period.
  process.send?.(Math.max(0, delay.max / 1e6 - resolution));
  delay.reset();
});
process.channel?.unref();
