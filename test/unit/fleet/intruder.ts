import { expect, vi } from 'vitest';
import type { Reason } from '../../../src/fleet/server/refusals.ts';
import type { Running } from './harness.ts';
import { hello, Peer } from './peer.ts';
import { report } from './report.ts';

export const lie = report({ full: true, unready: { fast: 'a lie' } });

/** Refused with that reason, in the log and in the count, and nothing that was sent is used. */
export async function expectRefused(running: Running, reason: Reason, count = 1): Promise<void> {
  await vi.waitUntil(() => running.server.refused().get(reason) === count, 20_000);
  expect([...running.server.refused().keys()]).toEqual([reason]);
  expect(running.lines).toContainEqual(
    expect.objectContaining({ message: 'fleet peer refused', fields: expect.objectContaining({ reason }) }),
  );
  expect(running.fleet.members()).toEqual([]);
}

/** Sends all that a node sends, without waiting for a welcome. */
export function intrude(port: number, options: ConstructorParameters<typeof Peer>[1], greeting = hello): Peer {
  const peer = new Peer(port, options);
  peer.send({ hello: greeting });
  peer.send(lie);
  return peer;
}
