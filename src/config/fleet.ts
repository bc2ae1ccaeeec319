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
  controllers: controllers.describe(
    "`name:port`, or a list of them. A name may stand for many controllers, as that of a headless Service does; each address it resolves to is dialled, and it is resolved again every ten seconds. It must be a name, since the controller's certificate is for one.",
  ),
  ca: path.describe("PEM file of the authorities that the controllers' certificates are of."),
  token: path.optional().describe('File with the bearer token that shows who this node is.'),
  certificate: path
    .optional()
    .describe('PEM file that shows who this node is: a client certificate with one URI `quarry://node/<node>`.'),
  key: path.optional().describe('PEM file of its private key.'),
});

/** Where a controller awaits the nodes, and how it knows them. */
export const controllerFleet = section({
  listen: scalar('must be host:port, such as 0.0.0.0:9443', parseListen).describe('`host:port` that the nodes dial.'),
  certificate: path.describe("PEM file of the controller's own certificate, for the name that the nodes dial."),
  key: path.describe('PEM file of its private key.'),
  clientCa: path.optional().describe("PEM file of the authorities that the nodes' certificates are of."),
  tokenAudience: scalar('must be a text', (text) => text || undefined)
    .optional()
    .describe("What the nodes' tokens must be for."),
  serviceAccount: scalar('must be namespace:name', (text) =>
    /^[a-z0-9.-]+:[a-z0-9.-]+$/.test(text) ? text : undefined,
  )
    .optional()
    .describe("Whose the nodes' tokens must be: `namespace:name`."),
  settle: duration('0s', '10m')
    .default(15_000)
    .describe(
      'How long after its start the controller is not ready in any case, so that the nodes can attach first; 0s to 10m.',
    ),
  settleLimit: duration('0s', '30m')
    .default(120_000)
    .describe(
      "With `kubernetes`: from then on it is ready as soon as each Node that is Ready and has the driver's topology label has attached, and after this time at the latest; 0s to 30m.",
    ),
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
