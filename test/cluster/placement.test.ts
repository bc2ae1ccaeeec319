import { describe, expect, test } from 'vitest';
import { NAMESPACE } from '../../lab/kubernetes/install.ts';
import { useCluster } from '../support/cluster.ts';
import { claim, pod, storageClass } from '../support/manifests.ts';

interface Capacities {
  readonly items: readonly {
    readonly storageClassName: string;
    readonly nodeTopology: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly maximumVolumeSize?: string;
  }[];
}

interface Pending {
  readonly status: { readonly phase: string; readonly conditions?: readonly { readonly message?: string }[] };
}

describe('a pod with a volume', () => {
  const site = useCluster('placement');

  const message = async (name: string): Promise<string> => {
    const { kubectl } = site();
    await kubectl.wait('jsonpath={.status.conditions[0].reason}=Unschedulable', [`pod/${name}`]);
    const { status } = await kubectl.get<Pending>('pod', name);
    expect(status.phase).toBe('Pending');
    return status.conditions?.[0]?.message ?? '';
  };

  /** The largest volume of a class on a node, in bytes. */
  const room = async (className: string, node: string): Promise<number | undefined> => {
    const quarry = site().cluster.kubectl.within(NAMESPACE);
    const { items } = await quarry.get<Capacities>('csistoragecapacities.storage.k8s.io');
    const found = items.find(
      ({ storageClassName, nodeTopology }) =>
        storageClassName === className && nodeTopology.matchLabels['topology.lvm.quarry.csi/node'] === node,
    );
    return found?.maximumVolumeSize === undefined ? undefined : bytesOf(found.maximumVolumeSize);
  };

  test('finds capacity objects with the room of each node', async () => {
    const { kubectl, cluster } = site();
    await kubectl.apply(
      storageClass('placed-thin', { pool: 'fast', type: 'thin' }),
      storageClass('placed-thick', { pool: 'bulk', type: 'thick' }),
      storageClass('placed-reserved', { pool: 'promised', type: 'thin', reservedReadIops: '600' }),
      storageClass(
        'placed-refused',
        { pool: 'promised', type: 'thin', reservedReadIops: '2000' },
        { volumeBindingMode: 'Immediate' },
      ),
      claim('refused', { className: 'placed-refused', size: '64Mi' }),
    );
    for (const { name, guest } of cluster.workers) {
      const free = await guest.shell('vgs --noheadings --units b --nosuffix -o vg_free quarry-bulk');
      await expect.poll(() => room('placed-thick', name), { timeout: 30_000 }).toBe(Number(free));
    }
  });

  test('goes to the only node that has room for it', async () => {
    const { kubectl, ready, nodeOf } = site();
    await kubectl.apply(claim('large', { className: 'placed-thin', size: '40Gi' }));
    await kubectl.apply(pod('large', { volumes: { '/data': { claim: 'large' } } }));
    await ready('large');
    expect((await nodeOf('large')).name).toBe('n1');
  });

  test('stays Pending if no node has room, with the reason in its events', async () => {
    const { kubectl } = site();
    await kubectl.apply(claim('huge', { className: 'placed-thin', size: '100Gi' }));
    await kubectl.apply(pod('huge', { volumes: { '/data': { claim: 'huge' } } }));
    expect(await message('huge')).toContain('not have enough free storage');
  });

  test('goes to a node that can promise its reservation, or stays Pending', async () => {
    const { kubectl, ready, nodeOf } = site();
    const nodes: string[] = [];
    for (const name of ['promise-1', 'promise-2']) {
      await kubectl.apply(claim(name, { className: 'placed-reserved', size: '64Mi' }));
      await kubectl.apply(pod(name, { volumes: { '/data': { claim: name } } }));
      await ready(name);
      nodes.push((await nodeOf(name)).name);
    }
    expect(nodes.toSorted()).toEqual(['n1', 'n2']);
    for (const node of nodes) await expect.poll(() => room('placed-reserved', node), { timeout: 30_000 }).toBe(0);
    await kubectl.apply(claim('promise-3', { className: 'placed-reserved', size: '64Mi' }));
    await kubectl.apply(pod('promise-3', { volumes: { '/data': { claim: 'promise-3' } } }));
    expect(await message('promise-3')).toContain('not have enough free storage');
  });

  test('has an event that says what would fit, on a claim whose reservation no node can promise', async () => {
    const shown = () => site().kubectl.run(['describe', 'pvc/refused']);
    await expect
      .poll(shown, { timeout: 90_000, interval: 1000 })
      .toMatch(
        /ReservationRefused .*lvm.quarry.csi .*nearest is pool promised on node n[12]: reservedReadIops: 2000 IOPS asked for, (?:800|200) IOPS left of 800 IOPS/,
      );
  });
});

function bytesOf(quantity: string): number {
  const [, digits = '', unit = ''] = /^(\d+)(Ki|Mi|Gi|)$/.exec(quantity) ?? [];
  return Number(digits) * 1024 ** ['', 'Ki', 'Mi', 'Gi'].indexOf(unit);
}
