import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Guest } from '../../lab/guest.ts';
import { type Lab, openLab } from '../../lab/lab.ts';
import type { Process } from '../../lab/process.ts';
import { Authority, type Certified } from './certificates.ts';
import { createCsiClient, type CsiClient } from './csi-client.ts';
import { type Driver, prepareDriver } from './driver.ts';
import { bundleOnce, HOST_PROGRAM } from './program.ts';

const port = 9443;
/** The name that the nodes dial: it resolves to both controllers. */
const name = 'controllers.lab';
const nodeFiles =
  'ca: /etc/quarry/fleet/ca.crt, certificate: /etc/quarry/fleet/tls.crt, key: /etc/quarry/fleet/tls.key';

/** `quarry controller`, on the host's side of the lab's network. */
export class Controller {
  readonly client: CsiClient;
  readonly folder: string;
  readonly #lab: Lab;
  #process: Process | undefined;
  #earlier = '';

  constructor(lab: Lab, folder: string) {
    this.#lab = lab;
    this.folder = folder;
    this.client = createCsiClient(`unix://${join(folder, 'csi.sock')}`);
  }

  log(): string {
    return this.#earlier + (this.#process ? this.#process.stdout.text + this.#process.stderr.text : '');
  }

  async launch(): Promise<void> {
    this.#earlier = this.log();
    const argv = [process.execPath, HOST_PROGRAM, 'controller', '--config', join(this.folder, 'config.yaml')];
    this.#process = await this.#lab.host.start(argv);
    await this.logged('"msg":"serving"');
  }

