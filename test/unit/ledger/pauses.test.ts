import { expect, test } from 'vitest';
import { distribution, summaryOf } from '../../ledger/pauses.ts';

test('pauses are sorted into classes, of which each pause is in one', () => {
  expect(distribution([0, 249, 250, 999, 1000, 4999, 5000, 9000])).toEqual({
    'pauses of 0 to 250 ms': 2,
    'pauses of 250 to 500 ms': 1,
    'pauses of 500 to 1000 ms': 1,
    'pauses of 1000 to 2000 ms': 1,
    'pauses of 2000 to 5000 ms': 1,
    'pauses of 5000 ms or more': 2,
  });
  expect(distribution([])).toEqual({});
});

test('the summary of pauses names the median and the longest', () => {
  expect(summaryOf([30, 10, 20])).toBe('writes were paused 3 times: median 20 ms, p99 30 ms, max 30 ms');
  expect(summaryOf([])).toBe('');
});
