import type { ServiceError } from '@grpc/grpc-js';
import { status } from '@grpc/grpc-js';
import { setTimeout as delay } from 'node:timers/promises';
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

/** The codes after which a sidecar repeats a call whose outcome it does not know. */
const repeated = new Set(['ABORTED', 'UNAVAILABLE', 'DEADLINE_EXCEEDED']);
/** Milliseconds for which it does here: more than the minute that one call has, or a slow call would not be repeated. */
const patience = 180_000;
/** The provisioner repeats this, too: here it stands for a node that is still starting. */
const early = /it is still being activated, checked or created/;

/** Makes the calls of an action, and repeats those that a sidecar would repeat. */
export async function execute(site: Site, action: Action, state: RoundState): Promise<Outcome[]> {
  if (action.pair) return Promise.all(action.pair.steps.map((step) => callToEnd(site, step, state)));
  if (action.followedBy) return callAndFollow(site, action, action.followedBy, state);
  const calls = Array.from({ length: action.times }, (_, index) =>
    index === 0 && action.cancelAfter !== undefined
      ? callAndCancel(site, action.step, action.cancelAfter, state)
      : callToEnd(site, action.step, state),
  );
  return Promise.all(calls);
}

/** Cancels the call after that time, does not repeat it, and makes another one. */
async function callAndFollow(site: Site, action: Action, followedBy: Step, state: RoundState): Promise<Outcome[]> {
  const first = await callAndGiveUp(site, action.step, action.cancelAfter ?? 0, state);
  return first.code === 'cut' ? [first] : [first, await callToEnd(site, followedBy, state)];
}

/** Cancels the call after that time and repeats it to its end: only an answer shows the outcome of the first. */
async function callAndCancel(site: Site, step: Step, after: number, state: RoundState): Promise<Outcome> {
  const outcome = await callAndGiveUp(site, step, after, state);
  if (outcome.code === 'OK' || state.struck) return outcome;
  return callToEnd(site, step, state);
}

async function callAndGiveUp(site: Site, step: Step, after: number, state: RoundState): Promise<Outcome> {
  const giveUp = new AbortController();
  const timer = setTimeout(() => giveUp.abort(), after);
  const outcome = await callOnce(site, step, state, giveUp.signal);
  clearTimeout(timer);
  return outcome;
}

async function callToEnd(site: Site, step: Step, state: RoundState): Promise<Outcome> {
  const until = Date.now() + patience;
  for (;;) {
    const outcome = await callOnce(site, step, state);
    if (!isRepeated(outcome) || Date.now() > until) return outcome;
    await delay(20);
  }
}

function isRepeated({ code, details }: Outcome): boolean {
  return repeated.has(code) || (code === 'RESOURCE_EXHAUSTED' && early.test(details));
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
