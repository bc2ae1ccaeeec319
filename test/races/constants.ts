import type { Log } from '../../src/log.ts';
import type { Timing } from '../../src/fleet/wire/timing.ts';

export const driver = 'lvm.quarry.csi';

export const timing: Timing = { pingEvery: 10_000, silence: 25_000, greeting: 60_000, command: 5000 };

const nothing = (): void => undefined;

export const log: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
