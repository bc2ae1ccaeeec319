import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { parseConfig } from '../../src/config/config.ts';
import { findObject, podOf, renderObjects } from '../support/chart.ts';

const read = (page: string) => readFileSync(join(import.meta.dirname, '../../docs', page), 'utf8');
const [, kubeletFolders = ''] = /## Kubelet's folder\n(.*)/s.exec(read('reference/support.md')) ?? [];

/** The rows of the table in the support matrix: a distribution, and the value `node.kubeletDirectory` for it. */
const folders = [...kubeletFolders.matchAll(/^\| ([^|]+) \| `(\/[^`]+)`/gm)].flatMap(([, names = '', folder = '']) =>
  names.split(', ').map((name) => ({ name, folder })),
);

test('the support matrix has the distributions of the guide, with the folder that the guide gives', async () => {
  const [, header = '', first = ''] =
    /^\| \| (kubeadm.*) \|\n\|.*\n(.*node\.kubeletDirectory.*)$/m.exec(read('guides/install.md')) ?? [];
  const named = header.split(' | ');
  const values = first.split(' | ').slice(1);
  const { node } = parse(readFileSync(join(import.meta.dirname, '../../deploy/helm/quarry/values.yaml'), 'utf8')) as {
    node: { kubeletDirectory: string };
  };
  expect(named).toEqual(['kubeadm', 'k3s', 'RKE2']);
  for (const [index, name] of named.entries()) {
    expect(values[index]?.replace(' |', '')).toBe('the default');
    expect(folders).toContainEqual({ name, folder: node.kubeletDirectory });
  }
});

test.each(folders)('on $name, a node works within $folder, and in no other folder of kubelet', async ({ folder }) => {
  const objects = await renderObjects({ node: { kubeletDirectory: folder } });
  const { volumes } = podOf(objects, 'DaemonSet', 'quarry-node');
  expect(volumes.flatMap(({ hostPath }) => hostPath?.path ?? [])).toEqual([
    folder,
    '/dev',
    '/run/quarry/lvm.quarry.csi',
    '/run/lock/lvm',
    '/sys/fs/cgroup',
  ]);
  const text = findObject(objects, 'ConfigMap', 'quarry-node').data?.['config.yaml'] ?? '';
  const { endpoint, registration } = parseConfig(text, { hostname: 'node-1' }, 'node');
  expect(endpoint.path).toBe(`${folder}/plugins/lvm.quarry.csi/csi.sock`);
  expect(registration).toMatchObject({ directory: `${folder}/plugins_registry` });
  const elsewhere = JSON.stringify(objects)
    .replaceAll(folder, '')
    .match(/\/var\/lib\/(?:kubelet|k0s|rancher)/g);
  expect(elsewhere).toBeNull();
});
