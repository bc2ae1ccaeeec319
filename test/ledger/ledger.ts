import type { Guest } from '../../lab/guest.ts';
import { type Driver, startDriver } from '../support/driver.ts';
import { GUEST_NODE } from '../support/guest.ts';
import { thinPools } from '../support/pools.ts';
import { pausesIn } from './pauses.ts';
import { recover } from './recovery.ts';
import type { Round } from './rounds.ts';
import { addVolume, type Place, removeTaken, removeVolume, take } from './taking.ts';

/** The disks of the guest that `openLedgers` needs. */
export const ledgerDisks = ['2G', '2G'];

/** How a database lies on volumes, by its name: the volumes of its log and of its table, with their filesystems. */
const databases = {
  ext4: { log: ['ext4', 'ext4'], table: ['ext4', 'ext4'] },
  xfs: { log: ['xfs', 'xfs'], table: ['xfs', 'xfs'] },
  /** On two volumes of two groups: its snapshots are group snapshots. */
  both: { log: ['log', 'ext4'], table: ['table', 'xfs'] },
} as const;

/** Key of `databases`. */
export type DatabaseName = keyof typeof databases;
export const databaseNames = Object.keys(databases) as DatabaseName[];

/** Databases that write without a pause, and snapshots of them. */
export interface Ledgers {
  /** Takes a snapshot of the database, restores it, and recovers it from there. What was acknowledged before the snapshot must be in it. */
  round(name: DatabaseName): Promise<Round>;
  /** For how many milliseconds writes were paused for each group snapshot, as the driver's log says. */
  pauses(): readonly number[];
  /** How many pauses the driver's metric has counted. */
  countedPauses(): Promise<number>;
  stop(): Promise<void>;
}

const folderOf = (volume: string) => `/run/ledger/${volume}`;
const placeOf = (volume: string, fsType: string): Place => ({
  pool: volume === 'table' ? 'b' : 'a',
  fsType,
  mebibytes: 320,
  folder: folderOf(volume),
});

/** Starts databases in the guest, which write from then on. */
export async function openLedgers(guest: Guest, names: readonly DatabaseName[] = databaseNames): Promise<Ledgers> {
  const driver = await startDriver(guest, {
    pools: thinPools({ overprovision: 10 }, 'a', 'b'),
    more: 'metrics: { listen: 127.0.0.1:9809 }',
  });
  const writers: Awaited<ReturnType<Guest['start']>>[] = [];
  for (const name of names) {
    const { log, table } = databases[name];
    for (const [volume, fsType] of new Map([log, table])) {
      await addVolume(driver, volume, placeOf(volume, fsType));
    }
    const files = [`${folderOf(log[0])}/log`, `${folderOf(table[0])}/table`, `/run/${name}.acknowledged`];
    const writer = await guest.start([GUEST_NODE, '/quarry/test/ledger/writer.guest.ts', ...files]);
    await writer.stdout.waitFor('written', 60_000);
    writers.push(writer);
  }
  return {
    round: (name) => playRound(guest, driver, name),
    pauses: () => pausesIn(driver.log()),
    async countedPauses() {
      const script = `fetch('http://127.0.0.1:9809/metrics').then(r => r.text()).then(console.log)`;
      const text = await guest.shell(`${GUEST_NODE} -e "${script}"`);
      return Number(/^quarry_group_snapshot_pause_seconds_count (\d+)$/m.exec(text)?.[1]);
    },
    async stop() {
      for (const { pid, exited } of writers) {
        await guest.exec(['kill', '-9', `${pid}`]);
        await exited;
      }
    },
  };
}

async function playRound(guest: Guest, driver: Driver, name: DatabaseName): Promise<Round> {
  const acknowledged = async () => Number(await guest.shell(`cat /run/${name}.acknowledged`));
  const { log, table } = databases[name];
  const before = await acknowledged();
  const snapshots = await take(driver, [...new Set([log[0], table[0]])]);
  const after = await acknowledged();
  const places = [...new Map<string, string>([log, table])];
  const restore = ([volume, fsType]: readonly [string, string]) => {
    const place = { ...placeOf(volume, fsType), folder: folderOf(`${volume}-restored`) };
    return addVolume(driver, `${volume}-restored`, place, snapshots.members.get(volume));
  };
  await Promise.all(places.map(restore));
  const read = (volume: string, file: string) => guest.shell(`cat ${folderOf(`${volume}-restored`)}/${file}`);
  const { last, problems } = recover(await read(log[0], 'log'), await read(table[0], 'table'));
  const found = problems.map((problem) => `${name}: ${problem}`);
  if (last < before) found.push(`${name}: ${before} was acknowledged before the snapshot, and it has only ${last}`);
  // The last one may be committed and not acknowledged yet.
  if (last > after + 1) found.push(`${name}: it has ${last}, and only ${after} was acknowledged after it`);
  await Promise.all(
    places.map(([volume]) => removeVolume(driver, `${volume}-restored`, folderOf(`${volume}-restored`))),
  );
  await removeTaken(driver, snapshots);
  return { transactions: last, problems: found };
}
