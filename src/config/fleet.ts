import { isIP } from 'node:net';
import * as z from 'zod';
import { absolutePath, parseListen } from './addresses.ts';
import type { Problem } from './conflicts.ts';
import { duration, list, scalar, section } from './fields.ts';

const controller = scalar('must be name:port, such as quarry-controller.quarry.svc:9443', (text) => {
  const address = parseListen(text);
  return address && address.port > 0 ? { name: address.host, port: address.port } : undefined;
}).refine(({ name }) => isIP(name) === 0, { error: 'must be a name: the certificate of a controller is for one' });

/** One name is enough where it stands for every replica. */
const controllers = z.preprocess(
  (value) => (value === undefined || Array.isArray(value) ? value : [value]),
  list(controller).min(1, { error: 'must name at least one' }),
);

const path = scalar('must be an absolute path', absolutePath);

/** How a node finds the controllers, and shows them who it is. */
export const nodeFleet = section({
  controllers,
  ca: path,
  token: path.optional(),
  certificate: path.optional(),
  key: path.optional(),
});

/** Where a controller awaits the nodes, and how it knows them. */
export const controllerFleet = section({
  listen: scalar('must be host:port, such as 0.0.0.0:9443', parseListen),
  certificate: path,
  key: path,
  clientCa: path.optional(),
  tokenAudience: scalar('must be a text', (text) => text || undefined).optional(),
  serviceAccount: scalar('must be namespace:name', (text) =>
    /^[a-z0-9.-]+:[a-z0-9.-]+$/.test(text) ? text : undefined,
  ).optional(),
  settle: duration('0s', '10m').default(15_000),
  settleLimit: duration('0s', '30m').default(120_000),
});

interface Ways {
  readonly first: readonly string[];
  readonly second: readonly string[];
  readonly purpose: string;
}

const ways = {
  node: { first: ['token'], second: ['certificate', 'key'], purpose: 'to show who this node is' },
  controller: { first: ['clientCa'], second: ['tokenAudience', 'serviceAccount'], purpose: 'to know the nodes by' },
} as const satisfies Record<'node' | 'controller', Ways>;

/** Of two ways to show or to know who somebody is, one is needed, whole. */
export function fleetConflicts(raw: unknown, role: 'node' | 'controller'): Problem[] {
  const given = Object.keys(z.object({ fleet: z.record(z.string(), z.unknown()) }).safeParse(raw).data?.fleet ?? {});
  if (given.length === 0) return [];
  const { first, second, purpose }: Ways = ways[role];
  const has = (way: readonly string[]) => way.filter((key) => given.includes(key));
  const problem = (key: string, message: string): Problem[] => [{ path: ['fleet', key], message }];
  const [some, others] = [has(first), has(second)];
  if (some.length > 0 && others.length > 0) {
    return problem(others[0] ?? '', `cannot be beside ${some.join(', ')}: one way is used ${purpose}`);
  }
  if (some.length > 0) return [];
  if (others.length === second.length) {
    const asks = role === 'node' || 'kubernetes' in z.looseObject({}).parse(raw);
    return asks ? [] : [{ path: ['kubernetes'], message: 'is missing: the API server checks the tokens of the nodes' }];
  }
  const missing = second.find((key) => !others.includes(key));
  if (others.length > 0) return problem(missing ?? '', `is missing beside ${others.join(', ')}`);
  return problem(first[0] ?? '', `is missing: either it or ${second.join(' and ')} must be there, ${purpose}`);
}
