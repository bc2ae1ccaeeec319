import type { CsiContext, Part } from '../../app/feature.ts';
import { createSnapshotService } from './service.ts';
import { Snapshotter } from './snapshotter.ts';

/** The calls about snapshots, of a role that serves CSI's Controller. */
export function createSnapshotPart({ driver, registry }: CsiContext): Part {
  return {
    services: { Controller: createSnapshotService(new Snapshotter(registry), driver) },
    capabilities: ['CREATE_DELETE_SNAPSHOT', 'LIST_SNAPSHOTS', 'GET_SNAPSHOT', 'CLONE_VOLUME'],
  };
}
