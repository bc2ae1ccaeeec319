import { type Fleet, holdersAmong, type Member } from '../../../../src/domain/fleet.ts';
import { Failure } from '../../../../src/domain/errors.ts';
import { Orphans } from '../../../../src/features/orphans/orphans.ts';
import { OrphanRemoval } from '../../../../src/features/orphans/removal.ts';
import { expect } from 'vitest';
import { GatedStorage, specOf } from '../../fleet/gated-storage.ts';

export const never = new AbortController().signal;
export const minute = 60_000;
const noon = Date.parse('2026-11-21T12:00:00Z');

/** Two nodes, and the volumes that Kubernetes claims: the watched ones may be behind the true ones. */
export async function begin() {
  const clock = { now: noon };
  const storages = { a: new GatedStorage('a'), b: new GatedStorage('b') };
  const cutOff = new Set<string>();
  const members = Object.values(storages).map((storage): Member => ({
    node: storage.node,
    get connected() {
      return !cutOff.has(storage.node);
    },
    since: 0,
    storage,
  }));
  const fleet: Fleet = {
    members: () => members,
    member: (node) => members.find((member) => member.node === node),
    holders: (name) => holdersAmong(members, name),
    forget: (node) =>
      void members.splice(
        members.findIndex((member) => member.node === node),
        1,
      ),
  };
  const claims = {
    known: new Set<string>() as Set<string> | undefined,
    truth: new Set<string>() as Set<string> | undefined,
    isWatched: () => claims.known !== undefined,
    watched: () => claims.known,
    claims: async () => ({ claims: [] }),
    records: async () => ({ records: [] }),
    async read() {
      if (claims.truth) return claims.truth;
      throw new Failure('unavailable', 'the API server is gone');
    },
  };
  const contents = {
    known: new Set<string>() as Set<string> | undefined,
    truth: new Set<string>() as Set<string> | undefined,
    isWatched: () => contents.known !== undefined,
    watched: () => contents.known,
    async read() {
      if (contents.truth) return contents.truth;
      throw new Failure('unavailable', 'the API server is gone');
    },
  };
  const grace = 10 * minute;
  const orphans = new Orphans({ fleet, claims, contents, grace, now: () => clock.now });
  const removal = new OrphanRemoval({ orphans, fleet, claims, contents });
  const made = await storages.a.create(specOf('pvc-1'), never);
  storages.a.volumes.set(made.id, { ...made, created: noon - 26 * 60 * minute });
  const ids = async () => (await orphans.list()).map(({ one }) => one.id);
  return { clock, storages, cutOff, claims, contents, fleet, members, orphans, removal, ids, id: made.id };
}

/** The same, after the grace. */
export async function withOrphan() {
  const begun = await begin();
  await begun.orphans.look();
  begun.clock.now += 10 * minute;
  expect(await begun.ids()).toEqual([begun.id]);
  return begun;
}
