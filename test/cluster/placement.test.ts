import { describe, expect, test } from 'vitest';
import { useCluster } from '../support/cluster.ts';
import { claim, pod, storageClass } from '../support/manifests.ts';

interface Capacities {
  readonly items: readonly {
    readonly storageClassName: string;
    readonly nodeTopology: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly maximumVolumeSize?: string;
    readonly capacity?: string;
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

  test('meets capacity objects that say what each node has', async () => {
    const { kubectl, cluster } = site();
    await kubectl.apply(
      storageClass('placed-thin', { pool: 'fast', type: 'thin' }),
      storageClass('placed-thick', { pool: 'bulk', type: 'thick' }),
      storageClass('placed-reserved', { pool: 'promised', type: 'thin', reservedReadIops: '600' }),
    );
    for (const { name, guest } of cluster.workers) {
      const free = await guest.shell('vgs --noheadings --units b --nosuffix -o vg_free quarry-bulk');
      const object = `csistoragecapacities.storage.k8s.io`;
      const found = async (): Promise<string | undefined> => {
        const { items } = await cluster.kubectl.within('quarry').get<Capacities>(object);
        return items.find(
          ({ storageClassName, nodeTopology }) =>
            storageClassName === 'placed-thick' && nodeTopology.matchLabels['topology.lvm.quarry.csi/node'] === name,
        )?.maximumVolumeSize;
      };
      await expect.poll(found, { timeout: 30_000 }).toBeDefined();
      expect(bytesOf((await found()) ?? '')).toBe(Number(free));
    }
  });

  test('goes to the only node that has room for it', async () => {
    const { kubectl, ready, nodeOf } = site();
    await kubectl.apply(claim('large', { className: 'placed-thin', size: '12Gi' }));
    await kubectl.apply(pod('large', { volumes: { '/data': { claim: 'large' } } }));
    await ready('large');
    expect((await nodeOf('large')).name).toBe('n1');
  });

  test('stays Pending where no node has room, and is told why', async () => {
    const { kubectl } = site();
    await kubectl.apply(claim('huge', { className: 'placed-thin', size: '100Gi' }));
    await kubectl.apply(pod('huge', { volumes: { '/data': { claim: 'huge' } } }));
    expect(await message('huge')).toContain('not have enough free storage');
  });

  test('goes where its reservation can still be promised, or stays Pending', async () => {
    const { kubectl, ready, nodeOf } = site();
    const nodes: string[] = [];
    for (const name of ['promise-1', 'promise-2']) {
      await kubectl.apply(claim(name, { className: 'placed-reserved', size: '64Mi' }));
      await kubectl.apply(pod(name, { volumes: { '/data': { claim: name } } }));
      await ready(name);
      nodes.push((await nodeOf(name)).name);
    }
    expect(nodes.toSorted()).toEqual(['n1', 'n2']);
    await kubectl.apply(claim('promise-3', { className: 'placed-reserved', size: '64Mi' }));
    await kubectl.apply(pod('promise-3', { volumes: { '/data': { claim: 'promise-3' } } }));
    expect(await message('promise-3')).toContain('not have enough free storage');
  });
});

function bytesOf(quantity: string): number {
  const [, digits = '', unit = ''] = /^(\d+)(Ki|Mi|Gi|)$/.exec(quantity) ?? [];
  return Number(digits) * 1024 ** ['', 'Ki', 'Mi', 'Gi'].indexOf(unit);
}
