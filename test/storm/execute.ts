import type { ServiceError } from '@grpc/grpc-js';
import { status } from '@grpc/grpc-js';
import { setTimeout as delay } from 'node:timers/promises';
import { settleRegions, wrongRegions } from './content.ts';
import { acknowledge, doubt, type Volume } from './model.ts';
import type { Action } from './plan.ts';
import type { Site } from './site.ts';
import type { Step } from './verb.ts';

/** How one call ended. `cut`: it did not end before the disturbance, and may have been done or not. */
export interface Outcome {
  readonly code: string;
  readonly details: string;
  readonly read?: readonly string[];
}

/** Whether the disturbance of the round has begun. */
export interface RoundState {
  struck: boolean;
}

/** Milliseconds for which ABORTED and UNAVAILABLE are repeated. */
const patience = 60_000;

/** Makes the calls of an action, and repeats those that a sidecar would repeat. */
export async function execute(site: Site, action: Action, state: RoundState): Promise<Outcome[]> {
  const calls = Array.from({ length: action.times }, (_, index) =>
    index === 0 && action.cancelAfter !== undefined
      ? callAndCancel(site, action.step, action.cancelAfter, state)
      : callToEnd(site, action.step, state),
  );
  return Promise.all(calls);
}

/** Cancels the call after that time and repeats it to its end: only an answer shows the outcome of the first. */
async function callAndCancel(site: Site, step: Step, after: number, state: RoundState): Promise<Outcome> {
  const giveUp = new AbortController();
  const timer = setTimeout(() => giveUp.abort(), after);
  const outcome = await callOnce(site, step, state, giveUp.signal);
  clearTimeout(timer);
  if (outcome.code === 'OK' || state.struck) return outcome;
  return callToEnd(site, step, state);
}

async function callToEnd(site: Site, step: Step, state: RoundState): Promise<Outcome> {
  const until = Date.now() + patience;
  for (;;) {
    const outcome = await callOnce(site, step, state);
    const again = outcome.code === 'ABORTED' || outcome.code === 'UNAVAILABLE';
    if (!again || Date.now() > until) return outcome;
    await delay(20);
  }
}

async function callOnce(site: Site, step: Step, state: RoundState, signal?: AbortSignal): Promise<Outcome> {
  try {
    const read = await step.run(site, signal);
    return { code: 'OK', details: '', ...(read ? { read } : {}) };
  } catch (error) {
    if (state.struck) return { code: 'cut', details: '' };
    const { code, details, message } = error as Partial<ServiceError>;
    return { code: status[code ?? -1] ?? 'failed', details: details ?? message ?? String(error) };
  }
}

/** The volume in the model after a step, and the outcomes that were not allowed. */
export function conclude(volume: Volume, step: Step, outcomes: readonly Outcome[]): [Volume, string[]] {
  const about = `${step.verb} ${volume.name}`;
  const problems = outcomes
    .filter(({ code }) => code !== 'cut' && !step.outcomes.includes(code))
    .map(({ code, details }) => `${about}: ${code}, not ${step.outcomes.join(' or ')}: ${details}`);
  const read = outcomes.find((outcome) => outcome.read)?.read;
  if (read) {
    problems.push(...wrongRegions(volume, read));
    return [{ ...volume, regions: settleRegions(volume, read) }, problems];
  }
  if (outcomes.some(({ code }) => code === 'OK')) return [acknowledge(volume, step.change), problems];
  if (outcomes.some(({ code }) => code === 'cut')) return [doubt(volume, step.change), problems];
  return [volume, problems];
}
