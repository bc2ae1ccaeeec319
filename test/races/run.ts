import { parseParameters } from '../../src/domain/parameters.ts';
import { createRandom } from '../storm/random.ts';
import { Caller, copyOf, groupOf, groupSeenOf, secondOf, seenOf, takenOf, unit } from './caller.ts';
import { type Violation, violations } from './checker.ts';
import { Claim } from './claim.ts';
import { type Clock, takeClock } from './clock.ts';
import { FamilyClaim } from './family-claim.ts';
import { controllers, Fleet, nodes } from './fleet.ts';
import type { Call } from './history.ts';
import { Endless, Schedule, settled } from './schedule.ts';
import { diskTroubles, troubles } from './troubles.ts';

export interface RunOptions {
  readonly seed: number;
  /** The number of calls that claims begin: fewer shorten a finding. Default: `mostCalls`. */
  readonly calls?: number | undefined;
}

export interface Result {
  readonly counts: Record<string, number>;
  /** What happened to the fleet, in order. */
  readonly happened: readonly string[];
  readonly history: readonly Call[];
  readonly violations: readonly Violation[];
  /** What was wrong at the end, without a call. */
  readonly problems: readonly string[];
}

const names = ['x', 'y', 'z'];
/** Calls that claims begin in a run; some are sent twice. */
export const mostCalls = 40;
const mostTroubles = 10;

/** One run: random calls and troubles in a random order, then rest, and a look at everything. */
export async function run({ seed, calls = mostCalls }: RunOptions): Promise<Result> {
  using clock = takeClock();
  return await clock.within(async () => {
    const race = new Race(seed, clock);
    const problems = await race.run(calls);
    const { history, faults } = race.caller;
    return {
      counts: race.counts(),
      happened: race.happened,
      history,
      violations: violations(history),
      problems: [...faults, ...problems],
    };
  });
}

class Race {
  readonly happened: string[] = [];
  readonly caller: Caller;
  readonly #clock: Clock;
  readonly #random;
  readonly #schedule: Schedule;
  readonly #fleet: Fleet;
  readonly #claims: readonly (Claim | FamilyClaim)[];
  /** Volumes have snapshots and copies in some runs, in which the nodes have thin pools. */
  readonly #thin: boolean;
  /** Nodes whose group may vanish. */
  readonly #vanishing: readonly string[];
  /** Nodes of which a disk may be pulled. */
  readonly #pulled: readonly string[];
  readonly #troubles = new Map<string, number>();
  #atRest = false;

