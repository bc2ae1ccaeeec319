import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import type { Usage } from '../../../src/domain/filesystems.ts';
import { createUsage } from '../../../src/mount/usage.ts';

test('of a real filesystem', async () => {
  const { bytes } = await createUsage()(tmpdir());
  expect(bytes.total).toBeGreaterThan(0n);
  expect(bytes.used + bytes.available).toBeLessThanOrEqual(bytes.total);
});

test('one that hangs is given up, and not asked again until it answers', async () => {
  const answer = Promise.withResolvers<Usage>();
  let asked = 0;
  const usage = createUsage(() => {
    asked++;
    return answer.promise;
  }, 5);
  await expect(usage('/hung')).rejects.toMatchObject({ kind: 'unavailable' });
  await expect(usage('/hung')).rejects.toMatchObject({ kind: 'unavailable' });
  expect(asked).toBe(1);
  answer.resolve({ bytes: { total: 1n, used: 1n, available: 0n } });
  await answer.promise;
  await expect(usage('/hung')).resolves.toMatchObject({ bytes: { total: 1n } });
});

test('an answer of the kernel that is an error is unavailable', async () => {
  await expect(createUsage()('/nothing/here')).rejects.toMatchObject({ kind: 'unavailable' });
});
