import { tmpdir } from 'node:os';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createPatience } from '../../../src/concurrency/patience.ts';
import type { Usage } from '../../../src/domain/filesystems.ts';
import { createUsage } from '../../../src/mount/usage.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

test('reads the usage of a real filesystem', async () => {
  const { bytes } = await createUsage(createPatience())('/dev/x', tmpdir());
  expect(bytes.total).toBeGreaterThan(0n);
  expect(bytes.used + bytes.available).toBeLessThanOrEqual(bytes.total);
});

test('gives up on a filesystem that hangs, and asks no mount of its device until it answers', async () => {
  const answer = Promise.withResolvers<Usage>();
  let asked = 0;
  const usage = createUsage(createPatience(), () => {
    asked++;
    return answer.promise;
  });
  const failed = expect(usage('/dev/x', '/hung')).rejects.toMatchObject({ kind: 'unavailable' });
  await vi.advanceTimersByTimeAsync(10_000);
  await failed;
  await expect(usage('/dev/x', '/other')).rejects.toMatchObject({ kind: 'unavailable' });
  expect(asked).toBe(1);
  answer.resolve({ bytes: { total: 1n, used: 1n, available: 0n } });
  await vi.advanceTimersByTimeAsync(0);
  await expect(usage('/dev/x', '/hung')).resolves.toMatchObject({ bytes: { total: 1n } });
});

test('throws unavailable if the kernel returns an error', async () => {
  await expect(createUsage(createPatience())('/dev/x', '/nothing/here')).rejects.toMatchObject({ kind: 'unavailable' });
});
