import { expect, test } from 'vitest';
import { Schedule } from '../../races/schedule.ts';
import { createRandom } from '../../storm/random.ts';

test('a schedule that goes on for ever ends with an error that names what came last', async () => {
  const schedule = new Schedule(createRandom(1, 0));
  const comeAgain = (): void => schedule.add('report of node a', comeAgain);
  comeAgain();
  const play = async (): Promise<void> => {
    while (await schedule.step());
  };
  await expect(play()).rejects.toThrow(/did not end within 50000 steps; the last were of: report of node a, report/);
});
