import { describe, expect, test } from 'vitest';
import { NAMESPACE } from '../../lab/kubernetes/install.ts';
import { useCluster } from '../support/cluster.ts';
import { pod } from '../support/manifests.ts';

describe('a node', () => {
  const site = useCluster('trust');

  test('has no permission at the API server beyond those of every account', async () => {
    const user = `--as=system:serviceaccount:${NAMESPACE}:quarry-node`;
    const allowed = await site().kubectl.run(['auth', 'can-i', '--list', user, '--no-headers']);
    const resources = allowed.split('\n').flatMap((line) => /^[a-z]\S*/.exec(line) ?? []);
    expect(resources.toSorted()).toEqual([
      'selfsubjectaccessreviews.authorization.k8s.io',
      'selfsubjectreviews.authentication.k8s.io',
      'selfsubjectrulesreviews.authorization.k8s.io',
    ]);
  });

  test('listens on loopback only, and answers no pod', async () => {
    const { kubectl, ready, inPod, cluster } = site();
    await kubectl.apply(pod('caller'));
    await ready('caller');
    const call = (ip: string, port: string): Promise<string> =>
      inPod('caller', `timeout 5 bash -c '</dev/tcp/${ip}/${port}' 2>&1 && echo answered || true`);
    for (const { guest } of cluster.workers) {
      const pids = await guest.shell(`pgrep -f '^/usr/local/bin/node /opt/quarry/quarry.mjs node'`);
      const listeners = await guest.shell(`ss -Hltnp | grep 'pid=${pids.trim()},' | awk '{ print $4 }'`);
      expect(listeners.trim()).toBe('127.0.0.1:9809');
      expect(await call(guest.ip, '9809')).toContain('Connection refused');
      // Kubelet's port: the network path is open.
      expect(await call(guest.ip, '10250')).toBe('answered\n');
    }
  });
});
