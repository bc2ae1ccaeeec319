import { expect, test, vi } from 'vitest';
import { createAdminService } from '../../../src/admin/service.ts';
import { withClient } from '../../../src/grpc/client.ts';
import { admin } from '../../../src/grpc/load.ts';
import type { AdminMethods } from '../../../src/grpc/services.ts';
import { serve } from '../grpc/harness.ts';

test('a look at the disks is answered when it has ended', async () => {
  const looked = Promise.withResolvers<void>();
  const rescan = vi.fn<() => Promise<void>>(() => looked.promise);
  const services = { Admin: createAdminService(rescan) };
  const { path } = await serve({}, { additional: [{ interface: admin, services }] });
  let answered = false;
  const asked = withClient<AdminMethods, void>(path, { proto: admin, service: 'Admin' }, async (calls) => {
    await calls.rescan({});
    answered = true;
  });
  await vi.waitFor(() => expect(rescan).toHaveBeenCalledOnce());
  expect(answered).toBe(false);
  looked.resolve();
  await asked;
});
