import type { ControllerContext, Part } from '../../app/feature.ts';
import { fleetInventories } from '../../metrics/fleet.ts';
import { healthFamilies } from './metrics.ts';

/** The health of what the nodes have reported. */
export function createHealthMetrics(fleet: ControllerContext['fleet']): Part {
  return { metrics: healthFamilies(fleetInventories(fleet)) };
}
