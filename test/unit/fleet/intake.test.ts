import { expect, test } from 'vitest';
import { Intake, runSteps } from '../../../src/fleet/server/intake.ts';

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

test('a node that has sent all that it may gets 500 messages, 8 MiB and 5,000 entries in a second', () => {
  let now = 0;
  const [messages, bytes] = [new Intake(() => now), new Intake(() => now)];
  for (let sent = 0; sent < 2000; sent += 1) messages.admits(1);
  messages.admitsEntries(50_000);
  bytes.admits(96 * MiB);
  now = 1000;
  expect([messages.admitsEntries(5000), messages.admitsEntries(1)]).toEqual([true, false]);
  for (let sent = 0; sent < 500; sent += 1) expect(messages.admits(1)).toBe(true);
  expect(messages.admits(1)).toBe(false);
  expect([bytes.admits(8 * MiB), bytes.admits(1)]).toEqual([true, false]);
});

/** A stream that knows whether it is paused. */
function streamThat(paused: boolean) {
  const stream = { paused, pause: () => (stream.paused = true), resume: () => (stream.paused = false) };
  return stream;
}

test('a report of 500 entries leaves its stream as it is, and a longer one pauses it until it is applied', async () => {
  const apply = async (entries: number, stream: ReturnType<typeof streamThat>) => {
    const seen = new Set<boolean>();
    const steps = Array.from({ length: entries })
      .values()
      .map(() => void seen.add(stream.paused));
    await runSteps(steps, entries, stream, () => false);
    return { during: [...seen], after: stream.paused };
  };
  expect(await apply(500, streamThat(false))).toEqual({ during: [false], after: false });
  expect(await apply(500, streamThat(true))).toEqual({ during: [true], after: true });
  expect(await apply(501, streamThat(false))).toEqual({ during: [true], after: false });
});
