import { expect, test } from 'vitest';
import { findObject, renderObjects, withChangedBlocks } from '../support/chart.ts';

test('lets backup programs call the list of changed blocks where it is enabled, and only then', async () => {
  const namesOf = async (enabled: boolean) => {
    const objects = await renderObjects(enabled ? withChangedBlocks : {});
    const { spec } = findObject(objects, 'NetworkPolicy', 'quarry-controller') as unknown as {
      spec: { ingress: { ports: { port: string }[] }[] };
    };
    const services = objects.filter(({ kind }) => kind.endsWith('Service'));
    return [
      services.map(({ metadata }) => metadata.name),
      spec.ingress.flatMap(({ ports }) => ports).map(({ port }) => port),
    ];
  };
  expect(await namesOf(false)).toEqual([['quarry-controller'], ['fleet', 'fleet', 'metrics']]);
  expect(await namesOf(true)).toEqual([
    ['quarry-controller', 'quarry-snapshot-metadata', 'lvm.quarry.csi'],
    ['fleet', 'fleet', 'metrics', 'metadata'],
  ]);
});
