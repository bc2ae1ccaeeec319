import { expect, test } from 'vitest';
import { joinParts } from '../../../src/app/parts.ts';

const gauge = (name: string) => ({ name, help: name });

test('joins the calls, metrics, start and stop of features', async () => {
  const events: string[] = [];
  const joined = joinParts([
    {
      admin: { retainOrphan: async () => ({}) },
      metrics: { gauges: [gauge('one')] },
      start: () => void events.push('first starts'),
      stop: async (deadlineMs) => void events.push(`first stops in ${deadlineMs}`),
    },
    {
      services: { GroupController: {} },
      admin: { rescan: async () => ({}) },
      metrics: { gauges: [gauge('two')], counters: [gauge('three')] },
      stop: async (deadlineMs) => void events.push(`second stops in ${deadlineMs}`),
    },
    { start: () => void events.push('third starts') },
  ]);
  expect(Object.keys(joined.services)).toEqual(['GroupController']);
  expect(Object.keys(joined.admin ?? {})).toEqual(['retainOrphan', 'rescan']);
  expect(joined.metrics).toEqual({ gauges: [gauge('one'), gauge('two')], counters: [gauge('three')], histograms: [] });
  joined.start();
  await joined.stop(7);
  expect(events).toEqual(['first starts', 'third starts', 'first stops in 7', 'second stops in 7']);
});

test('makes no admin socket without a feature that has calls for it', () => {
  expect(joinParts([{ services: {} }]).admin).toBeUndefined();
});

test('refuses two features with the same call', () => {
  const part = { admin: { rescan: async () => ({}) } };
  expect(() => joinParts([part, part])).toThrow('two features answer rescan');
  const group = { services: { GroupController: { groupControllerGetCapabilities: async () => ({}) } } };
  expect(() => joinParts([group, group])).toThrow('two features answer groupControllerGetCapabilities');
});

test('joins the methods that several features have of one service', () => {
  const { services, capabilities } = joinParts([
    { services: { Controller: { listSnapshots: async () => ({}) } }, capabilities: ['LIST_SNAPSHOTS'] },
    { services: { Controller: { getSnapshot: async () => ({}) } }, capabilities: ['GET_SNAPSHOT'] },
  ]);
  expect(Object.keys(services.Controller ?? {})).toEqual(['listSnapshots', 'getSnapshot']);
  expect(capabilities).toEqual(['LIST_SNAPSHOTS', 'GET_SNAPSHOT']);
});
