import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Failure } from '../../src/domain/errors.ts';
import type { VolumeId } from '../../src/domain/ids.ts';
import type { ControllerMethods } from '../../src/grpc/services.ts';
import { expectNone, seedsOf } from '../support/long-run.ts';
import { runFuzz } from './fuzz.ts';
import type { TargetOptions } from './target.ts';

const seeds = seedsOf('fuzz');
/** The seed of the commit is the last one. */
const runs = seeds.map((seed, index) => [seed, index === seeds.length - 1 ? 50_000 : 10_000] as const);

test.for(runs)(
  'hostile callers get only codes that their calls have, and leave nothing: --seed %d --requests %d',
  { timeout: 300_000 },
  async ([seed, requests]) => {
    const { findings } = await runFuzz({ seed, goesOn: (sent) => sent < requests });
    expectNone(findings);
  },
);

type Sabotage = NonNullable<TargetOptions['sabotage']>;
/** Replaces a call that changes nothing, and does this each time. */
const each = (defect: (...given: Parameters<Sabotage>) => unknown): Sabotage => {
  return (node, folder): Partial<ControllerMethods> => ({
    async controllerGetCapabilities() {
      await defect(node, folder);
      return {};
    },
  });
};
const kept: number[][] = [];

test.for<[string, Sabotage, RegExp]>([
  [
    'an error that is no Failure',
    each(() => Promise.reject(new TypeError('no such property'))),
    /INTERNAL "internal error"/,
  ],
  ['a code that the call never has', each(() => Promise.reject(new Failure('exhausted', 'full'))), /never has/],
  [
    'a volume that no request asked for',
    each(({ storage }) => {
      const id = 'n1:leaked' as VolumeId;
      storage.volumes.set(id, { id } as never);
    }),
    /volume n1:leaked is there, and no request/,
  ],
  [
    'a volume that is lost',
    each(({ storage }) => {
      for (const id of storage.volumes.keys()) storage.volumes.delete(id);
    }),
    /is gone, and no request that succeeded removed it/,
  ],
  [
    'a mount that no request asked for',
    each(({ machine }) => machine.table.push({ target: '/etc' } as never)),
    /mount \/etc is there/,
  ],
  ['a file', each((_, folder) => writeFile(join(folder, 'leaked'), '')), /files have changed: .*leaked/],
  ['a program', each(() => void spawn('true')), /a program was started/],
  ['a call that is never answered', each(() => new Promise(() => undefined)), /it got no answer/],
  ['a leak of memory', each(() => kept.push(Array.from({ length: 200_000 }, () => 0.5))), /the heap has grown/],
])('the fuzzing ends with a finding for %s', { timeout: 120_000 }, async ([, sabotage, finding]) => {
  const { findings } = await runFuzz({ seed: 1, goesOn: (sent) => sent < 8000, sabotage, patience: 2000 });
  expect(findings.join('\n')).toMatch(finding);
});
