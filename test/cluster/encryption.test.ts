import { describe, expect, test } from 'vitest';
import type { KubernetesObject } from '../../lab/kubernetes/kubectl.ts';
import { useCluster } from '../support/cluster.ts';
import { pod, storageClass } from '../support/manifests.ts';
import { postgres, sql } from '../support/postgres.ts';

describe('a PostgreSQL on an encrypted volume', () => {
  const site = useCluster('encryption');
  const [first, second] = ['correct horse', 'battery staple'];
  const marker = 'plain-text-of-a-row';
  const server = '--host=pg-0.pg --username=postgres';

  const secret = (passphrases: Readonly<Record<string, string>>): KubernetesObject => {
    const data = Object.entries(passphrases).map(([key, value]) => [key, Buffer.from(value).toString('base64')]);
    return {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'volumes' },
      data: Object.fromEntries(data) as object,
    };
  };
  /** Runs a script on the database's node, with the paths of the logical volume, `$lv`, and of what is open above it, `$open`. */
  const onNode = async (script: string): Promise<string> => {
    const name = await site().volumeOf('volume-0-pg-0');
    const { guest } = await site().nodeOf('pg-0');
    return (await guest.shell(`lv=/dev/quarry-bulk/${name}; open=$(echo /dev/mapper/quarry-luks-*); ${script}`)).trim();
  };
  /** The exit code of cryptsetup: 0 if the passphrase opens the volume, 2 if it does not. */
  const opening = (passphrase: string): Promise<string> =>
    onNode(
      `code=0; printf %s '${passphrase}' | cryptsetup open --test-passphrase --key-file - $lv || code=$?; echo $code`,
    );
  const marked = 'LC_ALL=C grep -acF';
  /** Lines with the marker on the disk, read past LVM and past the page cache. */
  const onDisk = (): Promise<string> =>
    onNode(`dmsetup table $lv | while read -r _ size _ disk start; do
      dd if=/dev/block/$disk bs=1M skip=$((start / 2048)) count=$((size / 2048)) iflag=direct status=none
    done | ${marked} ${marker} || :`);
  const inVolume = (): Promise<string> => onNode(`dd if=$open bs=1M iflag=direct status=none | ${marked} ${marker}`);
  const rows = async (): Promise<Set<number>> =>
    new Set((await sql(site(), 'pg', 'SELECT n FROM ledger')).split('\n').map(Number));

  test('leaves no plain text on the disk', async () => {
    const { kubectl, ready } = site();
    const named = ['node-stage', 'node-expand'].flatMap((call) => [
      [`csi.storage.k8s.io/${call}-secret-name`, 'volumes'],
      [`csi.storage.k8s.io/${call}-secret-namespace`, 'encryption'],
    ]);
    const cheap = { encryption: 'luks2', encryptionMemory: '4Mi' };
    const parameters = { pool: 'bulk', type: 'thick', ...cheap, ...Object.fromEntries(named) };
    await kubectl.apply(secret({ passphrase: first }), storageClass('encrypted', parameters));
    await kubectl.apply(...postgres('pg', { className: 'encrypted', size: '512Mi' }));
    await ready('pg-0');
    await sql(site(), 'pg', 'CREATE TABLE ledger (n bigint PRIMARY KEY, text text)');
    await sql(site(), 'pg', `INSERT INTO ledger VALUES (0, $$${marker}$$)`);
    await sql(site(), 'pg', 'CHECKPOINT');
    expect(Number(await inVolume())).toBeGreaterThan(0);
    expect(await onDisk()).toBe('0');
  });

  test('goes on after its passphrase was changed, and the old one opens nothing', async () => {
    const { kubectl, ready } = site();
    await kubectl.apply(secret({ passphrase: second, previousPassphrase: first }));
    const { guest } = await site().nodeOf('pg-0');
    await kubectl.run(['scale', 'statefulset/pg', '--replicas=0']);
    // Kubelet does not stage a volume again that its next pod needs before it is unstaged.
    const isOpen = () => guest.shell('ls /dev/mapper | grep quarry-luks || :');
    await expect.poll(isOpen, { timeout: 60_000 }).toBe('');
    await kubectl.run(['scale', 'statefulset/pg', '--replicas=1']);
    await expect.poll(async () => (await kubectl.try(['get', 'pod/pg-0'])).exitCode).toBe(0);
    await ready('pg-0');
    await kubectl.apply(secret({ passphrase: second }));
    expect([await opening(first), await opening(second)]).toEqual(['2', '0']);
    expect(await rows()).toEqual(new Set([0]));
  });

  test('keeps each acknowledged transaction through an expansion and a power cut of its node', async () => {
    const { kubectl, ready, nodeOf, inPod, cluster } = site();
    const worker = await nodeOf('pg-0');
    const other = cluster.workers.find((candidate) => candidate !== worker);
    // The client is on the other node: it survives, and knows which transactions were acknowledged.
    await kubectl.apply(pod('client', { spec: { nodeName: other?.name } }));
    await ready('client');
    const insert = `seq 1 1000000 | sed 's/.*/INSERT INTO ledger VALUES (&) RETURNING n;/' | psql -qtA ${server}`;
    const ledger = await kubectl.start(['exec', 'client', '--', 'sh', '-c', insert]);
    await ledger.stdout.waitFor(/^100$/m, 60_000);
    const larger = JSON.stringify({ spec: { resources: { requests: { storage: '768Mi' } } } });
    await kubectl.run(['patch', 'pvc', 'volume-0-pg-0', `--patch=${larger}`]);
    await kubectl.wait('jsonpath={.status.capacity.storage}=768Mi', ['pvc/volume-0-pg-0']);
    expect(Number(await inPod('pg-0', 'df -B1M --output=size /data | tail -1'))).toBeGreaterThan(650);
    const grown = ledger.stdout.text.split('\n').length;
    await expect.poll(() => ledger.stdout.text.split('\n').length).toBeGreaterThan(grown + 50);
    await worker.guest.powerCut();
    const acknowledged = ledger.stdout.text.split('\n').filter(Boolean).map(Number);
    ledger.kill('SIGKILL');
    await worker.boot();
    await inPod('client', `until pg_isready -q ${server}; do sleep 0.2; done`, { timeout: 120_000 });
    const there = await rows();
    expect(acknowledged.filter((n) => !there.has(n))).toEqual([]);
    expect([await opening(first), await opening(second)]).toEqual(['2', '0']);
    expect(await onDisk()).toBe('0');
  }, 240_000);
});
