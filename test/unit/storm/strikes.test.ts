import { expect, test } from 'vitest';
import type { Disturbance } from '../../storm/disturbances.ts';
import { losePower } from '../../storm/model.ts';
import type { Site } from '../../storm/site.ts';
import { strikeAll } from '../../storm/strikes.ts';

/** The steps of these disturbances, each of which begins at once. */
async function stepsOf(...disturbances: Partial<Disturbance>[]): Promise<string[]> {
  const steps: string[] = [];
  const strikes = disturbances.map((part) => {
    const { name = '', lasts = false } = part;
    const note = (what: string) => async () => void steps.push(`${what} ${name}`);
    const disturbance = { name, weight: 1, strike: note('strike'), recover: note('recover'), ...part };
    return { disturbance, after: 0, lasts: lasts ? 1 : 0, choice: 0 };
  });
  await strikeAll({} as Site, strikes, ({ name }) => void steps.push(`begin ${name}`));
  return steps;
}

const network = { name: 'network', lasts: true, outlasts: true };
const power = { name: 'power', effect: losePower };
const disk = { name: 'disk', lasts: true };

test('a power cut comes while a network is cut or a disk is stuck', async () => {
  const cut = ['begin power', 'strike power', 'recover power'];
  expect(await stepsOf(disk, power)).toEqual(['begin disk', 'strike disk', ...cut]);
  // It does not heal the network.
  expect(await stepsOf(network, power)).toEqual(['begin network', 'strike network', ...cut, 'recover network']);
});

test('any other disturbance comes after the one before has ended', async () => {
  expect(await stepsOf(network, disk)).toEqual([
    'begin network',
    'strike network',
    'recover network',
    'begin disk',
    'strike disk',
    'recover disk',
  ]);
});
