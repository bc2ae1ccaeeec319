import { readFile, readdir } from 'node:fs/promises';
import { readStorage, withLocal } from '../../cli/local.ts';
import type { Config } from '../../config/schema.ts';
import { Failure, messageOf } from '../../domain/errors.ts';
import type { Inventory } from '../../domain/storage.ts';
import { runInstalled } from '../../exec/installed.ts';
import { createRun, type RunResult } from '../../exec/run.ts';
import { createSurvivors } from '../../exec/survivors.ts';
import { type Address, type Controllers, resolveName } from '../../fleet/client/addresses.ts';
import type { Pems } from '../../fleet/wire/credentials.ts';
import { answers } from '../../grpc/socket.ts';
import { isGone } from '../../kernel/gone.ts';
import { type LvmMode, prefixed, programPrefix } from '../../lvm/process/program.ts';
import type { Candidate } from '../../pools/candidates.ts';
import { greet } from './greet.ts';

/** The disks and pools of a machine, as LVM shows them. */
export interface Storage {
  readonly disks: readonly Candidate[];
  readonly inventory: Inventory;
}

/** All that the checks read of the machine that they run on. Every method throws `unavailable` if it cannot tell. */
export interface Host {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** As the driver sees the path; `undefined`: there is no such file. */
  readonly readFile: (path: string) => Promise<string | undefined>;
  /** Names in a folder; `undefined`: there is none. */
  readonly list: (path: string) => Promise<readonly string[] | undefined>;
  /** Runs a program as the driver does; `undefined`: it is not installed. */
  readonly run: (argv: Argv) => Promise<RunResult | undefined>;
  /** The same where the driver runs LVM: in the host's namespaces, if it is a container without LVM of its own. */
  readonly runHosted: (argv: Argv) => Promise<RunResult | undefined>;
  readonly resolve: (controllers: Controllers) => Promise<readonly Address[]>;
  /** Connects to a controller over TLS. Resolves with its clock: milliseconds since the epoch, if it says so. */
  readonly greet: (address: Address, pems: Pems) => Promise<number | undefined>;
  /** Whether a process serves the unix socket. */
  readonly answers: (socket: string) => Promise<boolean>;
  readonly look: () => Promise<Storage>;
}

type Argv = readonly [string, ...string[]];

/** Milliseconds for each program. */
const deadline = 10_000;

/** @param machine the file of a role with disks, and how it runs LVM; absent for a controller */
export async function createHost(machine?: { readonly path: string; readonly config: Config }): Promise<Host> {
  const run = createRun(createSurvivors(() => undefined));
  const mode: LvmMode = machine?.config.lvm.mode ?? 'direct';
  const prefix = await programPrefix(mode);
  return {
    now: Date.now,
    readFile: async (path) => present(path, () => readFile(path, 'utf8')),
    list: async (path) => present(path, () => readdir(path)),
    run: (argv) => runInstalled(run, argv, deadline),
    runHosted: ([program, ...words]) => runInstalled(run, [...prefixed(prefix, program), ...words], deadline),
    resolve: resolveName,
    greet,
    answers,
    async look() {
      if (!machine) throw new Failure('unavailable', 'this role has no disks');
      return withLocal(machine.path, readStorage);
    },
  };
}

async function present<T>(path: string, read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (cause) {
    if (isGone(cause)) return undefined;
    throw new Failure('unavailable', `${path} cannot be read: ${messageOf(cause)}`, { cause });
  }
}
