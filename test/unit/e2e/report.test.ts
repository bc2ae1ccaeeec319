import { describe, expect, test } from 'vitest';
import { count, readSpecs, summary } from '../../e2e/report.ts';

const containers = ['External Storage [Driver: d.test]', '[Testpattern: Dynamic PV (ext4)] [Slow] volumes'];

function spec(state: string, changes: object = {}): object {
  return {
    LeafNodeType: 'It',
    LeafNodeText: 'should store data',
    ContainerHierarchyTexts: containers,
    State: state,
    RunTime: 2e9,
    ...changes,
  };
}

function report(SuiteSucceeded: boolean, ...SpecReports: object[]): string {
  return JSON.stringify([{ SuiteSucceeded, SpecReports }]);
}

describe("a report of Kubernetes' tests", () => {
  test('lists each spec, with the reasons of failures and skips', () => {
    const specs = readSpecs(
      report(
        false,
        spec('passed'),
        spec('skipped', { Failure: { Message: 'Driver "d.test" does not support cloning - skipping\nmore' } }),
        spec('failed', { LeafNodeText: 'should fail', Failure: { Message: 'timed out' } }),
        spec('interrupted'),
      ),
    );
    expect(specs.map(({ outcome, reason }) => [outcome, reason])).toEqual([
      ['passed', ''],
      ['skipped', 'Driver "d.test" does not support cloning - skipping'],
      ['failed', 'timed out'],
      ['failed', 'interrupted'],
    ]);
    expect(specs[0]).toMatchObject({ suite: 'volumes', name: 'Dynamic PV (ext4): should store data', seconds: 2 });
    expect(summary(specs)).toEqual([
      expect.stringMatching(/^volumes +1 passed +2 failed +1 skipped$/),
      'failed: volumes, Dynamic PV (ext4): should fail: timed out',
      'failed: volumes, Dynamic PV (ext4): should store data: interrupted',
      'skipped 1 of volumes: Driver "d.test" does not support cloning - skipping',
    ]);
  });

  test('counts the specs that were left out, not those that were not selected', () => {
    const leftOut = [{ pattern: 'store', why: 'no room' }];
    const elsewhere = spec('skipped', { ContainerHierarchyTexts: ['[sig-network] Services'] });
    const other = spec('skipped', { LeafNodeText: 'something else' });
    const setUp = { LeafNodeType: 'SynchronizedBeforeSuite', LeafNodeText: '', State: 'passed', RunTime: 0 };
    const specs = readSpecs(report(true, spec('skipped'), elsewhere, other, setUp), leftOut);
    expect(specs).toEqual([expect.objectContaining({ outcome: 'skipped', reason: 'no room' })]);
  });

  test('has a failure for a suite or a set-up that failed without a failed spec', () => {
    expect(count(readSpecs(report(false, spec('passed'))), 'failed')).toBe(1);
    const setUp = { LeafNodeType: 'SynchronizedBeforeSuite', LeafNodeText: '', State: 'failed', RunTime: 0 };
    expect(readSpecs(report(false, setUp))).toMatchObject([{ suite: 'SynchronizedBeforeSuite', outcome: 'failed' }]);
  });
});
