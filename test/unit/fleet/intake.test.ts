import { expect, test } from 'vitest';
import { Intake } from '../../../src/fleet/server/intake.ts';

const MiB = 1 << 20;

test('a node may send 96 MiB at once, and no byte more', () => {
  const intake = new Intake(() => 0);
  expect(intake.admits(96 * MiB)).toBe(true);
  expect(intake.admits(1)).toBe(false);
});

test('a node may send 2,000 messages at once, 50,000 entries of reports, and more as time passes', () => {
  let now = 0;
  const intake = new Intake(() => now);
  for (let sent = 0; sent < 2000; sent += 1) expect(intake.admits(1)).toBe(true);
  expect(intake.admits(1)).toBe(false);
  expect([intake.admitsEntries(50_000), intake.admitsEntries(1)]).toEqual([true, false]);
  expect(intake.rested()).toBe(false);
  now = 60_000;
  expect(intake.rested()).toBe(true);
  expect([intake.admits(1), intake.admitsEntries(1)]).toEqual([true, true]);
});
