import { setTimeout as delay } from 'node:timers/promises';
import type { Guest } from '../../lab/guest.ts';
import { conclude, execute, type Outcome } from './execute.ts';
import { follow, readingOf, type Room, roomOf, roomProblems, takeDown } from './finish.ts';
import { factsFrom, leaks, losses } from './invariants.ts';
import { absentVolume, settle, type Volume } from './model.ts';
import { type Observation, observe } from './observe.ts';
import { type Action, planRound, type Strike } from './plan.ts';
import { createRandom } from './random.ts';
import { openSite, type Site } from './site.ts';

export interface StormOptions {
  readonly seed: number;
  /** The first round. */
  readonly from: number;
  /** Whether this round is still to be played. */
  readonly goesOn: (round: number) => boolean;
  /** Called with a line for each round. */
  readonly say: (line: string) => void;
}

export interface Tally {
  rounds: number;
  calls: number;
  /** By their names. */
  readonly strikes: Map<string, number>;
}

/** A violation, and the round in which it was found. */
export interface Finding {
  readonly round: number;
  readonly problems: readonly string[];
}

const count = 10;
/** Milliseconds after which the leftovers of calls that were cut off must be gone. */
const tidyWithin = 30_000;

/** A storm on one node: rounds of calls, disturbances, and a look at everything after each. */
export class Storm {
  readonly tally: Tally = { rounds: 0, calls: 0, strikes: new Map() };
  readonly site: Site;
  readonly #options: StormOptions;
  readonly #before: { readonly room: Room; readonly foreign: string };
  #volumes: readonly Volume[];

  private constructor(site: Site, options: StormOptions, before: { room: Room; foreign: string }) {
    this.site = site;
    this.#options = options;
    this.#before = before;
    this.#volumes = site.names.map(absentVolume);
  }

  static async open(guest: Guest, options: StormOptions): Promise<Storm> {
    const names = Array.from({ length: count }, (_, index) => `storm-${index}`);
    const site = await openSite(guest, names);
    const { foreign } = await observe(site);
    return new Storm(site, options, { room: await roomOf(site), foreign });
  }

  /** Plays the rounds, and deletes all at the end. Answers the first finding. */
  async play(): Promise<Finding | undefined> {
    const { from, goesOn } = this.#options;
    let round = from;
    for (; goesOn(round); round += 1) {
      const problems = await this.#guarded(() => this.#playRound(round));
      if (problems.length > 0) return { round, problems };
      this.tally.rounds += 1;
    }
    const problems = await this.#guarded(() => this.#end(round));
    return problems.length > 0 ? { round, problems } : undefined;
  }

  /** An unexpected error, or a complaint of the guest's kernel, is a finding too. */
  async #guarded(work: () => Promise<string[]>): Promise<string[]> {
    try {
      return await work();
    } catch (error) {
      return [error instanceof Error ? `${error.message}\n${error.stack}` : String(error)];
    }
  }

  async #playRound(round: number): Promise<string[]> {
    const random = createRandom(this.#options.seed, round);
    const { actions, strike } = planRound(this.#volumes, random);
    const state = { struck: false };
    const calls = actions.map((action) => execute(this.site, action, state));
    if (strike) {
      await delay(strike.after);
      state.struck = true;
      await this.#strike(strike);
    }
    const outcomes = await Promise.all(calls);
    this.tally.calls += outcomes.flat().length;
    this.#options.say(lineOf(round, actions, outcomes, strike));
    const problems = actions.flatMap((action, index) => this.#conclude(action, outcomes[index] ?? []));
    if (!strike) return [...problems, ...(await this.#look())];
    const before = this.#volumes;
    await this.#recover(strike);
    return [...problems, ...(await this.#look()), ...(await this.#mountAgain(before, round))];
  }

  #conclude({ volume, step }: Action, outcomes: readonly Outcome[]): string[] {
    const found = this.#volumes.find(({ name }) => name === volume);
    if (!found) throw new Error(`there is no ${volume}`);
    const [next, problems] = conclude(found, step, outcomes);
    this.#replace([next]);
    return problems;
  }

  #replace(changed: readonly Volume[]): void {
    this.#volumes = this.#volumes.map((volume) => changed.find(({ name }) => name === volume.name) ?? volume);
  }

  async #strike({ disturbance }: Strike): Promise<void> {
    const { strikes } = this.tally;
    strikes.set(disturbance.name, (strikes.get(disturbance.name) ?? 0) + 1);
    await disturbance.strike(this.site);
  }

  async #recover(strike: Strike): Promise<void> {
    const { disturbance, again } = strike;
    const { driver } = this.site;
    await disturbance.recover(this.site);
    await driver.launch();
    if (again !== undefined) {
      await delay(again);
      await this.#strike(strike);
      await disturbance.recover(this.site);
      await driver.launch();
    }
    await driver.ready();
    this.#volumes = this.#volumes.map((volume) => disturbance.effect(volume));
  }

  /** Compares the model with the node, and takes from it what was not known. */
  async #look(): Promise<string[]> {
    const until = Date.now() + tidyWithin;
    for (;;) {
      const seen = await observe(this.site);
      const lost = losses(this.#volumes, seen, this.#before.foreign);
      const left = leaks(this.#volumes, seen);
      if (lost.length > 0 || (left.length > 0 && Date.now() > until)) return [...lost, ...left];
      if (left.length === 0) {
        this.#settle(seen);
        return [];
      }
      await delay(100);
    }
  }

  #settle(seen: Observation): void {
    this.#volumes = this.#volumes.map((volume) => settle(volume, factsFrom(volume, seen)));
  }

  /** As kubelet does after a boot, for the pods that ran; and reads what they wrote. */
  async #mountAgain(before: readonly Volume[], round: number): Promise<string[]> {
    const random = createRandom(this.#options.seed, round);
    const gone = this.#volumes.filter((volume, index) => {
      const published = before[index]?.possible.published.includes(true) === true;
      return published && volume.possible.published[0] === false;
    });
    const results = await Promise.all(gone.map((volume) => follow(this.site, volume, readingOf(volume, random))));
    this.#replace(results.map(([volume]) => volume));
    return results.flatMap(([, problems]) => problems);
  }

  async #end(round: number): Promise<string[]> {
    const problems: string[] = [];
    for (const volume of this.#volumes) {
      const [gone, wrong] = await takeDown(this.site, volume, createRandom(this.#options.seed, round));
      this.#replace([gone]);
      problems.push(...wrong);
    }
    problems.push(...(await this.#look()), ...(await roomProblems(this.site, this.#before.room)));
    this.site.guest.checkConsole();
    return problems;
  }
}

function lineOf(
  round: number,
  actions: readonly Action[],
  outcomes: readonly (readonly Outcome[])[],
  strike: Strike | undefined,
): string {
  const words = actions.map(({ volume, step, cancelAfter }, index) => {
    const cancelled = cancelAfter === undefined ? '' : ` cancelled after ${cancelAfter} ms`;
    const codes = (outcomes[index] ?? []).map(({ code }) => code).join(', ');
    return `${step.verb} ${volume} ${step.text}${cancelled}: ${codes}`.replaceAll(/ +/g, ' ').replace(' :', ':');
  });
  const again = strike?.again === undefined ? '' : `, again ${strike.again} ms after the start`;
  const end = strike ? [`${strike.disturbance.name} after ${strike.after} ms${again}`] : [];
  return `round ${round}: ${[...words, ...end].join('; ')}`;
}
