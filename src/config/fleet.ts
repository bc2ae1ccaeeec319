import { isIP } from 'node:net';
import * as z from 'zod';
import { absolutePath, parseListen } from './addresses.ts';
import type { Problem } from './conflicts.ts';
import { duration, list, scalar, section } from './fields.ts';

const controller = scalar('must be name:port, such as quarry-controller.quarry.svc:9443', (text) => {
  const address = parseListen(text);
  return address && address.port > 0 ? { name: address.host, port: address.port } : undefined;
}).refine(({ name }) => isIP(name) === 0, { error: 'must be a DNS name: the certificate of a controller is for one' });

/** A list, or a single name that resolves to every replica. */
const controllers = z.preprocess(
  (value) => (value === undefined || Array.isArray(value) ? value : [value]),
  list(controller).min(1, { error: 'must name at least one' }),
);

const path = scalar('must be an absolute path', absolutePath);

/** How a node finds the controllers, and authenticates to them. */
export const nodeFleet = section({
  controllers: controllers.describe(
    "`name:port`, or a list of them. A name may resolve to several controllers, as that of a headless Service does; the node dials each address, and resolves the name again every ten seconds. It must be a DNS name, since the controller's certificate is for one.",
  ),
  ca: path.describe("PEM file with the authorities that sign the controllers' certificates."),
  token: path.optional().describe('File with the bearer token that authenticates this node.'),
  certificate: path
    .optional()
    .describe('PEM file with the client certificate of this node, with one URI `quarry://node/<node>`.'),
  key: path.optional().describe('PEM file with its private key.'),
});

/** Where a controller listens for nodes, and how it authenticates them. */
export const controllerFleet = section({
  listen: scalar('must be host:port, such as 0.0.0.0:9443', parseListen).describe('`host:port` that the nodes dial.'),
  certificate: path.describe("PEM file with the controller's certificate, for the name that the nodes dial."),
  key: path.describe('PEM file with its private key.'),
  clientCa: path.optional().describe("PEM file with the authorities that sign the nodes' certificates."),
  tokenAudience: scalar('must be a text', (text) => text || undefined)
    .optional()
    .describe("The audience of the nodes' tokens."),
  serviceAccount: scalar('must be namespace:name', (text) =>
    /^[a-z0-9.-]+:[a-z0-9.-]+$/.test(text) ? text : undefined,
  )
    .optional()
    .describe("The ServiceAccount of the nodes' tokens: `namespace:name`."),
  settle: duration('0s', '10m')
    .default(15_000)
    .describe(
      'The controller is not ready for this long after its start, so that the nodes can connect first; 0s to 10m.',
    ),
  settleLimit: duration('0s', '30m')
    .default(120_000)
    .describe(
      "With `kubernetes`: after `settle` the controller is ready once each Node that is Ready and has the driver's topology label has connected, and after this time at the latest; 0s to 30m.",
    ),
});

interface Ways {
  readonly first: readonly string[];
  readonly second: readonly string[];
  readonly purpose: string;
}

const ways = {
  node: { first: ['token'], second: ['certificate', 'key'], purpose: 'to authenticate this node' },
  controller: {
    first: ['clientCa'],
    second: ['tokenAudience', 'serviceAccount'],
    purpose: 'to authenticate the nodes',
  },
} as const satisfies Record<'node' | 'controller', Ways>;

/** Exactly one of the two ways to authenticate has to be configured, completely. */
export function fleetConflicts(raw: unknown, role: 'node' | 'controller'): Problem[] {
  const given = Object.keys(z.object({ fleet: z.record(z.string(), z.unknown()) }).safeParse(raw).data?.fleet ?? {});
  if (given.length === 0) return [];
  const { first, second, purpose }: Ways = ways[role];
  const has = (way: readonly string[]) => way.filter((key) => given.includes(key));
  const problem = (key: string, message: string): Problem[] => [{ path: ['fleet', key], message }];
  const [some, others] = [has(first), has(second)];
  if (some.length > 0 && others.length > 0) {
    return problem(others[0] ?? '', `conflicts with ${some.join(', ')}: give one of the two ${purpose}`);
  }
  if (some.length > 0) return [];
  if (others.length === second.length) {
    const asks = role === 'node' || 'kubernetes' in z.looseObject({}).parse(raw);
    return asks ? [] : [{ path: ['kubernetes'], message: 'is missing: the API server checks the tokens of the nodes' }];
  }
  const missing = second.find((key) => !others.includes(key));
  if (others.length > 0) return problem(missing ?? '', `is missing: ${others.join(', ')} needs it`);
  return problem(first[0] ?? '', `is missing: it or ${second.join(' and ')} is needed ${purpose}`);
}

/** The API server checks those who read the metrics over TLS. A node has its certificate for them in `metrics`, a controller in `fleet`. */
export function metricsConflicts(raw: unknown, role: 'node' | 'controller'): Problem[] {
  const given = z.looseObject({ metrics: z.looseObject({ secureListen: z.string() }) }).safeParse(raw);
  if (!given.success) return withoutSecure(raw, role);
  const { metrics } = given.data;
  const files = role === 'node' ? ['certificate', 'key'] : [];
  const missing = files.filter((key) => !(key in metrics));
  return [
    ...missing.map((key) => ({ path: ['metrics', key], message: 'is missing: secureListen needs it' })),
    ...('kubernetes' in given.data
      ? []
      : [{ path: ['metrics', 'secureListen'], message: 'needs kubernetes: the API server checks the callers' }]),
  ];
}

/** A node asks the API server nothing else. */
function withoutSecure(raw: unknown, role: 'node' | 'controller'): Problem[] {
  const unused = role === 'node' && z.looseObject({ kubernetes: z.unknown() }).safeParse(raw).data?.kubernetes;
  return unused ? [{ path: ['kubernetes'], message: 'has no use without metrics.secureListen' }] : [];
}
