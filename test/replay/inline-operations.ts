import { mkdir } from 'node:fs/promises';
import { type Node, podFolder } from './node.ts';
import type { Operation } from './operation.ts';

const folder = `${podFolder}/volumes/kubernetes.io~csi/scratch`;
const volumeId = `csi-${'5'.repeat(64)}`;
const targetPath = `${folder}/mount`;
const pod = { ephemeral: 'true', 'pod.uid': 'replayed', 'pod.namespace': 'default', 'pod.name': 'replayed' };
const context = Object.fromEntries(Object.entries(pod).map(([key, value]) => [`csi.storage.k8s.io/${key}`, value]));

async function publish(node: Node, more: Readonly<Record<string, string>> = {}): Promise<void> {
  await mkdir(folder, { recursive: true });
  await node.client.node.nodePublishVolume({
    volumeId,
    targetPath,
    volumeCapability: { mount: { fsType: 'ext4' }, accessMode: { mode: 'SINGLE_NODE_WRITER' } },
    volumeContext: { ...context, size: '16Mi', type: 'thin', ...more },
  });
}

/** The calls of kubelet for the inline volume of a pod. */
export const inlineOperations: readonly Operation[] = [
  {
    name: 'publish-inline',
    call: (node) => publish(node),
    // It is made, and has no filesystem yet.
    between: [(fact) => fact.replace('quarry.fs=ext4', 'quarry.fs=none')],
  },
  {
    // Its key is gone after a cut.
    name: 'publish-inline-encrypted',
    remade: true,
    call: (node) => publish(node, { encryption: 'luks2' }),
    between: ['luks-none', 'none'].map((state) => (fact) => fact.replace('quarry.fs=ext4', `quarry.fs=${state}`)),
  },
  {
    name: 'unpublish-inline',
    prepare: (node) => publish(node),
    call: (node) => node.client.node.nodeUnpublishVolume({ volumeId, targetPath }),
  },
];
