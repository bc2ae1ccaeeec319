import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { NodeName, VolumeId } from '../../../../src/domain/ids.ts';
import { isLooseVolume, Sightings } from '../../../../src/features/orphans/sightings.ts';
import type { Volume } from '../../../../src/domain/volume.ts';

const grace = 10;
const ids = ['n1:a', 'n1:b', 'n2:c', 'n2:d'] as VolumeId[];
const volumeOf = (id: VolumeId, kept: boolean): Volume => ({ id, ...(kept && { retained: true }) }) as Volume;

/** The sightings of the volumes of a node, and what Kubernetes claims. */
function begin() {
  let watched = new Set<string>();
  const kubernetes = { isWatched: () => true, watched: () => watched };
  const sightings = new Sightings<Volume>({ kubernetes, isLoose: isLooseVolume, grace });
  const look = (volumes: readonly Volume[], now: number, claimed: readonly VolumeId[] = []) => {
    watched = new Set(claimed);
    sightings.begin(() => true);
    sightings.look('n1' as NodeName, volumes, now);
    sightings.end();
    return sightings.latest() ?? [];
  };
  return look;
}

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
      const look = begin();
      let now = 0;
      const looseSince = new Map<VolumeId, number>();
      for (const { passed, there, claimed, kept } of looks) {
        now += passed;
        const volumes = there.map((id) => volumeOf(id, kept.includes(id)));
        const found = look(volumes, now, claimed);
        // The same, volume by volume.
        for (const id of ids) {
          const loose = there.includes(id) && !claimed.includes(id) && !kept.includes(id);
          if (loose) looseSince.set(id, looseSince.get(id) ?? now);
          else looseSince.delete(id);
        }
        const expected = there.filter((id) => now - (looseSince.get(id) ?? Infinity) >= grace);
        expect(found.map(({ one }) => one.id).toSorted()).toEqual(expected.toSorted());
        for (const { one, since } of found) expect(since).toBe(looseSince.get(one.id));
      }
    }),
  );
});

test('the oldest is first', () => {
  const look = begin();
  const [a, b, c, d] = ids.map((id) => volumeOf(id, false)) as [Volume, Volume, Volume, Volume];
  look([a, c], 0);
  look([d, c, b, a], 1);
  expect(look([d, c, b, a], 100).map(({ one }) => one.id)).toEqual(['n1:a', 'n2:c', 'n1:b', 'n2:d']);
});

test('the inline volume of a pod is no orphan', () => {
  const [id] = ids as [VolumeId];
  const volume = { ...volumeOf(id, false), role: 'inline' } as Volume;
  expect(isLooseVolume(volume, new Set())).toBe(false);
});
