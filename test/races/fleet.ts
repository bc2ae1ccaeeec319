import { loadProtocol } from '../../src/fleet/wire/protocol.ts';
import type { Transport } from '../../src/fleet/client/transport.ts';
import type { Random } from '../storm/random.ts';
import { Link } from './link.ts';
import { Machine, type MachineOptions } from './machine.ts';
import { Replica } from './replica.ts';
import type { Schedule } from './schedule.ts';

export const nodes: readonly string[] = ['a', 'b', 'c'];
export const controllers = [0, 1] as const;

const protocol = loadProtocol();

/** Units of 4 MiB that foreign volumes take of the 256 that a node has. */
const foreign = [0, 0, 180, 216, 256];
const unit = 4n * 1024n * 1024n;

/** Nodes and controllers, and the streams between them. */
export class Fleet {
  readonly machines: readonly Machine[];
  readonly #schedule: Schedule;
  readonly #replicas = new Map<number, Replica>();
  readonly #links = new Map<string, Link>();
  /** Pairs between which the network carries nothing. */
  readonly #blocked = new Set<string>();
  /** Nodes that foreign volumes leave little room. */
  readonly #full = new Set<string>();
  #dials = 0;

  /** @param kind whether the nodes have thin pools, and two disks */
  constructor(schedule: Schedule, random: Random, kind: Pick<MachineOptions, 'thin' | 'disks'>) {
    this.#schedule = schedule;
    const open = (machine: Machine, controller: number) => this.#open(machine, controller);
    this.machines = nodes.map((name) => new Machine({ name, schedule, random, protocol, ...kind, open }));
    for (const controller of controllers) this.startController(controller);
    for (const machine of this.machines) {
      const drawn = BigInt(random.pick(foreign)) * unit;
      // Nothing else keeps a disk that is gone in its group.
      const size = kind.disks === 3 ? 0n : drawn;
      if (size > 0n) this.#full.add(machine.name);
      if (size > 0n) machine.occupy(size);
      machine.start();
    }
  }

  /** Nodes with room for all volumes of a run. */
  get roomy(): readonly string[] {
    return nodes.filter((node) => !this.#full.has(node));
  }

  /** `undefined` while it does not run. */
  replica(controller: number): Replica | undefined {
    return this.#replicas.get(controller);
  }

  machine(name: string): Machine {
    const found = this.machines.find((machine) => machine.name === name);
    if (!found) throw new Error(`there is no node ${name}`);
    return found;
  }

  startController(controller: number): void {
    this.#replicas.set(controller, new Replica({ protocol, nodes }));
    for (const machine of this.machines) machine.dial();
  }

  killController(controller: number): void {
    for (const node of nodes) this.#cut(node, controller, { controller: false });
    this.#replicas.get(controller)?.kill();
    this.#replicas.delete(controller);
  }

  killNode(node: string, options: { readonly reboot: boolean }): void {
    for (const controller of controllers) this.#cut(node, controller, { node: false });
    this.machine(node).kill(options);
  }

  cut(node: string, controller: number): void {
    this.#cut(node, controller, {});
  }

  block(node: string, controller: number): void {
    this.#blocked.add(`${node} ${controller}`);
    this.cut(node, controller);
  }

  heal(node: string, controller: number): void {
    this.#blocked.delete(`${node} ${controller}`);
    this.machine(node).dial();
  }

  #cut(node: string, controller: number, knows: Parameters<Link['cut']>[0]): void {
    this.#links.get(`${node} ${controller}`)?.cut(knows);
    this.#links.delete(`${node} ${controller}`);
  }

  #open({ name }: Machine, controller: number): Transport | undefined {
    const [key, replica] = [`${name} ${controller}`, this.#replicas.get(controller)];
    if (!replica || this.#blocked.has(key)) return undefined;
    this.#dials += 1;
    const link = new Link({
      schedule: this.#schedule,
      label: `${key} #${this.#dials}`,
      accept: (call, cut) => replica.accept(name, call, cut),
    });
    this.#links.set(key, link);
    return link.transport;
  }
}
