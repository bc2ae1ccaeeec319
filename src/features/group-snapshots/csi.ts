import type { CsiContext, Part } from '../../app/feature.ts';
import { GroupSnapshotter } from './group-snapshotter.ts';
import { createGroupSnapshotService } from './service.ts';

/** The calls about group snapshots, of a role that serves CSI's Controller. */
export function createGroupSnapshotPart({ driver, registry }: CsiContext): Part {
  return { services: { GroupController: createGroupSnapshotService(new GroupSnapshotter(registry), driver) } };
}
