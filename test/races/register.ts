import type { Limits, Outcome, Request as AnyRequest, Seen } from './history.ts';

/** The calls about one volume. */
type Request = Exclude<AnyRequest, { readonly call: 'snapshot' | 'group' | 'copy' }>;

/** What a name is at one moment: no volume, or one. */
export type Register = Seen | undefined;

/** The states that a call may leave, as its outcome says. None: no call on that state has that outcome. */
export function after(state: Register, request: Request, outcome: Outcome): readonly Register[] {
  switch (outcome.is) {
    case 'ok':
      return succeeded(state, request, outcome.volumes);
    case 'refused':
      return refused(state, request, outcome.kind) ? [state] : [];
    case 'unknown':
      return effects(state, request);
  }
}

function succeeded(state: Register, request: Request, volumes: readonly Seen[]): readonly Register[] {
  const [seen, another] = volumes;
  if (another) return [];
  switch (request.call) {
    case 'create':
      if (!seen || !request.nodes.includes(seen.node)) return [];
      return effects(state, request).filter((next) => same(next, seen));
    case 'remove':
      return effects(state, request);
    case 'get':
      return seen && seen.node === request.node && same(state, seen) ? [state] : [];
    case 'expand':
    case 'modify':
      return seen && seen.node === request.node ? effects(state, request).filter((next) => same(next, seen)) : [];
    case 'look':
      return same(state, seen) ? [state] : [];
  }
}

/** Whether a call that was refused with that kind says the truth of the state. */
function refused(state: Register, request: Request, kind: string): boolean {
  const here =
    'node' in request
      ? state?.node === request.node
      : state && 'nodes' in request && request.nodes.includes(state.node);
  if (kind === 'busy') return true;
  if (kind === 'not-found') return !here && request.call !== 'create' && request.call !== 'remove';
  // Of a creation it is the proof that the volume is on none of its nodes.
  if (kind === 'exhausted') return request.call === 'create' ? !here : request.call === 'expand' && here === true;
  if (kind === 'exists')
    return request.call === 'create' && state !== undefined && (!here || state.size < request.size);
  return false;
}

/** All states that the call may leave if it is done. */
function effects(state: Register, request: Request): readonly Register[] {
  switch (request.call) {
    case 'create':
      if (!state) return request.nodes.map((node) => ({ node, size: request.size }));
      return request.nodes.includes(state.node) && state.size >= request.size ? [state] : [];
    case 'remove':
      return [state?.node === request.node ? undefined : state];
    case 'expand':
      return state?.node === request.node ? [{ ...state, size: Math.max(state.size, request.size) }] : [];
    case 'modify':
      return state?.node === request.node ? [{ ...state, ...set(request.limits) }] : [];
    case 'get':
    case 'look':
      return [state];
  }
}

function set(limits: Limits): Limits {
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
}

function same(one: Register, other: Register): boolean {
  return keyOf(one) === keyOf(other);
}

/** A text that is the same for equal states. */
export function keyOf(state: Register): string {
  if (!state) return 'none';
  const { node, size, readIops = '-', writeIops = '-', of, second, thick, rest } = state;
  const both = second === undefined ? '' : ` and ${second}`;
  const kind = `${thick ? ' thick' : ''}${rest ? ' rest' : ''}`;
  return `${node} ${size}${both}${kind} ${readIops} ${writeIops}${of === undefined ? '' : ` of the ${of}`}`;
}
