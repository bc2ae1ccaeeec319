import type { Guest } from '../../lab/guest.ts';
import { type Driver, startDriver } from '../support/driver.ts';
import { thinPools } from '../support/pools.ts';
import { mountPostgres, runAsPostgres, startAsPostgres, workload } from './programs.ts';
import { problemsOf, question } from './restored-database.ts';
import type { Round } from './rounds.ts';
import { addVolume, type Place, removeTaken, removeVolume, take, type Taken } from './taking.ts';

/** The disks of the guest that `openPostgres` needs. */
export const postgresDisks = ['3G', '3G'];

const pools = `${thinPools({ overprovision: 10 }, 'a')}
  - { name: thick, volumeGroup: qthick, type: thick, disks: { paths: [/dev/ubdb] }, approve: automatic }`;

/** The pool of each volume of a PostgreSQL: of its data, and of its write-ahead log if that has its own. */
const layouts: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  thin: { data: 'a' },
  thick: { data: 'thick' },
  /** Its snapshots are group snapshots. */
  apart: { data: 'a', wal: 'thick' },
};

export const layoutNames = Object.keys(layouts);

/** A PostgreSQL under pgbench. */
export interface Postgres {
  /** Takes a snapshot, and starts another PostgreSQL on what is restored from it. What was acknowledged before must be in it. */
  round(): Promise<Round>;
  /** Removes it. Returns how many rows were acknowledged, and how many transactions of pgbench the last snapshot had. */
  end(): Promise<{ readonly rows: number; readonly transactions: number }>;
}

/** Starts a driver in the guest, with the programs that `unpackPostgres` has unpacked. */
export async function openPostgres(guest: Guest): Promise<{
  begin(layout: string): Promise<Postgres>;
  /** The driver's. */
  log(): string;
}> {
  await mountPostgres(guest);
  const driver = await startDriver(guest, { pools });
  return { begin: (layout) => begin(guest, driver, layouts[layout] ?? {}), log: () => driver.log() };
}

type Copy = '' | '-restored';
type Volumes = Readonly<Record<string, string>>;

/** The folder of a volume, in the Debian with PostgreSQL. */
const folderOf = (volume: string) => `/data/${volume}`;
const placeOf = (volume: string, pool: string): Place => ({
  pool,
  fsType: 'ext4',
  mebibytes: 320,
  folder: `${workload}${folderOf(volume)}`,
});
const dataOf = (copy: Copy) => `${folderOf(`data${copy}`)}/pg`;
const walOf = (copy: Copy) => `${folderOf(`wal${copy}`)}/pg`;
const socketOf = (copy: Copy) => `--host=/tmp --port=${copy === '' ? 5432 : 5433}`;
/** The database that writes all the time leaves the processor to what is compared with it. */
const load = 'nice -n 10';
const settings = ['shared_buffers=16MB', 'max_wal_size=32MB', 'dynamic_shared_memory_type=mmap', 'listen_addresses=']
  .map((setting) => `-c ${setting}`)
  .join(' ');

/** Rows, one transaction each, from 1 on; a line of the file is a row that was acknowledged. */
const insert = `seq 1 100000000 | sed 's/.*/INSERT INTO ledger VALUES (&) RETURNING n;/' | ${load} psql -qtAX ${socketOf('')} >/tmp/acknowledged`;

async function begin(guest: Guest, driver: Driver, volumes: Volumes): Promise<Postgres> {
  for (const [volume, pool] of Object.entries(volumes)) {
    await addVolume(driver, volume, placeOf(volume, pool));
    await guest.shell(`chroot ${workload} chown postgres:postgres ${folderOf(volume)}`);
  }
  const wal = volumes['wal'] === undefined ? '' : `--waldir=${walOf('')}`;
  await runAsPostgres(guest, `initdb --no-sync --auth=trust --wal-segsize=1 ${wal} --pgdata=${dataOf('')}; sync`);
  await serve(guest, '');
  await ask(guest, '', 'CREATE TABLE ledger (n bigint PRIMARY KEY)');
  await runAsPostgres(guest, `pgbench ${socketOf('')} -iq postgres; rm -f /tmp/acknowledged`);
  await startAsPostgres(guest, `${load} pgbench ${socketOf('')} -n -c 2 -T 100000 postgres >/dev/null 2>&1`);
  await startAsPostgres(guest, insert);
  await guest.shell(`until [ -s ${workload}/tmp/acknowledged ]; do sleep 0.2; done`, { timeout: 120_000 });
  const acknowledged = async () => Number(await guest.shell(`tail -n 1 ${workload}/tmp/acknowledged`));
  let last = 0;
  return {
    async round() {
      const before = await acknowledged();
      const taken = await take(driver, Object.keys(volumes));
      const after = await acknowledged();
      const answer = await readRestored(guest, driver, volumes, taken, before);
      await removeTaken(driver, taken);
      const [problems, transactions] = [problemsOf(answer, { before, after, last }), answer[6] ?? 0];
      last = transactions;
      return { transactions, problems };
    },
    async end() {
      const rows = await acknowledged();
      await stop(guest, '');
      for (const volume of Object.keys(volumes)) await removeVolume(driver, volume, placeOf(volume, '').folder);
      return { rows, transactions: last };
    },
  };
}

/** The numbers that `question` asks for, of a database that is restored from snapshots. */
async function readRestored(
  guest: Guest,
  driver: Driver,
  volumes: Volumes,
  { members }: Taken,
  before: number,
): Promise<number[]> {
  const copy = '-restored';
  for (const [volume, pool] of Object.entries(volumes))
    await addVolume(driver, `${volume}${copy}`, placeOf(`${volume}${copy}`, pool), members.get(volume));
  await runAsPostgres(
    guest,
    `cd ${dataOf(copy)}; rm -f postmaster.pid; [ ! -L pg_wal ] || ln -sfn ${walOf(copy)} pg_wal`,
  );
  await serve(guest, copy);
  const answer = await ask(guest, copy, question(before));
  await stop(guest, copy);
  for (const volume of Object.keys(volumes))
    await removeVolume(driver, `${volume}${copy}`, placeOf(`${volume}${copy}`, '').folder);
  return answer.split(' ').map(Number);
}

/** Starts a PostgreSQL, and waits until it answers. */
async function serve(guest: Guest, copy: Copy): Promise<void> {
  const place = `-D ${dataOf(copy)} -c port=${copy === '' ? 5432 : 5433} -c unix_socket_directories=/tmp`;
  await startAsPostgres(guest, `exec ${copy === '' ? load : ''} postgres ${place} ${settings}`);
  await runAsPostgres(guest, `until pg_isready --quiet ${socketOf(copy)}; do sleep 0.2; done`);
}

async function stop(guest: Guest, copy: Copy): Promise<void> {
  await runAsPostgres(guest, `pg_ctl stop --wait --mode=immediate --pgdata=${dataOf(copy)}`);
}

function ask(guest: Guest, copy: Copy, command: string): Promise<string> {
  return runAsPostgres(guest, `psql -qtAX --set=ON_ERROR_STOP=1 ${socketOf(copy)}`, `${command};\n`);
}