  constructor(seed: number, clock: Clock) {
    this.#clock = clock;
    this.#random = createRandom(seed, 0);
    this.#schedule = new Schedule(createRandom(seed, 1));
    this.#thin = createRandom(seed, 2).chance(0.4);
    const grouped = !this.#thin && createRandom(seed, 4).chance(0.25);
    const copied = !this.#thin && !grouped && createRandom(seed, 5).chance(0.4);
    const thick = grouped || copied;
    const disks = createRandom(seed, 6);
    const mayPull = !this.#thin && !thick && disks.chance(0.7);
    const isLost = mayPull && disks.chance(0.3);
    this.#pulled = mayPull ? nodes.filter(() => disks.chance(0.7)) : [];
    const count = isLost ? 3 : mayPull ? 2 : 1;
    this.#fleet = new Fleet(this.#schedule, this.#random, { thin: this.#thin, disks: count });
    this.caller = new Caller(this.#fleet);
    this.#vanishing = this.#random.chance(0.4) ? [] : nodes.filter(() => this.#random.chance(0.7));
    const lacking = [...this.#vanishing, ...this.#pulled];
    const roomy = this.#fleet.roomy.filter((node) => !lacking.includes(node));
    const vanishing = lacking.length > 0;
    const options = {
      grouped: grouped || (!copied && createRandom(seed, 3).chance(0.5)),
      thick,
      random: this.#random,
      schedule: this.#schedule,
      caller: this.caller,
      vanishing,
      roomy,
    };
    this.#claims = names.map((name) => {
      const own = { ...options, name, mirrored: isLost || (mayPull && disks.chance(0.4)) };
      return new (this.#thin || thick ? FamilyClaim : Claim)(own);
    });
  }

  /** What was wrong at the end, without a call. */
  async run(calls: number): Promise<string[]> {
    try {
      await this.#play(calls);
      return await this.#rest();
    } catch (error) {
      if (error instanceof Endless) return [error.message];
      throw error;
    }
  }

  /** Until no call is in flight, and every trouble has ended. */
  async #play(calls: number): Promise<void> {
    const random = this.#random;
    // Mostly the nodes are connected when the first call comes.
    if (random.chance(0.8)) await this.#drain();
    const amount = random.below(mostTroubles + 1);
    for (let call = 0; call < calls; call += 1) this.#schedule.late('claims', () => random.pick(this.#claims).act());
    for (const _ of this.#vanishing) this.#schedule.late('troubles', () => this.#disturb('group vanished'));
    for (const _ of [...this.#pulled, ...this.#pulled])
      this.#schedule.late('troubles', () => this.#disturb('disk pulled'));
    for (let trouble = 0; trouble < amount; trouble += 1) this.#schedule.late('troubles', () => this.#disturb());
    await this.#drain();
  }

  counts(): Record<string, number> {
    const { history } = this.caller;
    const count = (is: string): number => history.filter(({ outcome }) => outcome.is === is).length;
    const calls = {
      calls: history.length,
      acknowledged: count('ok'),
      refused: count('refused'),
      unknown: count('unknown'),
    };
    return { steps: this.#schedule.steps, ...calls, ...Object.fromEntries(this.#troubles) };
  }

  /** All is connected again; asks each controller, and looks at each node's LVM. */
  async #rest(): Promise<string[]> {
    await this.#quiet();
    this.#atRest = true;
    const problems = this.#fleet.machines.flatMap((machine) => machine.problems());
    problems.push(...names.flatMap((name) => this.#look(name)));
    for (const by of controllers) {
      for (const name of names) for (const node of nodes) problems.push(...(await this.#ask(name, node, by)));
      problems.push(...this.#listed(by));
    }
    return problems;
  }

  #disturb(name = this.#random.pick(Object.keys(troubles))): void {
    const [fleet, schedule, clock, random] = [this.#fleet, this.#schedule, this.#clock, this.#random];
    const context = { fleet, schedule, clock, random, vanishing: this.#vanishing, pulled: this.#pulled };
    const where = { ...troubles, ...diskTroubles }[name]?.(context) ?? '';
    this.#troubles.set(name, (this.#troubles.get(name) ?? 0) + 1);
    this.happened.push(`after call ${this.caller.history.length}: ${name}: ${where}`);
  }

  async #drain(): Promise<void> {
    await settled();
    for (;;) {
      const wait = this.#clock.untilNext();
      // Short timers are events like any other; the long ones are of calls and streams that do not answer. At rest a slow stream must not
      // take longer than a call may: there time passes only when nothing else is left to happen.
      const passes = wait !== undefined && wait <= 1000 && !(this.#atRest && this.#schedule.isBusy);
      if (passes) this.#schedule.once('time', () => this.#clock.pass(wait));
      if (!(await this.#schedule.step())) return;
    }
  }

  async #quiet(): Promise<void> {
    // A disk that is gone leaves its group at the look after the last repair.
    for (let turn = 0; turn < (this.#pulled.length > 0 ? 6 : 3); turn += 1) {
      this.#clock.pass(10_000);
      for (const controller of controllers) {
        this.#fleet.replica(controller)?.sweep();
        void this.#fleet.replica(controller)?.provisioner.tidy(new AbortController().signal);
      }
      for (const machine of this.#fleet.machines) machine.rescan();
      await this.#drain();
    }
  }

  #look(name: string): string[] {
    const all = this.#fleet.machines.flatMap((machine) => machine.volumes());
    const volumes = all.filter((one) => one.name === name);
    const copies = all.filter((one) => one.name === copyOf(name));
    const seconds = all.filter((one) => one.name === secondOf(name));
    const taken = this.#fleet.machines.flatMap((machine) => machine.snapshots());
    const snapshots = taken.filter((one) => one.name === name);
    const members = taken.filter((one) => one.name === groupOf(name));
    const group = groupSeenOf(name, { members });
    this.caller.look(name, volumes.map(seenOf));
    this.caller.look(name, copies.map(seenOf), 'copy');
    this.caller.look(name, seconds.map(seenOf), 'second');
    this.caller.look(name, snapshots.map(takenOf), 'snapshot');
    this.caller.look(name, group ? [group] : [], 'group');
    const unfinished = [...volumes, ...copies, ...seconds, ...snapshots, ...members].filter(
      ({ state }) => state !== 'ready',
    );
    const isWhole = members.length === (group ? 2 : 0) || this.#mayBeHalfRemoved(name);
    return [
      ...unfinished.map(({ id }) => `${id} is unfinished at rest`),
      ...(isWhole ? [] : [`group snapshot ${groupOf(name)} is not whole at rest`]),
    ];
  }

  /** A deletion that was cut off ends with the next one: Kubernetes repeats it until it succeeds. */
  #mayBeHalfRemoved(name: string): boolean {
    return this.caller.history.some(
      ({ name: its, request, outcome }) =>
        its === name && request.call === 'remove' && request.part === 'group' && outcome.is === 'unknown',
    );
  }

  async #ask(name: string, node: string, by: number): Promise<string[]> {
    const answer = this.caller.call({ name, by, request: { call: 'get', node } }, new AbortController().signal);
    await this.#drain();
    const outcome = await answer;
    return outcome.is === 'unknown' ? [`controller ${by} cannot get ${node}:${name} at rest: ${outcome.why}`] : [];
  }

  /** The list and the capacity of a controller are those of the nodes. */
  #listed(by: number): string[] {
    const { provisioner } = this.#fleet.replica(by) ?? {};
    if (!provisioner) return [`controller ${by} does not run at rest`];
    const describe = (volumes: readonly Parameters<typeof seenOf>[0][]): string =>
      JSON.stringify(volumes.map((volume) => [volume.id, seenOf(volume)]));
    const own = this.#fleet.machines.flatMap((machine) => machine.volumes());
    const there = describe(own.toSorted((a, b) => (a.id < b.id ? -1 : 1)));
    const listed = describe(provisioner.list('', 0));
    const free = this.#fleet.machines.reduce((sum, { room }) => sum + room, 0n) / unit;
    const capacity = provisioner.capacity(parseParameters({}), { preferred: [] }).total / unit;
    return [
      ...(listed === there ? [] : [`controller ${by} lists ${listed} at rest, the nodes have ${there}`]),
      ...(capacity === free ? [] : [`controller ${by} has room for ${capacity} units at rest, LVM for ${free}`]),
    ];
  }
}
