import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { CsiClient } from '../support/csi-client.ts';
import { type Figure, inTurn } from './sampling.ts';
import { group } from './volumes.ts';

const run = promisify(execFile);
const bytes = String(96 * 2 ** 20);
const passphrase = 'correct horse';
const block = { block: {}, accessMode: { mode: 'SINGLE_NODE_WRITER' as const } };
const volume = { volumeId: 'bench:encrypted', stagingTargetPath: '/tmp/encrypted', volumeCapability: block };
const memory = 4 * 2 ** 20;

/** What is done to each device. The page cache takes no part. */
const loads = {
  'write 64 MiB': (device: string) => ['if=/dev/zero', `of=${device}`, 'bs=1M', 'count=64', 'oflag=direct'],
  'read 64 MiB': (device: string) => [`if=${device}`, 'of=/dev/null', 'bs=1M', 'count=64', 'iflag=direct'],
  '256 writes of 4 KiB': (device: string) => ['if=/dev/zero', `of=${device}`, 'bs=4k', 'count=256', 'oflag=direct'],
};

/** An encrypted volume compared with what `cryptsetup` alone makes, with the same cipher, and with a logical volume that is not encrypted. */
export async function measureEncryption(client: CsiClient, rounds: number): Promise<Figure[]> {
  const ours = await openOurs(client);
  const others = { cryptsetup: await openBare(), 'no encryption': await makeLv('bare-plain') };
  const figures: Figure[] = [];
  for (const [load, words] of Object.entries(loads)) {
    const on = (device: string) => () => run('dd', [...words(device), 'status=none']);
    for (const [name, device] of Object.entries(others)) {
      // The first writes allocate.
      for (const each of [ours, device]) await on(each)();
      figures.push({
        name: `encrypted: ${load} : ${name}`,
        unit: 'ms',
        ...(await inTurn(rounds, on(ours), on(device))),
      });
    }
  }
  await client.node.nodeUnstageVolume(volume);
  await client.controller.deleteVolume({ volumeId: volume.volumeId });
  await run('cryptsetup', ['close', 'bare-encrypted']);
  await run('lvremove', ['-y', `${group}/bare-encrypted`, `${group}/bare-plain`]);
  return figures;
}

/** Returns the device on which its user works, as the others do. */
async function openOurs(client: CsiClient): Promise<string> {
  await client.controller.createVolume({
    name: 'encrypted',
    volumeCapabilities: [block],
    parameters: { type: 'thick', encryption: 'luks2', encryptionMemory: String(memory) },
    capacityRange: { requiredBytes: bytes },
  });
  await client.node.nodeStageVolume({ ...volume, secrets: { passphrase } });
  const { stdout } = await run('bash', ['-c', 'echo /dev/mapper/quarry-luks-*']);
  return stdout.trim();
}

async function openBare(): Promise<string> {
  const device = await makeLv('bare-encrypted');
  const cost = `--pbkdf argon2id --pbkdf-memory ${memory / 1024} --pbkdf-force-iterations 4`;
  const cipher = '--cipher aes-xts-plain64 --key-size 512 --sector-size 4096';
  await run('bash', [
    '-c',
    `printf %s '${passphrase}' > /tmp/passphrase
    cryptsetup luksFormat --batch-mode --type luks2 ${cipher} ${cost} --key-file /tmp/passphrase ${device}
    cryptsetup open --key-file /tmp/passphrase ${device} bare-encrypted`,
  ]);
  return '/dev/mapper/bare-encrypted';
}

async function makeLv(name: string): Promise<string> {
  await run('lvcreate', ['-y', '-n', name, '-L', '112m', group]);
  return `/dev/${group}/${name}`;
}
