import { capabilities, createVolume, type Driver, MiB, type Outcome, outcomeOf } from './driver.ts';

/** The calls for volumes of `node-1`, by name, each with its outcome. Volumes have 16 MiB, and are staged at `/run/<name>`. */
export function volumeCalls(driver: () => Driver) {
  const volumeId = (name: string) => `node-1:${name}`;
  const staging = (name: string) => ({ volumeId: volumeId(name), stagingTargetPath: `/run/${name}` });
  const target = (name: string) => `/run/${name}-pod`;
  const controller = () => driver().client.controller;
  const node = () => driver().client.node;
  let size = 16;
  let limit = 100;
  return {
    create: (name: string, pool: string, type = 'thick') =>
      outcomeOf(createVolume(driver(), name, 16 * MiB, { parameters: { pool, type } })),
    remove: (name: string) => outcomeOf(controller().deleteVolume({ volumeId: volumeId(name) })),
    /** To a larger size each time. */
    expand: (name: string, mebibytes = (size += 4)): Promise<Outcome> => {
      const capacityRange = { requiredBytes: `${mebibytes * MiB}` };
      return outcomeOf(controller().controllerExpandVolume({ volumeId: volumeId(name), capacityRange }));
    },
    /** To another limit each time. */
    modify: (name: string): Promise<Outcome> => {
      const mutableParameters = { readIops: `${++limit}` };
      return outcomeOf(controller().controllerModifyVolume({ volumeId: volumeId(name), mutableParameters }));
    },
    capacity: async (pool: string) => (await controller().getCapacity({ parameters: { pool } })).availableCapacity,
    stage: (name: string, access: keyof typeof capabilities = 'ext4') =>
      outcomeOf(node().nodeStageVolume({ ...staging(name), volumeCapability: capabilities[access] })),
    unstage: (name: string) => outcomeOf(node().nodeUnstageVolume(staging(name))),
    publish: (name: string): Promise<Outcome> => {
      const request = { ...staging(name), targetPath: target(name), volumeCapability: capabilities.ext4 };
      return outcomeOf(node().nodePublishVolume(request));
    },
    unpublish: (name: string) =>
      outcomeOf(node().nodeUnpublishVolume({ volumeId: volumeId(name), targetPath: target(name) })),
    stats: (name: string) =>
      outcomeOf(node().nodeGetVolumeStats({ volumeId: volumeId(name), volumePath: `/run/${name}` })),
  };
}
