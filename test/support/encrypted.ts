import { beforeAll } from 'vitest';
import { capabilities, type Driver, MiB, startDriver, volumeRequest } from './driver.ts';
import { useGuest } from './guest.ts';

const pools = `
  - name: fast
    volumeGroup: vg
    type: thin
    disks: { paths: [/dev/ubda] }
    approve: automatic
    thin: { share: 50%, overprovision: 4 }`;

/** Parameters of an encrypted volume whose passphrase costs little. */
export const encrypted = { encryption: 'luks2', encryptionMemory: '4Mi' };
/** Secrets. */
export const [secret, other] = [{ passphrase: 'correct horse ☃ ' }, { passphrase: 'battery staple' }];

type Access = keyof typeof capabilities;

/** For all tests of a file: encrypted volumes of 32 MiB in a guest with a driver, whose pool is thin. */
export function useEncrypted() {
  const guest = useGuest({ disks: ['512M'] });
  let driver: Driver;
  beforeAll(async () => {
    // Jobs that no call starts begin at a rescan.
    driver = await startDriver(guest(), { pools, more: 'rescan: 2s\nlog: { level: debug }\njobs: { copyRate: 16Mi }' });
  });
  const controller = () => driver.client.controller;
  const node = () => driver.client.node;
  const shell = async (script: string): Promise<string> => (await guest().shell(script)).trim();
  return {
    guest,
    driver: () => driver,
    controller,
    node,
    shell,
    create: async (name: string, over: object = {}, parameters: object = {}) => {
      const request = { parameters: { ...encrypted, ...parameters }, ...over };
      return (await controller().createVolume(volumeRequest(name, 32 * MiB, request))).volume;
    },
    remove: (name: string) => controller().deleteVolume({ volumeId: idOf(name) }),
    stage: (name: string, secrets: Record<string, string> = secret, access: Access = 'ext4', signal?: AbortSignal) =>
      node().nodeStageVolume(
        { ...placeOf(name), secrets, volumeCapability: capabilities[access] },
        { ...(signal && { signal }) },
      ),
    unstage: (name: string) => node().nodeUnstageVolume(placeOf(name)),
    tagsOf: (name: string) => shell(`lvs --noheadings -o lv_tags vg/${name}`),
    openDevices: () => shell('ls /dev/mapper | grep quarry-luks || true'),
    /** `yes`: the passphrase opens it. */
    opens: (name: string, { passphrase }: { passphrase: string }) =>
      shell(
        `printf %s '${passphrase}' | cryptsetup open --test-passphrase --key-file - /dev/vg/${name} && echo yes || true`,
      ),
  };
}

export const idOf = (name: string) => `node-1:${name}`;
export const placeOf = (name: string) => ({ volumeId: idOf(name), stagingTargetPath: `/run/${name}` });
