import { calibration } from '../features/calibration/feature.ts';
import { changedBlocks } from '../features/changed-blocks/feature.ts';
import { disks } from '../features/disks/feature.ts';
import { doctor } from '../features/doctor/feature.ts';
import { events } from '../features/events/feature.ts';
import { groupSnapshots } from '../features/group-snapshots/feature.ts';
import { health } from '../features/health/feature.ts';
import { hung } from '../features/hung/feature.ts';
import { inline } from '../features/inline/feature.ts';
import { jobs } from '../features/jobs/feature.ts';
import { news } from '../features/news/feature.ts';
import { orphans } from '../features/orphans/feature.ts';
import { overview } from '../features/overview/feature.ts';
import { qos } from '../features/qos/feature.ts';
import { recovery } from '../features/recovery/feature.ts';
import { snapshots } from '../features/snapshots/feature.ts';
import type { Feature } from './feature.ts';

/** In the order of help. Each loads its code only when it is used. */
export const features: readonly Feature[] = [
  disks,
  overview,
  doctor,
  calibration,
  orphans,
  recovery,
  qos,
  jobs,
  hung,
  snapshots,
  groupSnapshots,
  changedBlocks,
  health,
  inline,
  news,
  events,
];
