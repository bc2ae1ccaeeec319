import type { FailureKind } from '../../../src/domain/errors.ts';
import type { Call, Outcome, Request, Seen } from '../../races/history.ts';

export const create = (size = 8, nodes = ['a', 'b']): Request => ({ call: 'create', size, nodes });
export const remove = (node = 'a'): Request => ({ call: 'remove', node });
export const get = (node = 'a'): Request => ({ call: 'get', node });
export const expand = (size: number, node = 'a'): Request => ({ call: 'expand', node, size });
export const modify = (limits: Pick<Seen, 'readIops' | 'writeIops'>): Request => ({
  call: 'modify',
  node: 'a',
  limits,
});
export const look: Request = { call: 'look' };
export const volume = (size = 8, node = 'a', limits = {}): Seen => ({ node, size, ...limits });
export const ok = (...volumes: Seen[]): Outcome => ({ is: 'ok', volumes });
export const refused = (kind: FailureKind): Outcome => ({ is: 'refused', kind });
export const unknown: Outcome = { is: 'unknown', why: 'test' };

/** Calls for one name, each after the one before. */
export function inTurn(...calls: (readonly [Request, Outcome])[]): Call[] {
  return calls.map(([request, outcome], index) => ({
    name: 'x',
    request,
    begin: 2 * index,
    end: 2 * index + 1,
    outcome,
  }));
}
