import { expect, test, vi } from 'vitest';
import { createLvmCheck } from '../../../src/lvm/process/check.ts';
import type { Lvm, LvmAnswer } from '../../../src/lvm/process/lvm.ts';

/** An LVM that answers when the test calls for it. */
function slowLvm() {
  const asked: PromiseWithResolvers<LvmAnswer>[] = [];
  const report: Lvm['report'] = () => {
    const answer = Promise.withResolvers<LvmAnswer>();
    asked.push(answer);
    return answer.promise;
  };
  const lvm: Lvm = {
    report,
    reportForChange: report,
    change: report,
    slowChange: report,
    changing: false,
    restart: () => undefined,
    restartReports: () => undefined,
  };
  return { lvm, asked };
}

test('reports no problem if LVM answers, and reuses the answer for a while', async () => {
  const { lvm, asked } = slowLvm();
  let now = 0;
  const check = createLvmCheck({ lvm, deadline: 60_000, reuse: 10, now: () => now });
  const first = check();
  asked[0]?.resolve({ ok: true, rows: [] });
  expect(await first).toBeUndefined();
  now = 9;
  expect(await check()).toBeUndefined();
  expect(asked).toHaveLength(1);
  now = 10;
  const second = check();
  expect(asked).toHaveLength(2);
  asked[1]?.resolve({ ok: false, messages: ['no room', 'no luck'] });
  expect(await second).toBe('LVM fails: no room; no luck');
});

test('asks an LVM that hangs only once, for any number of callers', async () => {
  const { lvm, asked } = slowLvm();
  const check = createLvmCheck({ lvm, deadline: 1, reuse: 0 });
  expect(await Promise.all([check(), check()])).toEqual(Array(2).fill('LVM has not answered for 1 ms'));
  expect(await check()).toMatch(/not answered/);
  expect(asked).toHaveLength(1);
  asked[0]?.reject(new Error('gone'));
  await vi.waitFor(async () => {
    void check();
    expect(asked).toHaveLength(2);
  });
});

test('reports an LVM process that cannot be asked', async () => {
  const { lvm, asked } = slowLvm();
  const check = createLvmCheck({ lvm, deadline: 60_000, reuse: 0 })();
  asked[0]?.reject(new Error('lvm: not found'));
  expect(await check).toBe('lvm: not found');
});

test('asks nothing while our own change runs, because the report would wait for it', async () => {
  const { lvm, asked } = slowLvm();
  const check = createLvmCheck({ lvm: { ...lvm, changing: true }, deadline: 60_000, reuse: 10, now: () => 0 });
  expect(await check()).toBeUndefined();
  expect(asked).toHaveLength(0);
});
