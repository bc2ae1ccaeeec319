import { rm, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { App } from '../../src/app/app.ts';
import { createAll } from '../../src/app/all.ts';
import { parseConfig } from '../../src/config/config.ts';
import { readEnvironment } from '../../src/config/environment.ts';
import type { Log } from '../../src/log.ts';
import { createCsiClient, type CsiClient } from '../support/csi-client.ts';
import { diskPaths, run } from './disks.ts';

const folder = '/run/replay';
const bootId = `${folder}/boot_id`;
const records = `${folder}/records`;
const readyMs = 60_000;

export const groups: readonly string[] = ['qmain', 'qlate'];

const pool = (name: string, disks: readonly string[]) => `
  - name: ${name}
    volumeGroup: q${name}
    type: thin
    disks: { paths: [${disks.join(', ')}] }
    approve: automatic
    thin: { share: 50%, overprovision: 10, metadataSize: 4Mi }`;

/** The disks that each configuration gives to its pools: the last two are blank in the base. */
const pools = {
  base: pool('main', diskPaths.slice(0, 4)),
  'one disk more': pool('main', diskPaths.slice(0, 5)),
  'one pool more': pool('main', diskPaths.slice(0, 4)) + pool('late', diskPaths.slice(5)),
} as const;
export type Configuration = keyof typeof pools;

/** Once, before the first driver: what LVM's own commands see, and an id of the boot that we can change. */
export async function prepareNode(): Promise<void> {
  const filter = `\ndevices { filter = [ "a|/dev/mapper/disk|", "a|/dev/dm-20[0-9]|", "r|.*|" ] }\n`;
  await run(
    'sh',
    '-c',
    `printf '${filter}' >>/etc/lvm/lvmlocal.conf; mkdir -p ${folder}; cat /proc/sys/kernel/random/uuid >${bootId}
    mount --bind ${bootId} /proc/sys/kernel/random/boot_id`,
  );
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
    const text = `node: node-1\nendpoint: ${endpoint}\nrescan: 24h\npools:${pools[configuration]}\n`;
    const app = await createAll(parseConfig(text, readEnvironment()), logTo(lines));
    await app.start();
    const node = new Node(app, createCsiClient(endpoint), lines);
    try {
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
    await run('sh', '-c', `umount -q ${folder}/staging/*; exit 0`);
    for (const group of groups) await rm(`/dev/${group}`, { recursive: true, force: true });
    for (const path of ['/run/lvm/hints', `${folder}/staging`]) await rm(path, { recursive: true, force: true });
  }
}

function logTo(lines: string[]): Log {
  const at = (level: string) => (fields: object, msg: string) => {
    lines.push(JSON.stringify({ level, ...fields, msg }));
  };
  return { debug: () => undefined, info: at('info'), warn: at('warn'), error: at('error') };
}

/** Keeps LVM's backups of its metadata, which are on the root disk and say which groups exist. */
export async function keepRecords(): Promise<void> {
  await run('sh', '-c', `rm -rf ${records}; cp -a /etc/lvm/backup ${records}`);
}

/** Puts them back as they were before the operation. */
export async function restoreRecords(): Promise<void> {
  await run('sh', '-c', `rm -rf /etc/lvm/backup; cp -a ${records} /etc/lvm/backup`);
}

/** Where kubelet would stage a volume. */
export function stagingOf(name: string): string {
  return `${folder}/staging/${name}`;
}
