import { describe, expect, test } from 'vitest';
import { cgroupOf, useCluster } from '../support/cluster.ts';
import { blocksOf } from '../support/guides.ts';
import { sql } from '../support/postgres.ts';

describe('the limit of a volume under a running PostgreSQL', () => {
  const site = useCluster('limits');
  const claimName = 'volume-0-pg-0';

  const uid = async (): Promise<string> =>
    (await site().kubectl.get<{ metadata: { uid: string } }>('pod', 'pg-0')).metadata.uid;
  /** The pod's limit in the kernel. */
  const inForce = async (): Promise<string> => {
    const { guest } = await site().nodeOf('pg-0');
    return guest.shell(`cat ${cgroupOf(await uid())}/io.max`);
  };
  const untilInForce = (words: string): Promise<void> =>
    expect.poll(inForce, { timeout: 60_000, interval: 500 }).toContain(words);
  const untilKubeletKnowsIt = async (): Promise<void> => {
    const answer = async (): Promise<number> => (await site().kubectl.try(['exec', 'pg-0', '--', 'true'])).exitCode;
    await expect.poll(answer, { timeout: 100_000, interval: 500 }).toBe(0);
  };
  /** Direct writes a second that the pod completes. */
  const measured = async (): Promise<number> => {
    const job = '--name=probe --filename=/data/probe --size=16M --rw=randwrite --bs=4k --direct=1 --iodepth=1';
    const output = await site().inPod('pg-0', `fio ${job} --time_based --runtime=4 --output-format=json`);
    return (JSON.parse(output) as { jobs: [{ write: { iops: number } }] }).jobs[0].write.iops;
  };
  /** The second class's limit in the kernel, and a measured rate above the first class's limit and within the second's. */
  const expectQuick = async (): Promise<void> => {
    await untilInForce('wiops=500');
    const rate = await measured();
    expect(rate).toBeGreaterThan(110);
    expect(rate).toBeLessThan(550);
  };

  test('is the limit of its class', async () => {
    const { kubectl, ready } = site();
    for (const { language, text } of blocksOf('docs/tutorial/postgresql-on-kubernetes.md'))
      if (language === 'yaml') await kubectl.applyText(text);
    await ready('pg-0');
    await sql(site(), 'pg', 'CREATE TABLE kept (n bigint)');
    await untilInForce('wiops=100');
    expect(await measured()).toBeLessThan(110);
  });

  test('changes with its class while the pod runs', async () => {
    const { kubectl } = site();
    const patch = JSON.stringify({ spec: { volumeAttributesClassName: 'quick' } });
    await kubectl.run(['patch', 'pvc', claimName, `--patch=${patch}`]);
    await kubectl.wait('jsonpath={.status.currentVolumeAttributesClassName}=quick', [`pvc/${claimName}`]);
    await expectQuick();
    expect(await sql(site(), 'pg', 'SELECT count(*) FROM kept')).toBe('0');
  });

  test('applies to the next pod, too', async () => {
    const { kubectl, ready } = site();
    const before = await uid();
    await kubectl.run(['delete', 'pod', 'pg-0']);
    await ready('pg-0');
    expect(await uid()).not.toBe(before);
    await expectQuick();
  });

  test('stays in force during a restart of kubelet', async () => {
    const { nodeOf } = site();
    const before = await uid();
    await (await nodeOf('pg-0')).restartKubelet();
    await untilKubeletKnowsIt();
    await expectQuick();
    expect(await uid()).toBe(before);
  });

  test('is restored after the driver was killed', async () => {
    const { guest } = await site().nodeOf('pg-0');
    const robbed = await guest.shell(
      `pkill -KILL -f '^/usr/local/bin/node /opt/quarry/quarry.mjs node'
      cd ${cgroupOf(await uid())}
      sed 's/ .*/ wiops=max/' io.max >io.max
      cat io.max`,
    );
    expect(robbed).not.toContain('wiops=500');
    await expectQuick();
  });

  test('is in force again after a power cut of the node', async () => {
    const { nodeOf } = site();
    const worker = await nodeOf('pg-0');
    await worker.guest.powerCut();
    await worker.boot();
    await untilKubeletKnowsIt();
    await expectQuick();
  });
});
