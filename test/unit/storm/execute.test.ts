import { status } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { execute } from '../../storm/execute.ts';
import type { Site } from '../../storm/site.ts';
import type { Step } from '../../storm/verb.ts';

/** A step whose calls end with these details, one after the other, and then succeed. */
function lacking(...details: string[]): Step {
  const run = async (): Promise<undefined> => {
    const next = details.shift();
    if (next !== undefined) throw Object.assign(new Error(next), { code: status.RESOURCE_EXHAUSTED, details: next });
    return undefined;
  };
  return { run } as unknown as Step;
}

const outcomeOf = async (step: Step) =>
  (await execute({} as Site, { volume: 'storm-0', step, times: 1 }, { struck: false }))[0];

test('a call that met a pool before it was ready is repeated, and one that met no room is not', async () => {
  const early =
    'no node can hold the volume: node node-1: pool mirror is not ready: it is still being activated, checked or created';
  expect(await outcomeOf(lacking(early, early))).toMatchObject({ code: 'OK' });
  expect(await outcomeOf(lacking('no room'))).toMatchObject({ code: 'RESOURCE_EXHAUSTED', details: 'no room' });
});
