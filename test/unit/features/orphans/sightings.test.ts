import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { VolumeId } from '../../../../src/domain/ids.ts';
import { orphansOf, sight, type Sightings } from '../../../../src/features/orphans/sightings.ts';
import type { Volume } from '../../../../src/domain/volume.ts';

const grace = 10;
const ids = ['n1:a', 'n1:b', 'n2:c', 'n2:d'] as VolumeId[];
const volumeOf = (id: VolumeId, kept: boolean): Volume => ({ id, ...(kept && { retained: true }) }) as Volume;

/** What one look sees: which volumes are there, claimed and kept, and whether each node has reported. */
const sights = fc.record({
  passed: fc.integer({ min: 0, max: 6 }),
  there: fc.subarray(ids),
  claimed: fc.subarray(ids),
  kept: fc.subarray(ids, { maxLength: 1 }),
  unseen: fc.subarray(['n1', 'n2']),
});

test('a volume is an orphan if it was in no PersistentVolume at every look of the whole grace', () => {
  fc.assert(
    fc.property(fc.array(sights, { minLength: 1, maxLength: 30 }), (looks) => {
      let [now, sightings]: [number, Sightings] = [0, new Map()];
      const looseSince = new Map<VolumeId, number>();
      for (const { passed, there, claimed, kept, unseen } of looks) {
        now += passed;
        const seen = there.filter((id) => !unseen.includes(id.slice(0, 2)));
        const volumes = seen.map((id) => volumeOf(id, kept.includes(id)));
        const gone = (id: VolumeId) => !unseen.includes(id.slice(0, 2)) && !there.includes(id);
        sightings = sight(sightings, volumes, new Set(claimed), { now, gone });
        // The same, said volume by volume.
        for (const id of ids) {
          const loose = seen.includes(id) && !claimed.includes(id) && !kept.includes(id);
          const unknown = unseen.includes(id.slice(0, 2)) && !claimed.includes(id);
          if (loose) looseSince.set(id, looseSince.get(id) ?? now);
          else if (!unknown) looseSince.delete(id);
        }
        const expected = seen.filter((id) => now - (looseSince.get(id) ?? Infinity) >= grace);
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
