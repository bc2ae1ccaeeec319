import type { HungWork } from '../../gen/quarry/admin/v1/HungWork.ts';
import { timeFromMessage } from '../../admin/messages.ts';
import { askRole } from '../../cli/ask.ts';
import type { HungRecord } from './command.ts';
import type { Listing } from '../../cli/output.ts';

/** Asks the driver of this node for the work that hangs. */
export async function listHung(path: string): Promise<Listing<HungRecord>> {
  return askRole('node', path, async (calls) => {
    const { work } = await calls.listHung({});
    return { records: (work as HungWork[]).map(toRecord) };
  });
}

function toRecord({ what, pid, sinceMs }: HungWork): HungRecord {
  return { what, pid: pid === 0 ? undefined : pid, since: timeFromMessage(sinceMs) };
}
