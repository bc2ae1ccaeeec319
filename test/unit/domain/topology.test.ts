import { describe, expect, it } from 'vitest';
import type { NodeName } from '../../../src/domain/ids.ts';
import { accepts, parseAccessibility, topologyOf } from '../../../src/domain/topology.ts';

const driver = 'lvm.quarry.csi';
const [one, two, three] = ['node-1', 'node-2', 'node-3'].map((name) => name as NodeName) as [
  NodeName,
  NodeName,
  NodeName,
];
const [first, second, third] = [one, two, three].map((node) => topologyOf(driver, node)) as [object, object, object];

describe('accessibility', () => {
  it("reads the driver's key in any case, and no other key", () => {
    const shouted = { segments: { 'Topology.LVM.quarry.csi/node': 'node-1' } };
    expect(parseAccessibility({ requisite: [shouted] }, driver).requisite).toEqual(new Set([one]));
    expect(parseAccessibility({ requisite: [first] }, 'other.quarry.csi').requisite).toEqual(new Set());
    const shared = { segments: { zone: 'a', [`topology.${driver}/node`]: 'node-2' } };
    expect(parseAccessibility({ requisite: [shared] }, driver).requisite).toEqual(new Set([two]));
  });

  it('is every node without a requirement', () => {
    for (const nothing of [null, undefined, {}, { requisite: [], preferred: null }]) {
      const anywhere = parseAccessibility(nothing, driver);
      expect(anywhere).toEqual({ preferred: [] });
      expect(accepts(anywhere, one)).toBe(true);
    }
  });

  it('keeps the preferred nodes in order, once each, within the requisite ones', () => {
    const parsed = parseAccessibility(
      { requisite: [first, second], preferred: [second, third, second, first] },
      driver,
    );
    expect(parsed).toEqual({ requisite: new Set([one, two]), preferred: [two, one] });
    expect([one, two, three].map((node) => accepts(parsed, node))).toEqual([true, true, false]);
  });

  it('is limited to the preferred nodes without requisite ones', () => {
    const parsed = parseAccessibility({ preferred: [second, first] }, driver);
    expect(parsed).toEqual({ requisite: new Set([two, one]), preferred: [two, one] });
  });
});
