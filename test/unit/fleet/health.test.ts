import { expect, test } from 'vitest';
import type { Condition } from '../../../src/domain/health.ts';
import type { NodeName } from '../../../src/domain/ids.ts';
import type { Inventory } from '../../../src/domain/storage.ts';
import { Reporter } from '../../../src/fleet/client/reporter.ts';
import { NodeInventory } from '../../../src/fleet/server/node-inventory.ts';
import { protocol } from './report.ts';

const degraded: Condition = { reason: 'MirrorDegraded', message: 'a disk failed' };
const full: Condition = { reason: 'ThinPoolOutOfData', message: 'x'.repeat(2000) };

const inventoryWith = (health: Inventory['health']): Inventory => ({
  pools: new Map(),
  volumes: new Map(),
  snapshots: new Map(),
  given: new Map(),
  unready: new Map(),
  health,
  reportedAt: 0,
  defaultPool: undefined,
});

/** What a controller knows after reports of each of these in turn. */
function afterReports(...states: Inventory['health'][]): Inventory['health'] | undefined {
  const reporter = new Reporter(protocol.records, () => 0);
  const received = new NodeInventory('a' as NodeName, protocol.records);
  for (const state of states) {
    for (const records of reporter.next(inventoryWith(state))) {
      const message = protocol.fromNode(protocol.writeFromNode({ records }));
      if (message.records) received.apply(message.records, 0);
    }
  }
  return received.inventory?.health;
}

test('a controller knows what is wrong with volumes and pools, until the node reports them well', () => {
  const first = new Map<string, readonly Condition[]>([
    ['a:x', [degraded]],
    ['fast', [full]],
  ]);
  const cut = { ...full, message: 'x'.repeat(512) };
  expect(afterReports(first)).toEqual(
    new Map<string, unknown>([
      ['a:x', [degraded]],
      ['fast', [cut]],
    ]),
  );
  expect(afterReports(first, new Map([['a:x', [degraded]]]))).toEqual(new Map([['a:x', [degraded]]]));
  expect(afterReports(first, new Map())).toEqual(new Map());
});

test('a controller skips a reason that only a newer node knows, and refuses a key that is neither a volume nor a pool', () => {
  const later = { reason: 'FromLater', message: 'm' } as unknown as Condition;
  expect(afterReports(new Map([['a:x', [later, degraded]]]))).toEqual(new Map([['a:x', [degraded]]]));
  expect(() => afterReports(new Map([['Not A Pool', [degraded]]]))).toThrow(/neither a volume nor a pool/);
});
