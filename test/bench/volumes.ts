import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { CsiClient } from '../support/csi-client.ts';
import { type Figure, inTurn, median, timed } from './sampling.ts';

const run = promisify(execFile);
export const size = String(64 * 2 ** 20);
export const mount = { mount: { fsType: 'ext4' }, accessMode: { mode: 'SINGLE_NODE_WRITER' as const } };
export const group = 'quarry-bench';
/** A hundred calls at once wait for each other. */
const patient = { deadlineMs: 300_000 };
const types = ['thick', 'thin'] as const;
/** Of each hundred. */
const samples = 3;

/** A set of volumes that are present while others are measured. */
export interface Present {
  readonly count: number;
  /** The end of each figure's name. */
  readonly suffix: string;
  /** Of a creation or deletion: ours divided by bare. */
  readonly target: number;
}

export function volumes(client: CsiClient, type: 'thin' | 'thick', bytes = size) {
  const name = (round: number | string) => `${type}-${round}`;
  const create = (round: number | string) =>
    client.controller.createVolume(
      {
        name: name(round),
        volumeCapabilities: [mount],
        parameters: { type },
        capacityRange: { requiredBytes: bytes },
      },
      patient,
    );
  const remove = (round: number | string) =>
    client.controller.deleteVolume({ volumeId: `bench:${name(round)}` }, patient);
  return { create, remove };
}

async function createAndDelete(client: CsiClient, type: 'thin' | 'thick', rounds: number, present: Present) {
  const { suffix, target } = present;
  const { create, remove } = volumes(client, type);
  const shape = type === 'thin' ? ['-V', `${size}b`, '--thinpool', `${group}/thinpool`] : ['-L', `${size}b`, group];
  const bare = {
    create: (round: number) => run('lvcreate', ['-y', '-n', `bare-${round}`, ...shape]),
    remove: (round: number) => run('lvremove', ['-y', `${group}/bare-${round}`]),
  };
  // The first use of a thin pool loads kernel modules and programs.
  for (const warm of [-1, -2]) await create(warm).then(() => remove(warm));
  const created = await inTurn(rounds, create, bare.create);
  const removed = await inTurn(rounds, remove, bare.remove);
  return [
    { name: `CreateVolume ${type} : lvcreate${suffix}`, unit: 'ms', ...created, target },
    { name: `DeleteVolume ${type} : lvremove${suffix}`, unit: 'ms', ...removed, target },
  ] satisfies Figure[];
}

/**
 * A hundred creations, at once and one after the other, in alternating order: what was done before them, such as removals in the same
 * thin pool, affects both alike.
 */
async function hundred(client: CsiClient, type: 'thin' | 'thick', { suffix }: Present): Promise<Figure> {
  const { create, remove } = volumes(client, type, String(4 * 2 ** 20));
  const all = Array.from({ length: 100 }, (_, index) => index);
  const times = { atOnce: [] as number[], inTurn: [] as number[] };
  const ways = {
    atOnce: () => Promise.all(all.map(create)),
    async inTurn() {
      for (const index of all) await create(index);
    },
  };
  for (let sample = 0; sample < samples; sample += 1) {
    for (const way of sample % 2 === 0 ? (['inTurn', 'atOnce'] as const) : (['atOnce', 'inTurn'] as const)) {
      times[way].push((await timed(ways[way])) / 1000);
      await Promise.all(all.map(remove));
    }
  }
  return {
    name: `100 creates ${type}, at once : in turn${suffix}`,
    unit: 's',
    ours: median(times.atOnce),
    bare: median(times.inTurn),
    samples,
    target: 1,
  };
}

export async function measureVolumes(client: CsiClient, rounds: number, present: Present): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const type of types) figures.push(...(await createAndDelete(client, type, rounds, present)));
  return figures;
}

export async function measureHundreds(client: CsiClient, present: Present): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const type of types) figures.push(await hundred(client, type, present));
  return figures;
}
