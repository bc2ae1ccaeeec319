import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { CsiClient } from '../support/csi-client.ts';
import { type Figure, inTurn } from './sampling.ts';
import { group } from './volumes.ts';

const run = promisify(execFile);
const bytes = String(96 * 2 ** 20);
const passphrase = 'correct horse';
const block = { block: {}, accessMode: { mode: 'SINGLE_NODE_WRITER' as const } };
const memory = 4 * 2 ** 20;
const integrity = 'hmac-sha256';

/** What is done to each device. The page cache takes no part. */
const loads = {
  'write 64 MiB': (device: string) => ['if=/dev/zero', `of=${device}`, 'bs=1M', 'count=64', 'oflag=direct'],
  'read 64 MiB': (device: string) => [`if=${device}`, 'of=/dev/null', 'bs=1M', 'count=64', 'iflag=direct'],
  '256 writes of 4 KiB': (device: string) => ['if=/dev/zero', `of=${device}`, 'bs=4k', 'count=256', 'oflag=direct'],
};

/**
 * Encrypted volumes, without and with integrity, compared with what `cryptsetup` alone makes, with the same cipher, and with a logical volume that is not
 * encrypted.
 */
export async function measureEncryption(client: CsiClient, rounds: number): Promise<Figure[]> {
  const plain = await makeLv('bare-plain');
  const encrypted = await openOurs(client, 'encrypted', {});
  const coded = await openOurs(client, 'coded', { encryptionIntegrity: integrity });
  const bare = { encrypted: await openBare('bare-encrypted'), coded: await openBare('bare-coded', integrity) };
  const figures = [
    ...(await compare('encrypted', encrypted, { cryptsetup: bare.encrypted, 'no encryption': plain }, rounds)),
    ...(await compare('with integrity', coded, { cryptsetup: bare.coded, 'no integrity': encrypted }, rounds)),
  ];
  for (const name of ['encrypted', 'coded']) {
    await client.node.nodeUnstageVolume(placeOf(name));
    await client.controller.deleteVolume({ volumeId: placeOf(name).volumeId });
    await run('cryptsetup', ['close', `bare-${name}`]);
    await run('lvremove', ['-y', `${group}/bare-${name}`]);
  }
  await run('lvremove', ['-y', `${group}/bare-plain`]);
  return figures;
}

async function compare(
  what: string,
  ours: string,
  others: Readonly<Record<string, string>>,
  rounds: number,
): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const [load, words] of Object.entries(loads)) {
    const on = (device: string) => () => run('dd', [...words(device), 'status=none']);
    for (const [name, device] of Object.entries(others)) {
      // The first writes allocate.
      for (const each of [ours, device]) await on(each)();
      figures.push({ name: `${what}: ${load} : ${name}`, unit: 'ms', ...(await inTurn(rounds, on(ours), on(device))) });
    }
  }
  return figures;
}

function placeOf(name: string) {
  return { volumeId: `bench:${name}`, stagingTargetPath: `/tmp/${name}` };
}

/** Returns the device on which its user works, as the others do. */
async function openOurs(client: CsiClient, name: string, parameters: Readonly<Record<string, string>>) {
  await client.controller.createVolume({
    name,
    volumeCapabilities: [block],
    parameters: { type: 'thick', encryption: 'luks2', encryptionMemory: String(memory), ...parameters },
    capacityRange: { requiredBytes: bytes },
  });
  const place = placeOf(name);
  await client.node.nodeStageVolume({ ...place, volumeCapability: block, secrets: { passphrase } });
  return `${place.stagingTargetPath}/device`;
}

async function openBare(name: string, code?: string): Promise<string> {
  const device = await makeLv(name);
  const cost = `--pbkdf argon2id --pbkdf-memory ${memory / 1024} --pbkdf-force-iterations 4`;
  const cipher = `--cipher aes-xts-plain64 --key-size 512 --sector-size 4096 ${code === undefined ? '' : `--integrity ${code}`}`;
  await run('bash', [
    '-c',
    `printf %s '${passphrase}' > /tmp/passphrase
    cryptsetup luksFormat --batch-mode --type luks2 ${cipher} ${cost} --key-file /tmp/passphrase ${device}
    cryptsetup open --key-file /tmp/passphrase ${device} ${name}`,
  ]);
  return `/dev/mapper/${name}`;
}

/** With room for a header and codes. */
async function makeLv(name: string): Promise<string> {
  await run('lvcreate', ['-y', '-n', name, '-L', '128m', group]);
  return `/dev/${group}/${name}`;
}
