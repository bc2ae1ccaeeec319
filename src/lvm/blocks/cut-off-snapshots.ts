import { type Failure, messageOf } from '../../domain/errors.ts';
import type { Log } from '../../log.ts';
import { listThin } from '../arguments.ts';
import type { InventoryCache } from '../cache.ts';
import { repeatedSnapshot } from '../failures.ts';
import type { Lvm } from '../process/lvm.ts';
import { deviceOf, type PoolDevices } from './pool-device.ts';

export interface CutOffSnapshotsOptions {
  readonly lvm: Pick<Lvm, 'report'>;
  readonly cache: Pick<InventoryCache, 'report'>;
  readonly devices: PoolDevices;
  readonly log: Log;
}

/**
 * Ends the transaction of a thin snapshot that was cut off, if that is why LVM refused a change. Returns whether it did: the change can be repeated.
 *
 * LVM tells the kernel to take a thin snapshot, and with a second message that the transaction is over. The kernel commits each. If the power is cut
 * between the two, or LVM is killed, LVM sends the first again before any change of the pool's volumes, and the kernel refuses it, because it has the
 * snapshot (LVM lets the same pass for a new thin volume, and not for a snapshot: libdm, `expected_errno`). So no volume could be created or deleted
 * in the pool any more. The second message is all that is missing: LVM then finds the number that it expects, and goes on.
 */
export function createFinishSnapshot({ lvm, cache, devices, log }: CutOffSnapshotsOptions) {
  return async (failure: Failure): Promise<boolean> => {
    const refused = repeatedSnapshot(failure);
    const pool = refused && cache.report().volumes.find((one) => one.isThinPool && deviceOf(one) === refused.device);
    if (!pool) return false;
    const fields = { pool: `${pool.group}/${pool.lv}`, thinId: refused.id };
    try {
      const answer = await lvm.report(listThin(pool.group));
      const rows = answer.ok ? answer.rows : [];
      // Of a snapshot that LVM gave up, the device may be another program's.
      const isKnown = rows.some((row) => row['pool_lv'] === pool.lv && row['thin_id'] === refused.id);
      const expected = Number(rows.find((row) => row['lv_name'] === pool.lv)?.['transaction_id']);
      const { transaction } = await devices.status(pool);
      if (!isKnown || expected !== transaction + 1) return false;
      const what = `the transaction of thin pool ${fields.pool} could not be ended`;
      await devices.send(pool, `set_transaction_id ${transaction} ${expected}`, what);
      log.warn(fields, 'the transaction of a thin snapshot that was cut off is ended');
      return true;
    } catch (error) {
      log.error(
        { ...fields, reason: messageOf(error) },
        'a thin snapshot that was cut off keeps its pool from changes',
      );
      return false;
    }
  };
}
