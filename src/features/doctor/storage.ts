import type { Config } from '../../config/schema.ts';
import { type Condition, storageReasons, type StorageReasonName, volumeReasons } from '../../domain/health.ts';
import type { Pool } from '../../domain/pool.ts';
import type { Inventory } from '../../domain/storage.ts';
import type { Candidate } from '../../pools/candidates.ts';
import { type Finding, error, ok, warning } from './finding.ts';
import type { Host } from './host.ts';

/** Each disk that a pool's rule matches, and each pool whose rule matches none. */
export async function checkDisks({ look }: Pick<Host, 'look'>, { pools }: Pick<Config, 'pools'>): Promise<Finding[]> {
  const { disks, inventory } = await look();
  const empty = pools.filter(
    ({ name, disks: rule }) => rule && !inventory.pools.has(name) && !disks.some(({ pool }) => pool.name === name),
  );
  const findings = [
    ...disks.flatMap(judgeDisk),
    ...empty.map(({ name, disks: rule }) =>
      error(
        `no disk matches the rule of pool ${name}: ${rule?.paths.join(', ')}`,
        'compare it with `lsblk -o NAME,SIZE,ROTA` and the names below /dev/disk/by-id',
      ),
    ),
  ];
  const taken = disks.filter(({ verdict }) => verdict === 'member').map(({ device }) => device);
  return findings.length > 0 ? findings : [ok(taken.length > 0 ? `in use: ${taken.join(', ')}` : 'no rule for disks')];
}

function judgeDisk(disk: Candidate): Finding[] {
  const { device, pool } = disk;
  switch (disk.verdict) {
    case 'member':
      return [];
    case 'proposed':
      if (pool.approve === 'automatic') return [];
      return [warning(`${device} is blank, and not in pool ${pool.name} yet`, `quarry disks approve ${device}`)];
    case 'interrupted':
      return [warning(`${device} is being taken for pool ${pool.name}`, 'start the driver: it goes on')];
    case 'returned':
      return [warning(`${device}: ${disk.findings.join('; ')}`, `quarry disks approve ${device}`)];
    case 'refused': {
      const remedy = `leave it out of the rule of pool ${pool.name}, or clear it if nothing on it is needed`;
      return [warning(`${device} is refused: ${disk.findings.join('; ')}`, remedy)];
    }
  }
}

/** Pools that cannot serve, what is wrong with them and their volumes, and those that are nearly full. */
export async function checkPools({ look }: Pick<Host, 'look'>): Promise<Finding[]> {
  const { inventory } = await look();
  return poolFindings(inventory);
}

/** From an inventory alone. */
export function poolFindings({ pools, unready, health }: Pick<Inventory, 'pools' | 'unready' | 'health'>): Finding[] {
  const findings = [
    ...[...unready].map(([name, reason]) => error(`pool ${name} cannot serve: ${reason}`, 'see quarry disks')),
    ...[...health].flatMap(([subject, conditions]) => conditions.map((condition) => ofCondition(subject, condition))),
    ...[...pools.values()].flatMap(headroom),
  ];
  return findings.length > 0 ? findings : [ok(`ready: ${[...pools.keys()].join(', ') || 'no pool is configured'}`)];
}

function ofCondition(subject: string, { reason, message }: Condition): Finding {
  const known = Object.hasOwn(storageReasons, reason)
    ? storageReasons[reason as StorageReasonName]
    : volumeReasons[reason as keyof typeof volumeReasons];
  const lost = known.status === 'STORAGE_UNREACHABLE' || known.status === 'INACCESSIBLE';
  return (lost ? error : warning)(`${subject}: ${reason}: ${message}`, known.when);
}

/** Percent from which a full pool is near. */
const nearlyFull = 80;

function headroom({ spec, thin, metadata }: Pool): Finding[] {
  const findings: Finding[] = [];
  if (thin && thin.dataPercent >= nearlyFull) {
    const what = `the data of pool ${spec.name} is ${Math.floor(thin.dataPercent)} % full`;
    findings.push(warning(what, 'add a disk, delete volumes, or delete files and run `fstrim`'));
  }
  if (thin && thin.metadataPercent >= nearlyFull) {
    const what = `the metadata of pool ${spec.name} is ${Math.floor(thin.metadataPercent)} % full`;
    findings.push(warning(what, `enlarge it: \`lvextend --poolmetadatasize +1G ${spec.group}/…\``));
  }
  // A commit needs room for two copies: half of the area is free at first.
  if (metadata.free * 100n <= (metadata.size / 2n) * BigInt(100 - nearlyFull)) {
    const what = `the metadata area of volume group ${spec.group} is nearly full`;
    findings.push(
      warning(what, 'delete volumes, or make a new group whose area is larger: `vgcreate --metadatasize 32m`'),
    );
  }
  return findings;
}
