import { expect, test } from 'vitest';
import { CHART, helm } from '../../deploy/render.ts';
import {
  type ChartObject,
  findObject,
  given,
  parseObjects,
  renderObjects,
  withChangedBlocks,
} from '../support/chart.ts';

const pool = { name: 'fast', volumeGroup: 'quarry-fast', type: 'thin', disks: { paths: ['/dev/sdx'] } };

/** The objects of a release, as Helm would send them. */
async function release(name: string, namespace: string, values: object): Promise<ChartObject[]> {
  const flags = ['--namespace', namespace, '--kube-version', 'v1.36.0', '--values', '-'];
  return parseObjects(await helm(['template', name, CHART, ...flags], { ...given, ...values }));
}

test('two releases of one name in two namespaces have no object in common', async () => {
  const identities = (objects: readonly ChartObject[]) =>
    objects.map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`);
  const first = identities(await release('quarry', 'one', {}));
  const second = identities(await release('quarry', 'two', { driver: 'other.quarry.csi' }));
  expect(new Set([...first, ...second]).size).toBe(first.length + second.length);
  expect(first).toContain('ClusterRole /quarry:one:quarry-controller');
});

test('every object but those of the whole cluster names its namespace, also one other than that of the release', async () => {
  const objects = await release('quarry', 'one', { namespaceOverride: 'other' });
  const wide = new Set(['CSIDriver', 'ClusterRole', 'ClusterRoleBinding']);
  for (const { kind, metadata } of objects) expect(metadata.namespace).toBe(wide.has(kind) ? undefined : 'other');
  const bound = objects.flatMap(({ subjects }) => subjects ?? []);
  expect(bound.map((subject) => (subject as { namespace?: string }).namespace)).toEqual(['other', 'other']);
});

test('names its images with registry, and a digest instead of a tag', async () => {
  const imagesOf = async (values: object) =>
    JSON.stringify(await renderObjects(values))
      .matchAll(/"image":"([^"]+)"/g)
      .map(([, name]) => name)
      .toArray();
  expect(new Set(await imagesOf(withChangedBlocks))).toEqual(
    new Set([
      'registry.example/quarry:0.1.0',
      ...['csi-provisioner:v6.3.0', 'csi-resizer:v2.3.0', 'csi-snapshotter:v8.7.0', 'csi-snapshot-metadata:v1.1.0'].map(
        (name) => ['registry', 'k8s', `io/sig-storage/${name}`].join('.'),
      ),
    ]),
  );
  const digest = `sha256:${'ab'.repeat(32)}`;
  expect(await imagesOf({ image: { registry: '', digest } })).toContain(`quarry@${digest}`);
});

test('makes classes of the driver, whose pools must exist', async () => {
  const nodeGroups = [{ name: 'big', nodeSelector: { big: 'yes' }, pools: [{ ...pool, name: 'large' }] }];
  const classes = (of: string) => ({ storageClasses: [{ name: 'mine', default: true, parameters: { pool: of } }] });
  for (const of of ['fast', 'large']) {
    const objects = await renderObjects({ pools: [pool], nodeGroups, ...classes(of) });
    expect(findObject(objects, 'StorageClass', 'mine')).toMatchObject({
      provisioner: 'lvm.quarry.csi',
      parameters: { pool: of },
      volumeBindingMode: 'WaitForFirstConsumer',
      allowVolumeExpansion: true,
      reclaimPolicy: 'Delete',
      metadata: { annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
    });
  }
  await expect(renderObjects({ pools: [pool], nodeGroups, ...classes('fats') })).rejects.toThrow(
    'mine names the pool fats, which is in neither pools nor nodeGroups',
  );
});

test('spreads the controllers by their own labels, unless a constraint has a selector', async () => {
  const rule = { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule' };
  const selected = { ...rule, labelSelector: { matchLabels: { mine: 'yes' } } };
  const objects = await renderObjects({ controller: { topologySpreadConstraints: [rule, selected] } });
  const { template, selector } = findObject(objects, 'Deployment', 'quarry-controller').spec as unknown as {
    template: { spec: { topologySpreadConstraints: object[] } };
    selector: object;
  };
  expect(template.spec.topologySpreadConstraints).toEqual([{ ...rule, labelSelector: selector }, selected]);
});

test.each([
  ['the disks to approve', { pools: [pool] }, 'The disks of fast are taken after your approval'],
  ['the lack of pools', {}, 'There are no pools'],
  ['the command that tests it', {}, 'helm test quarry --namespace storage'],
])('the notes after an installation tell %s', async (_, values, words) => {
  const flags = ['--namespace', 'storage', '--dry-run=client', '--values', '-'];
  expect(await helm(['install', 'quarry', CHART, ...flags], { ...given, ...values })).toContain(words);
});
