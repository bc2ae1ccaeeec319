import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { VolumeId } from '../../../../src/domain/ids.ts';
import { orphansOf, sight, type Sightings } from '../../../../src/features/orphans/sightings.ts';
import type { Volume } from '../../../../src/domain/volume.ts';

const grace = 10;
const ids = ['n1:a', 'n1:b', 'n2:c', 'n2:d'] as VolumeId[];
const volumeOf = (id: VolumeId, kept: boolean): Volume => ({ id, ...(kept && { retained: true }) }) as Volume;

/** One look: the volumes that are there, claimed and retained. */
const sights = fc.record({
  passed: fc.integer({ min: 0, max: 6 }),
  there: fc.subarray(ids),
  claimed: fc.subarray(ids),
  kept: fc.subarray(ids, { maxLength: 1 }),
});

test('a volume is an orphan if it was in no PersistentVolume at every look of the whole grace', () => {
  fc.assert(
    fc.property(fc.array(sights, { minLength: 1, maxLength: 30 }), (looks) => {
      let [now, sightings]: [number, Sightings] = [0, new Map()];
      const looseSince = new Map<VolumeId, number>();
      for (const { passed, there, claimed, kept } of looks) {
        now += passed;
        const volumes = there.map((id) => volumeOf(id, kept.includes(id)));
        sightings = sight(sightings, volumes, new Set(claimed), now);
        // The same, volume by volume.
        for (const id of ids) {
          const loose = there.includes(id) && !claimed.includes(id) && !kept.includes(id);
          if (loose) looseSince.set(id, looseSince.get(id) ?? now);
          else looseSince.delete(id);
        }
        const expected = there.filter((id) => now - (looseSince.get(id) ?? Infinity) >= grace);
        const found = orphansOf(volumes, sightings, { now, grace });
        expect(found.map(({ volume }) => volume.id).toSorted()).toEqual(expected.toSorted());
        for (const { volume, since } of found) expect(since).toBe(looseSince.get(volume.id));
      }
    }),
  );
});

test('the oldest is first', () => {
  const sightings: Sightings = new Map(ids.map((id, index) => [id, index % 2]));
  const found = orphansOf(
    ids.map((id) => volumeOf(id, false)),
    sightings,
    { now: 100, grace },
  );
  expect(found.map(({ volume }) => volume.id)).toEqual(['n1:a', 'n2:c', 'n1:b', 'n2:d']);
});

test('the inline volume of a pod is no orphan', () => {
  const [id] = ids as [VolumeId];
  const volume = { ...volumeOf(id, false), role: 'inline' } as Volume;
  expect(sight(new Map(), [volume], new Set(), 0)).toEqual(new Map());
});
