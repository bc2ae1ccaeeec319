import type { Feature } from '../../app/feature.ts';
import { calibrate } from './command.ts';

/** Measures what a pool's disks can do. */
export const calibration: Feature = {
  commands: [calibrate],
  node: async (context) => (await import('./node.ts')).createCalibrationPart(context),
};
