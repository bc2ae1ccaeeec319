import { Failure } from '../../../../src/domain/errors.ts';
import type { RunResult } from '../../../../src/exec/run.ts';
import type { Host, Storage } from '../../../../src/features/doctor/host.ts';

export const now = Date.parse('2026-11-21T12:00:00Z');

export interface FakeHost extends Host {
  readonly files: Map<string, string>;
  /** Folders with their names. */
  readonly folders: Map<string, readonly string[]>;
  /** By the words of the command line; a program that is not here is not installed. */
  readonly programs: Map<string, Partial<RunResult>>;
  readonly sockets: Set<string>;
  /** Addresses of names. */
  readonly names: Map<string, readonly string[]>;
  /** Clocks of controllers by address: absent, nothing answers. */
  readonly clocks: Map<string, number | undefined>;
  storage: Storage | Failure;
}

/** A machine without anything: a test adds what it needs. */
export function fakeHost(): FakeHost {
  const host: FakeHost = {
    files: new Map(),
    folders: new Map(),
    programs: new Map(),
    sockets: new Set(),
    names: new Map(),
    clocks: new Map(),
    storage: new Failure('unavailable', 'LVM does not answer'),
    now: () => now,
    readFile: async (path) => host.files.get(path),
    list: async (path) => host.folders.get(path),
    run: async (argv) => host.runHosted(argv),
    async runHosted(argv) {
      const found = host.programs.get(argv.join(' '));
      return found && { exitCode: 0, stdout: '', stderr: '', ...found };
    },
    async resolve({ name, port }) {
      const found = host.names.get(name);
      if (!found) throw new Error(`getaddrinfo ENOTFOUND ${name}`);
      return found.map((address) => ({ host: address, port, name }));
    },
    async greet(address) {
      if (!host.clocks.has(address.host)) throw new Failure('unavailable', 'connect ECONNREFUSED');
      return host.clocks.get(address.host);
    },
    answers: async (socket) => host.sockets.has(socket),
    async look() {
      if (host.storage instanceof Failure) throw host.storage;
      return host.storage;
    },
  };
  return host;
}

export const lvmVersion = `  LVM version:     2.03.31(2) (2025-02-27)
  Library version: 1.02.205 (2025-02-27)
  Driver version:  4.48.0
`;
