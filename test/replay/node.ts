import { cp, open, readdir, realpath, rm, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { App } from '../../src/app/app.ts';
import { createAll } from '../../src/app/all.ts';
import { approveDisks } from '../../src/cli/disks.ts';
import { parseConfig } from '../../src/config/config.ts';
import { readEnvironment } from '../../src/config/environment.ts';
import { evacuateDisk } from '../../src/features/disks/requests.ts';
import type { DiskErasure } from '../../src/domain/erasure.ts';
import type { Log } from '../../src/log.ts';
import { createCsiClient, type CsiClient } from '../support/csi-client.ts';
import { MiB } from '../support/driver.ts';
import { diskPaths } from './disks.ts';
import { runScript } from './run.ts';

const folder = '/run/replay';
const bootId = `${folder}/boot_id`;
const configFile = `${folder}/config.yaml`;
const records = `${folder}/records`;
/** Kubelet's folder of the pod that has an inline volume. */
export const podFolder = '/var/lib/kubelet/pods/replayed';
const readyMs = 60_000;

export const groups: readonly string[] = ['qmain', 'qlate'];

interface PoolOptions {
  readonly share?: string;
  readonly mirrors?: number;
  /** More of `thin`. */
  readonly thin?: string;
}

const pool = (name: string, disks: readonly string[], { share = '50%', mirrors = 0, thin = '' }: PoolOptions = {}) => `
  - name: ${name}
    volumeGroup: q${name}
    type: thin
    mirrors: ${mirrors}
    disks: { paths: [${disks.join(', ')}] }
    approve: automatic
    thin: { share: ${share}, overprovision: 10, metadataSize: 4Mi${thin} }`;

const givenUp = '\njobs: { repairAfter: 0s }';

/** The disks that each configuration gives to its pools: the last two are blank in the base. */
const pools = {
  base: pool('main', diskPaths.slice(0, 4)),
  'one disk more': pool('main', diskPaths.slice(0, 5)),
  'larger pool': pool('main', diskPaths.slice(0, 4), { share: '60%' }),
  'growing metadata': pool('main', diskPaths.slice(0, 4), { thin: ', autoextend: { threshold: 50%, by: 50% }' }),
  'one pool more': pool('main', diskPaths.slice(0, 4)) + pool('late', diskPaths.slice(5)),
  // A lost cache may leave a group with one of its two disks; the person who erases the other one gives it up as a member, too.
  'one mirrored pool more': `${pool('main', diskPaths.slice(0, 4))}${pool('late', diskPaths.slice(4), { mirrors: 1 })}${givenUp}`,
  'missing disks given up': `${pool('main', diskPaths.slice(0, 4))}${givenUp}`,
  'zeros on creation': `${pool('main', diskPaths.slice(0, 4))}\n    zeroOnCreate: true`,
} as const;
export type Configuration = keyof typeof pools;

/** Once, before the first driver: what LVM's own commands see, and an id of the boot that we can change. */
export async function prepareNode(): Promise<void> {
  const filter = `\ndevices { filter = [ "a|^/dev/dm-20[0-9]$|", "r|.*|" ] }\n`;
  await runScript(`printf '${filter}' >>/etc/lvm/lvmlocal.conf; mkdir -p ${folder}; cat /proc/sys/kernel/random/uuid >${bootId}
    mount --bind ${bootId} /proc/sys/kernel/random/boot_id`);
  await shortenChecks();
}

/**
 * LVM checks a thin pool's metadata before it activates the pool. thin_check looks each half second whether it is done, which was a quarter of
 * the time of a replay: here it does the same work, and does not sleep.
 */
async function shortenChecks(): Promise<void> {
  const program = await realpath('/usr/sbin/thin_check');
  const wakeful =
    'strace -f -qq --seccomp-bpf -o /dev/null -e trace=clock_nanosleep -e inject=clock_nanosleep:retval=0';
  await rm('/usr/sbin/thin_check');
  await writeFile('/usr/sbin/thin_check', `#!/bin/sh\nexec ${wakeful} ${program} thin_check "$@"\n`, { mode: 0o755 });
}

/** A driver in this process, in the role `all`: the composition that the program starts, without the time that Node takes to start. */
export class Node {
  readonly client: CsiClient;
  readonly #app: App;
  readonly #log: string[];

  private constructor(app: App, client: CsiClient, log: string[]) {
    this.#app = app;
    this.client = client;
    this.#log = log;
  }

  /** Starts it as after a boot, and resolves when it is ready. */
  static async start(configuration: Configuration): Promise<Node> {
    await writeFile(bootId, `${crypto.randomUUID()}\n`);
    const endpoint = `unix://${folder}/csi.sock`;
    const lines: string[] = [];
    const ready = Promise.withResolvers<void>();
    const text = `node: node-1\nendpoint: ${endpoint}\nrescan: 24h\npools:${pools[configuration]}\n`;
    await writeFile(configFile, text);
    const app = await createAll(parseConfig(text, readEnvironment()), logTo(lines, ready.resolve));
    await app.start();
    const node = new Node(app, createCsiClient(endpoint), lines);
    try {
      // A probe again and again would take most of the guest's processor from the driver.
      await Promise.race([ready.promise, delay(readyMs, undefined, { ref: false })]);
      await node.#ready();
    } catch (error) {
      await node.stop();
      throw error;
    }
    return node;
  }

  log(): string {
    return this.#log.join('\n');
  }

  /** Devices that the driver takes only if a person names them, and those that a person has to erase first. */
  waiting(): { readonly returned: string[]; readonly refused: string[] } {
    const devices = (message: string): string[] => {
      const lines = this.#log.filter((line) => line.includes(`"msg":"${message}"`));
      return lines.map((line) => (JSON.parse(line) as { device: string }).device);
    };
    return { returned: devices('disk proposed'), refused: devices('disk refused') };
  }

  /** Looks at the disks now. */
  rescan(): void {
    this.#app.rescan();
  }

  /** A person erases the first MiB of a disk, and the driver looks again. */
  async erase(device: string): Promise<void> {
    await using file = await open(device, 'r+');
    await file.write(Buffer.alloc(MiB), 0, MiB, 0);
    await file.sync();
    this.#app.rescan();
  }

  /** A person names this device: `quarry disks approve`. Rejects if it could not be taken. */
  async approve(device: string): Promise<void> {
    const terminal = {
      say: (line: string) => void this.#log.push(line),
      ask: () => Promise.resolve(''),
      show: () => undefined,
      again: () => Promise.resolve(false),
      fail: () => undefined,
    };
    await approveDisks({ config: configFile, disk: [device], all: false }, terminal);
  }

  /** A person moves all that is on this disk to the others: `quarry disks evacuate`, with these options. */
  async evacuate(device: string, options: { readonly remove: boolean; readonly erase?: DiskErasure }): Promise<void> {
    await evacuateDisk({ config: configFile, disk: device, dryRun: false, cancel: false, ...options });
  }

  async #ready(): Promise<void> {
    const until = Date.now() + readyMs;
    while ((await this.client.identity.probe({})).ready?.value !== true) {
      if (Date.now() > until) throw new Error(`the driver is not ready:\n${this.log()}`);
      await delay(5);
    }
  }

  /** Ends it, and removes what a boot removes. */
  async stop(): Promise<void> {
    this.client.close();
    await this.#app.stop(5000);
    await unmountIn(`${folder}/staging`, '*');
    await unmountIn(`${podFolder}/volumes`, '*/*/mount');
    for (const group of groups) await rm(`/dev/${group}`, { recursive: true, force: true });
    for (const path of ['/run/lvm/hints', `${folder}/staging`]) await rm(path, { recursive: true, force: true });
  }
}

function logTo(lines: string[], ready: () => void): Log {
  const at = (level: string) => (fields: object, msg: string) => {
    lines.push(JSON.stringify({ level, ...fields, msg }));
    if (msg === 'ready') ready();
  };
  return { debug: () => undefined, info: at('info'), warn: at('warn'), error: at('error') };
}

/** Keeps LVM's backups of its metadata, which are on the root disk and say which groups exist. */
export async function keepRecords(): Promise<void> {
  await runScript(`rm -rf ${records}; cp -a /etc/lvm/backup ${records}`);
}

/** Puts them back as they were before the operation. */
export async function restoreRecords(): Promise<void> {
  await rm('/etc/lvm/backup', { recursive: true, force: true });
  await cp(records, '/etc/lvm/backup', { recursive: true });
}

/** Unmounts what is mounted on these, if there may be any. */
async function unmountIn(within: string, pattern: string): Promise<void> {
  const names = await readdir(within).catch(() => []);
  if (names.length > 0) await runScript(`umount -q ${within}/${pattern} || true`);
}

/** Where kubelet would stage a volume. */
export function stagingOf(name: string): string {
  return `${folder}/staging/${name}`;
}
