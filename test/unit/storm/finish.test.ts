import { expect, test } from 'vitest';
import { repeatDeletions } from '../../storm/finish.ts';
import { absentVolume, acknowledge, doubt } from '../../storm/model.ts';
import { createRandom } from '../../storm/random.ts';
import { planStep } from '../../storm/verbs.ts';
import { removeGroup } from '../../storm/group-verbs.ts';
import type { Site } from '../../storm/site.ts';

const facts = { exists: true, size: 100, iops: 0, staged: false, published: false };
const shape = { type: 'thin', stripes: 1, mirrors: 0, access: 'block' } as const;
const group = acknowledge(absentVolume('group-0'), { facts, shape });
const deletion = planStep(removeGroup, group, facts, createRandom(1, 1)) ?? expect.fail('no deletion');
const cut = doubt(group, deletion.change);

/** A site whose deletions of group snapshots end with these errors, one after the other, and then succeed. */
function siteWith(...errors: Error[]) {
  const deleted: unknown[] = [];
  const deleteVolumeGroupSnapshot = async (request: { groupSnapshotId: string }): Promise<void> => {
    const error = errors.shift();
    if (error) throw error;
    deleted.push(request.groupSnapshotId);
  };
  return { deleted, site: { client: { groupController: { deleteVolumeGroupSnapshot } } } as unknown as Site };
}

test('a deletion of a group snapshot that was cut off is repeated until it succeeds, as a sidecar does', async () => {
  const { site, deleted } = siteWith();
  const action = { volume: 'group-0', step: deletion, times: 1 };
  expect(await repeatDeletions(site, [cut], [action])).toEqual([[absentVolume('group-0')], []]);
  expect(deleted).toHaveLength(1);
  const failing = siteWith(new Error('no'));
  expect((await repeatDeletions(failing.site, [cut], [action]))[1]).toEqual([
    'delete group group-0: failed, not OK: no',
  ]);
});

test('a deletion that was answered, and another call that was cut off, are not repeated', async () => {
  const { site, deleted } = siteWith();
  const action = { volume: 'group-0', step: deletion, times: 1 };
  expect(await repeatDeletions(site, [absentVolume('group-0')], [action])).toEqual([[], []]);
  const other = { ...action, step: { ...deletion, verb: 'take group' } };
  expect(await repeatDeletions(site, [cut], [other])).toEqual([[], []]);
  expect(deleted).toEqual([]);
});
