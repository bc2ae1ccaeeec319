import fc from 'fast-check';
import { expect, test } from 'vitest';
import { holdersAmong } from '../../../src/domain/fleet.ts';
import type { LvName, NodeName } from '../../../src/domain/ids.ts';
import { Members } from '../../../src/fleet/server/members.ts';
import { Session } from '../../../src/fleet/server/session.ts';
import { protocol, report, type Content } from './report.ts';

const names = ['x', 'y', 'z'] as LvName[];

/** A volume that was renamed keeps its id. */
const volumes = fc.uniqueArray(fc.record({ in: fc.constantFrom(...names), lv: fc.constantFrom(...names) }), {
  selector: (volume) => volume.in,
  maxLength: 3,
});
const step = fc.record({
  node: fc.constantFrom('a', 'b'),
  full: fc.boolean(),
  more: fc.boolean(),
  put: volumes,
  removed: fc.array(fc.tuple(fc.constantFrom('a', 'b'), fc.constantFrom(...names)), { maxLength: 2 }),
  given: fc.uniqueArray(fc.constantFrom(...names)),
  taken: fc.uniqueArray(fc.constantFrom(...names)),
  /** Volumes that were born on the other node. */
  foreign: fc.uniqueArray(fc.constantFrom(...names)),
  ending: fc.constantFrom('go on', 'detach', 'dial again'),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function reportOf({ node, full, more, put, removed, given, taken, foreign }: Step): Content {
  const common = { name: 'v', pool: 'fast', group: 'vg', size: '1', layout: { thin: {} }, filesystem: 'none', qos: {} };
  return {
    full,
    more,
    volumes: [
      ...put.map((volume) => ({ ...common, id: `${node}:${volume.in}`, lv: volume.lv })),
      ...foreign.map((name) => ({ ...common, id: `${node === 'a' ? 'b' : 'a'}:${name}`, lv: name })),
    ],
    given: given.map((name) => ({ volume: `${node}:${name}`, to: 'c' })),
    removedGiven: taken.map((name) => `${node}:${name}`),
    removedVolumes: removed.map(([of, name]) => `${of}:${name}`),
  };
}

test('the holders of a name are those that a search of all volumes finds, for any reports', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const members = new Members(() => 0, protocol);
      const sessions = new Map<string, Session>();
      const dial = (node: string) => {
        const options = {
          node: node as NodeName,
          instance: 'i',
          timeout: 1,
          now: () => 0,
          send: () => undefined,
          protocol,
          distrust: () => undefined,
        };
        const session = new Session({ ...options, changed: (changed) => void members.attach(changed) });
        sessions.set(node, session);
        return session;
      };
      for (const each of steps) {
        const session = sessions.get(each.node) ?? dial(each.node);
        // Changes before the first full report end a stream.
        const first = session.inventory.inventory === undefined;
        const content = reportOf(first ? { ...each, full: true } : each);
        Array.from(session.receiving(protocol.fromNode(protocol.writeFromNode(report(content)))));
        if (each.ending !== 'go on') sessions.delete(each.node);
        if (each.ending === 'detach') members.detach(session);
        for (const name of names) expect(members.holders(name)).toEqual(holdersAmong(members.members(), name));
      }
    }),
  );
});
