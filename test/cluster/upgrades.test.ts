import { X509Certificate } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { NAMESPACE } from '../../lab/kubernetes/install.ts';
import { offerPreviousRelease } from '../../lab/kubernetes/previous-release.ts';
import { cgroupOf, installExample, useCluster } from '../support/cluster.ts';
import { claim, pod, storageClass } from '../support/manifests.ts';

interface Secret {
  readonly data: Readonly<Record<string, string>>;
}

interface Running {
  readonly metadata: { readonly uid: string };
  readonly status: { readonly containerStatuses: readonly { readonly restartCount: number }[] };
}

describe('an upgrade', () => {
  const site = useCluster('upgrades');
  const data = { className: 'upgraded', size: '64Mi' };

  const quarry = (words: readonly string[]): Promise<string> => site().cluster.kubectl.within(NAMESPACE).run(words);
  /** The certificate that each controller shows to clients. */
  const served = async (): Promise<string[]> => {
    const selector = '--selector=app.kubernetes.io/component=controller';
    const ips = await quarry(['get', 'pods', selector, '--output=jsonpath={.items[*].status.podIP}']);
    const { host } = site().cluster.lab;
    const answers = await Promise.all(
      ips.split(' ').map((ip) => host.exec(['openssl', 's_client', '-connect', `${ip}:9443`, '-alpn', 'h2'])),
    );
    return answers.map(({ stdout }) => {
      const [pem = ''] = /-+BEGIN CERTIFICATE[^]*END CERTIFICATE-+/.exec(stdout) ?? [];
      return new X509Certificate(pem).fingerprint256;
    });
  };
  /** Whether LVM of each node runs in the namespaces of a container. */
  const lvmIsInContainer = (): Promise<boolean[]> =>
    Promise.all(
      site().cluster.workers.map(async ({ guest }) => {
        const lvm = await guest.shell('readlink /proc/$(pgrep -x lvm | head -1)/ns/mnt');
        return lvm !== (await guest.shell('readlink /proc/1/ns/mnt'));
      }),
    );

  test('with new certificates restarts no pod, and volumes are made meanwhile', async () => {
    const { cluster, kubectl, ready, inPod } = site();
    await kubectl.apply(storageClass('upgraded', { pool: 'fast', type: 'thin' }));
    const pods = ['get', 'pods', '--output=jsonpath={.items[*].status.containerStatuses[*].containerID}'];
    const before = await quarry(pods);
    await quarry(['delete', 'secret', 'quarry-controller-tls']);
    await installExample(cluster);
    await kubectl.apply(claim('first', data), pod('first', { volumes: { '/data': { claim: 'first' } } }));
    await ready('first');
    await inPod('first', 'echo host >/data/file; sync');
    const secret = await cluster.kubectl.within(NAMESPACE).get<Secret>('secret', 'quarry-controller-tls');
    const { fingerprint256 } = new X509Certificate(Buffer.from(secret.data['tls.crt'] ?? '', 'base64'));
    await expect.poll(served, { timeout: 100_000, interval: 1000 }).toEqual([fingerprint256, fingerprint256]);
    expect(await quarry(pods)).toBe(before);
  }, 200_000);

  test('from the previous release, and back to it, keeps serving volumes in use', async () => {
    const { cluster, kubectl, ready, inPod, nodeOf, volumeOf } = site();
    const previous = await offerPreviousRelease(cluster);
    const parameters = { pool: 'fast', type: 'thin', writeIops: '400' };
    const write = 'n=0; while n=$((n + 1)); do echo $n >>/data/numbers; sync /data/numbers; done';
    await kubectl.apply(storageClass('writers', parameters), claim('writer', { ...data, className: 'writers' }));
    await kubectl.apply(pod('writer', { volumes: { '/data': { claim: 'writer' } }, command: ['sh', '-c', write] }));
    await ready('writer');
    const written = async (): Promise<number> => Number(await inPod('writer', 'wc -l </data/numbers'));
    /** The writer has gone on in its volume without a gap, within its limit, and a new volume is made, used and deleted. */
    const expectService = async (name: string): Promise<void> => {
      const before = await written();
      await kubectl.apply(claim(name, data), pod(name, { volumes: { '/data': { claim: name } } }));
      await ready(name);
      await kubectl.run(['delete', `pod/${name}`, `pvc/${name}`]);
      await expect.poll(written).toBeGreaterThan(before);
      expect(await inPod('writer', 'head -n 1000000 /data/numbers | awk "NR != \\$1" | head -n 3')).toBe('');
      const { metadata, status } = await kubectl.get<Running>('pod', 'writer');
      expect(status.containerStatuses.map(({ restartCount }) => restartCount)).toEqual([0]);
      const { guest } = await nodeOf('writer');
      expect(await guest.shell(`cat ${cgroupOf(metadata.uid)}/io.max`)).toContain('wiops=400');
    };

    // Kubernetes lets nothing change whether a driver has inline volumes.
    const forgetDriver = () => cluster.kubectl.run(['delete', 'csidriver', 'lvm.quarry.csi']);
    await forgetDriver();
    await installExample(cluster, previous.values, previous.chart);
    await expectService('older');
    await forgetDriver();
    await installExample(cluster);
    await expectService('newer');
    const volume = await volumeOf('writer');
    await kubectl.run(['delete', 'pod/writer', 'pvc/writer']);
    await cluster.kubectl.wait('delete', [`pv/${volume}`], 150);
  }, 400_000);

  // Nodes reconnect here, and verify the controllers' new certificates.
  test('to LVM in the container, and back to LVM of the host, keeps serving the same volumes', async () => {
    const { cluster, kubectl, ready, inPod } = site();
    expect(await lvmIsInContainer()).toEqual([false, false]);
    await installExample(cluster, { node: { lvmMode: 'container' } });
    expect(await lvmIsInContainer()).toEqual([true, true]);
    await kubectl.run(['delete', 'pod', 'first']);
    await kubectl.apply(claim('second', data));
    await kubectl.apply(pod('second', { volumes: { '/data': { claim: 'first' }, '/more': { claim: 'second' } } }));
    await ready('second');
    expect(await inPod('second', 'cat /data/file; echo container >/more/file; sync')).toBe('host\n');

    await installExample(cluster);
    expect(await lvmIsInContainer()).toEqual([false, false]);
    await kubectl.run(['delete', 'pod', 'second']);
    await kubectl.apply(pod('third', { volumes: { '/more': { claim: 'second' } } }));
    await ready('third');
    expect(await inPod('third', 'cat /more/file')).toBe('container\n');
  }, 300_000);
});