  logged(pattern: RegExp | string): Promise<string> {
    if (!this.#process) throw new Error('the controller was not started');
    return this.#process.stdout.waitFor(pattern, 60_000);
  }

  /** Runs the command line on it, and resolves with the standard output. */
  async ask(...words: readonly string[]): Promise<string> {
    const argv = [process.execPath, HOST_PROGRAM, ...words, '--config', join(this.folder, 'config.yaml')];
    const { exitCode, stdout, stderr } = await this.#lab.host.exec(argv);
    if (exitCode !== 0) throw new Error(`quarry ${words.join(' ')} ended with ${exitCode}: ${stderr}`);
    return stdout;
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    this.#process?.kill('SIGKILL');
    await this.#process?.exited;
  }
}

export interface Member {
  readonly name: string;
  readonly guest: Guest;
  readonly driver: Driver;
}

/** Two controllers, and the requested number of nodes, on their own network. */
export interface LabFleet extends AsyncDisposable {
  readonly controllers: readonly [Controller, Controller];
  readonly nodes: readonly Member[];
  /** Gives all controllers and nodes certificates of a new authority. */
  renew(): Promise<void>;
}

export async function openFleet(count: number, pools: string): Promise<LabFleet> {
  const lab = await openLab();
  const folder = await mkdtemp('/tmp/quarry-fleet-lab-');
  const hosts = ['10.77.0.250', '10.77.0.251'];
  const authority = new Authority('Quarry lab');
  const controllers = await Promise.all(hosts.map((host) => createController(lab, folder, host, authority)));
  const nodes: Member[] = [];
  const plain = { disks: ['1G'], pools, more: 'rescan: 10s', launcher: [], prepare: async () => undefined };
  for (let index = 1; index <= count; index += 1)
    nodes.push(await createNode(lab, `node-${index}`, hosts, authority, plain));
  const [one, two] = controllers;
  if (!one || !two) throw new Error('two controllers were to be made');
  return {
    controllers: [one, two],
    nodes,
    async renew() {
      const next = new Authority('Quarry lab, next');
      const trusted = authority.certificate + next.certificate;
      for (const controller of controllers) await giveController(controller.folder, next, trusted);
      for (const node of nodes) await giveNode(node.guest, node.name, next, trusted);
    },
    async [Symbol.asyncDispose]() {
      for (const { client } of controllers) client.close();
      for (const { driver } of nodes) driver.client.close();
      await lab.close();
      await rm(folder, { recursive: true });
    },
  };
}

/** Both roles in one guest, as `/run/quarry/csi.sock` and `/run/controller/csi.sock`. Resolves when both are ready. */
export async function startApart(guest: Guest, pools: string): Promise<{ node: Driver; controller: Driver }> {
  const authority = new Authority('Quarry lab');
  await giveNode(guest, 'node-1', authority, authority.certificate);
  const own = authority.issue({ name: 'controller', dns: ['localhost'], usage: 'server' });
  await guest.exec(['sh', '-c', 'cat > /etc/quarry/fleet/controller.crt'], { input: own.certificate });
  await guest.exec(['sh', '-c', 'cat > /etc/quarry/fleet/controller.key'], { input: own.key });
  const folder = '/etc/quarry/fleet';
  const theirs = `certificate: ${folder}/controller.crt, key: ${folder}/controller.key, clientCa: ${folder}/ca.crt`;
  const controller = await prepareDriver(guest, {
    role: 'controller',
    name: 'controller',
    more: `fleet: {listen: "127.0.0.1:${port}", ${theirs}, settle: 0s}`,
  });
  await controller.launch();
  const more = `fleet: {controllers: "localhost:${port}", ${nodeFiles}}`;
  const node = await prepareDriver(guest, { role: 'node', more, pools });
  await node.launch();
  await controller.ready();
  await node.ready();
  await controller.logged('"msg":"node connected"');
  return { node, controller };
}

export interface ApartOptions {
  readonly disks: readonly string[];
  readonly pools: string;
  /** YAML of further keys of the node. */
  readonly more: string;
  readonly launcher: readonly string[];
  /** Called before the node's driver is started. */
  readonly prepare: (guest: Guest) => Promise<void>;
}

/** A controller, and a node in a guest, with a network between them. */
export interface Apart extends AsyncDisposable {
  readonly controller: Controller;
  readonly guest: Guest;
  readonly driver: Driver;
  /** Cuts the network between node and controller, or heals it. Both can still be called. */
  setConnected(connected: boolean): Promise<void>;
}

export async function openApart(options: ApartOptions): Promise<Apart> {
  const lab = await openLab();
  const folder = await mkdtemp('/tmp/quarry-fleet-lab-');
  const host = '10.77.0.250';
  const authority = new Authority('Quarry lab');
  const controller = await createController(lab, folder, host, authority);
  const { guest, driver } = await createNode(lab, 'node-1', [host], authority, options);
  return {
    controller,
    guest,
    driver,
    // A packet to an address that the host does not have is dropped: as in a cut, no side gets a reset.
    setConnected: (connected) => setAddress(lab, host, connected),
    async [Symbol.asyncDispose]() {
      for (const { client } of [controller, driver]) client.close();
      await lab.close();
      await rm(folder, { recursive: true });
    },
  };
}

async function setAddress(lab: Lab, host: string, present: boolean): Promise<void> {
  const { exitCode, stderr } = await lab.host.exec(['ip', 'addr', present ? 'add' : 'del', `${host}/24`, 'dev', 'br0']);
  if (exitCode !== 0) throw new Error(`the address ${host}: ${stderr}`);
}

async function createController(lab: Lab, parent: string, host: string, authority: Authority): Promise<Controller> {
  const folder = await mkdtemp(join(parent, 'controller-'));
  await setAddress(lab, host, true);
  await giveController(folder, authority, authority.certificate);
  const lines = [
    `endpoint: unix://${folder}/csi.sock`,
    `admin: unix://${folder}/admin.sock`,
    `fleet:`,
    `  listen: ${host}:${port}`,
    `  certificate: ${folder}/tls.crt`,
    `  key: ${folder}/tls.key`,
    `  clientCa: ${folder}/ca.crt`,
    `  settle: 0s`,
  ];
  await writeFile(join(folder, 'config.yaml'), lines.join('\n'));
  await bundleOnce();
  const controller = new Controller(lab, folder);
  await controller.launch();
  return controller;
}

async function giveController(folder: string, authority: Authority, trusted: string): Promise<void> {
  const { certificate, key } = authority.issue({ name: 'controller', dns: [name], usage: 'server' });
  for (const [file, text] of Object.entries({ 'ca.crt': trusted, 'tls.key': key, 'tls.crt': certificate })) {
    await writeFile(join(folder, `${file}.new`), text);
    await rename(join(folder, `${file}.new`), join(folder, file));
  }
}

async function createNode(
  lab: Lab,
  node: string,
  hosts: readonly string[],
  authority: Authority,
  { disks, pools, more, launcher, prepare }: ApartOptions,
): Promise<Member> {
  const guest = await lab.boot({ name: node, disks, memory: '512M' });
  await giveNode(guest, node, authority, authority.certificate);
  await guest.shell(`${hosts.map((host) => `echo ${host} ${name} >> /etc/hosts`).join('\n')}\nsync`);
  await prepare(guest);
  const fleet = `fleet: {controllers: "${name}:${port}", ${nodeFiles}}`;
  const driver = await prepareDriver(guest, { role: 'node', node, more: `${more}\n${fleet}`, pools, launcher });
  await driver.launch();
  return { name: node, guest, driver };
}

async function giveNode(guest: Guest, node: string, authority: Authority, trusted: string): Promise<void> {
  const { certificate, key }: Certified = authority.issue({ name: node, uris: [`quarry://node/${node}`] });
  await guest.shell('mkdir -p /etc/quarry/fleet');
  for (const [file, text] of Object.entries({ 'ca.crt': trusted, 'tls.key': key, 'tls.crt': certificate })) {
    const path = `/etc/quarry/fleet/${file}`;
    await guest.exec(['sh', '-c', 'cat > "$0.new"; mv "$0.new" "$0"; sync', path], { input: text });
  }
}
