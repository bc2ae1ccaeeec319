import type { Feature } from '../../app/feature.ts';
import { doctor as command } from './command.ts';

/** What is wrong with a machine or a cluster, before the installation and after. */
export const doctor: Feature = { commands: [command] };
