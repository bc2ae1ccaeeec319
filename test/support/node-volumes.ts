import { beforeAll, expect } from 'vitest';
import type { Guest } from '../../lab/guest.ts';
import type { Process } from '../../lab/process.ts';
import type { FailureKind } from '../../src/domain/errors.ts';
import { GUEST_NODE, useGuest } from './guest.ts';

export interface NodeLab {
  readonly guest: () => Guest;
  /** Starts the Node service again, as after a boot. */
  readonly startService: () => Promise<void>;
  readonly call: (method: string, request: object | string) => Promise<unknown>;
  readonly volume: (name: string) => NodeVolume;
}

export type NodeVolume = ReturnType<typeof createVolume>;

/** A guest with the group `vg` and the Node service (node.guest.ts, with `words`), for all tests of a file. */
export function useNode(...words: string[]): NodeLab {
  const guest = useGuest({ disks: ['16G'] });
  let service: Process;
  let calls = 0;
  const startService = async (): Promise<void> => {
    service = await guest().start([GUEST_NODE, '/quarry/test/lab/node.guest.ts', ...words]);
  };
  beforeAll(async () => {
    const [disk] = guest().disks;
    // As on a host whose kubelet directory was moved: every path leads through a link.
    await guest().shell(`pvcreate -q ${disk} && vgcreate -q vg ${disk}
      mkdir -p /data/kubelet && ln -s /data/kubelet /kubelet`);
    await startService();
  });
  const call = async (method: string, request: object | string): Promise<unknown> => {
    const id = calls++;
    service.write(`${JSON.stringify({ call: id, method, request })}\n`);
    const line = await service.stdout.waitFor(`{"call":${id},`, 60_000);
    const { response, failure } = JSON.parse(line) as {
      response?: unknown;
      failure?: { kind: string; message: string };
    };
    if (failure) throw Object.assign(new Error(failure.message), { kind: failure.kind });
    return response;
  };
  return { guest, startService, call, volume: (name) => createVolume(name, guest, call) };
}

export const refused = (kind: FailureKind, message = ''): object => ({
  kind,
  message: expect.stringContaining(message),
});

/** The calls of an orchestrator for one volume. */
function createVolume(name: string, guest: NodeLab['guest'], call: NodeLab['call']) {
  const volumeId = `guest:${name}`;
  const stagingTargetPath = `/kubelet/staging/${name}`;
  const targetPath = `/kubelet/pods/${name}/mount`;
  const common = { volumeId, stagingTargetPath, publishContext: {}, secrets: {}, volumeContext: {} };
  const capability = (access: string, mountFlags: string[] = []): object => ({
    ...(access === 'block' ? { block: {} } : { mount: { fsType: access, mountFlags, volumeMountGroup: '' } }),
    accessMode: { mode: 'SINGLE_NODE_MULTI_WRITER' },
  });
  return {
    device: `/dev/mapper/vg-${name}`,
    staging: `/data${stagingTargetPath}`,
    target: `/data${targetPath}`,
    create: (options = '-L 512M') => guest().shell(`lvcreate -q -Wy -y ${options} -n ${name} vg`),
    /** Its tags: the state of its filesystem. */
    tags: async () => (await guest().shell(`lvs --noheadings -o lv_tags vg/${name}`)).trim(),
    stage: (access: string, flags?: string[]) =>
      call('nodeStageVolume', { ...common, volumeCapability: capability(access, flags) }),
    publish: (access: string, readonly = false, path = targetPath, flags?: string[]) =>
      call('nodePublishVolume', { ...common, targetPath: path, readonly, volumeCapability: capability(access, flags) }),
    unpublish: (path = targetPath) => call('nodeUnpublishVolume', { volumeId, targetPath: path }),
    unstage: () => call('nodeUnstageVolume', { volumeId, stagingTargetPath }),
    expand: () => call('nodeExpandVolume', { volumeId, volumePath: targetPath, volumeCapability: null, secrets: {} }),
    stats: async () => {
      const answer = await call('nodeGetVolumeStats', { volumeId, volumePath: targetPath, stagingTargetPath: '' });
      return (answer as { usage: { unit: string; total: string }[] }).usage;
    },
  };
}
