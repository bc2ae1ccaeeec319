import { calibration } from '../features/calibration/feature.ts';
import { orphans } from '../features/orphans/feature.ts';
import type { Feature } from './feature.ts';

/** In the order of help. Each loads what it works with when it is asked for. */
export const features: readonly Feature[] = [calibration, orphans];
