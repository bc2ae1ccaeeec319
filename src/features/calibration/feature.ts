import type { Feature } from '../../app/feature.ts';
import { calibrate } from './command.ts';

/** Measures the rates that a pool's disks sustain. */
export const calibration: Feature = {
  commands: [calibrate],
  node: async (context) => (await import('./node.ts')).createCalibrationPart(context),
};
