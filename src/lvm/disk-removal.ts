import { formatBytes } from '../domain/bytes.ts';
import { Failure } from '../domain/errors.ts';
import type { VgName } from '../domain/ids.ts';
import { removeDevice } from './group-arguments.ts';
import type { InventoryCache } from './cache.ts';
import { linkedDevice } from './process/system.ts';
import type { PvRecord } from './records.ts';
import type { Writer } from './writer.ts';

/** A disk of a group. */
export type Member = PvRecord & { readonly group: VgName };

/** Takes disks out of their groups. */
export class DiskRemoval {
  readonly #cache: InventoryCache;
  readonly #writer: Writer;

  constructor({ cache, writer }: { readonly cache: InventoryCache; readonly writer: Writer }) {
    this.#cache = cache;
    this.#writer = writer;
  }

  /**
   * @param disk path of the device, or UUID of the physical volume
   *
   * Our mark stays on the disk, so that it is not taken again by itself. Throws `not-found`, and `precondition` with every reason why the disk has to stay.
   */
  async remove(disk: string, dryRun: boolean, signal: AbortSignal): Promise<void> {
    const { group } = memberOf(this.#cache, disk);
    await this.#writer.exclusive(group, signal, async () => {
      await this.#cache.refresh();
      const record = memberOf(this.#cache, disk);
      const problems = this.#problems(record);
      if (problems.length > 0) throw new Failure('precondition', problems.join('\n'));
      if (dryRun) return;
      const what = `${linkedDevice(record.device)} could not be removed`;
      await this.#writer.change(what, removeDevice(group, record.device));
    });
    await this.#cache.refresh();
  }

  #problems(record: Member): string[] {
    const { group, size, free, uuid } = record;
    const name = linkedDevice(record.device);
    const { groups, devices } = this.#cache.report();
    const missing = groups.find((vg) => vg.group === group)?.missingDevices;
    if (missing !== 0) return [`disks of ${group} are missing: LVM removes no other until they are back or given up`];
    const problems: string[] = [];
    if (size !== free)
      problems.push(
        `${formatBytes(size - free)} of ${group} are on ${name}: first run "quarry disks evacuate ${name}"`,
      );
    const others = devices.filter((other) => other.group === group && other.uuid !== uuid);
    if (others.length === 0) return [...problems, `${name} is the last disk of ${group}`];
    const pool = this.#cache.specs.find((spec) => spec.group === group);
    const left = others.reduce((sum, other) => (other.leaving ? sum : sum + other.free), 0n);
    if (pool && left < pool.reserve)
      problems.push(
        `pool ${pool.name} keeps ${formatBytes(pool.reserve)} free (reserve), and ${formatBytes(left)} would be left without ${name}: add a disk, or delete volumes`,
      );
    return problems;
  }
}

export function isMember(record: PvRecord): record is Member {
  return record.group !== undefined;
}

/** @param disk path of the device, or UUID of the physical volume. Throws `not-found`. */
export function memberOf(cache: InventoryCache, disk: string): Member {
  const groups = new Set<string | undefined>(cache.specs.map(({ group }) => group));
  const { devices } = cache.report();
  const found = devices.find(({ device, uuid }) => uuid === disk || linkedDevice(device) === disk);
  if (found && isMember(found) && groups.has(found.group)) return found;
  const lacks = devices.filter(({ group, missing }) => missing && group !== undefined && groups.has(group));
  const missing = lacks.map(({ group, uuid }) => `${uuid} of ${group}`).join(', ');
  const more = missing === '' ? '' : `; missing ones have a UUID only: ${missing}`;
  throw new Failure('not-found', `"${disk}" is not a disk of a pool of this node ("quarry disks" lists them)${more}`);
}
