import { expect, test } from 'vitest';
import { createVolumeOf } from '../../../src/qos/desired.ts';
import { volumeWith } from '../domain/reserved.ts';
import { FakeWorld } from './fake-world.ts';

test('asks for the name of a device once', async () => {
  const world = new FakeWorld();
  world.volumes = [volumeWith('a', {})];
  const asked: string[] = [];
  const volumeOf = createVolumeOf(world.volumes, world.mapperNamesOf, async (device) => {
    asked.push(device);
    return world.mapperName(device);
  });
  for (const device of ['253:0', '253:0']) expect(await volumeOf(device)).toMatchObject({ lv: 'a' });
  expect(await volumeOf('8:0')).toBeUndefined();
  expect(asked).toEqual(['253:0', '8:0']);
});
