import { describe, test } from 'vitest';
import { NAMESPACE } from '../../lab/kubernetes/install.ts';
import { cgroupOf, useCluster } from '../support/cluster.ts';
import { storageClass } from '../support/manifests.ts';
import { createClaims, createPods, namesOf, requestRemoval, untilRemoved } from '../support/small-volumes.ts';

/** For bash in a guest. */
const COUNT = 'count() { ls /dev/mapper | grep -c ^quarry--bulk-pvc || true; }';

describe("a kill of the driver's pods on both nodes", () => {
  const site = useCluster('killed-driver');
  const nodes = ['n1', 'n2'];
  const names = nodes.flatMap((node) => namesOf(`storm-${node}`, 6));

  /** The cgroup of the driver's pod on a node. */
  const cgroupOn = async (node: string): Promise<string> => {
    const flags = ['--selector=app.kubernetes.io/component=node', `--field-selector=spec.nodeName=${node}`];
    const inNamespace = site().cluster.kubectl.within(NAMESPACE);
    return cgroupOf(await inNamespace.run(['get', 'pods', ...flags, '--output=jsonpath={.items[0].metadata.uid}']));
  };
  /** During a task: SIGKILL to all of the pod, LVM included, as soon as a condition holds on the node. */
  const killAmid = async (condition: string, doing: () => Promise<unknown>): Promise<void> => {
    const { workers } = site().cluster;
    const cgroups = await Promise.all(workers.map(({ name }) => cgroupOn(name)));
    const killed = workers.map(({ guest }, index) =>
      guest.shell(`${COUNT}; before=$(count); until ${condition}; do sleep 0.01; done
        echo 1 >$(echo ${cgroups[index]})/cgroup.kill`),
    );
    await Promise.all([...killed, doing()]);
  };

  test('during creations: each claim gets its volume', async () => {
    const { kubectl } = site();
    const classes = nodes.map((node) => {
      const values = [{ key: 'topology.lvm.quarry.csi/node', values: [node] }];
      const more = { volumeBindingMode: 'Immediate', allowedTopologies: [{ matchLabelExpressions: values }] };
      return storageClass(`at-once-${node}`, { pool: 'bulk', type: 'thick' }, more);
    });
    await kubectl.apply(...classes);
    await killAmid('(( $(count) > before ))', () =>
      Promise.all(nodes.map((node) => createClaims(site(), namesOf(`storm-${node}`, 6), `at-once-${node}`))),
    );
    const claims = names.map((name) => `pvc/${name}`);
    await kubectl.wait('jsonpath={.status.phase}=Bound', claims, 120);
  }, 240_000);

  test('during publishes: each pod starts', async () => {
    await killAmid('grep -q globalmount /proc/mounts', () => createPods(site(), names));
    await site().ready(...names);
  }, 240_000);

  test('during deletions: nothing is left', async () => {
    let volumes: string[] = [];
    await killAmid('(( $(count) < before ))', async () => {
      volumes = await requestRemoval(site(), names);
    });
    await untilRemoved(site(), volumes);
  }, 400_000);
});
