import { createServer, type Server, type ServerResponse } from 'node:http';
import type { Server as SecureServer } from 'node:https';
import type { CounterConfiguration, GaugeConfiguration, HistogramConfiguration } from 'prom-client';
import { Failure } from '../domain/errors.ts';
import type { NodeName, PoolName } from '../domain/ids.ts';
import type { Inventory } from '../domain/storage.ts';
import { answerCheck, type Checks } from './health.ts';
import { scrape } from './scrape.ts';
import { createSecurePort, type SecureOptions } from './secure.ts';

export interface Listen {
  readonly host: string;
  readonly port: number;
}

/** The inventories at hand: that of this node, or those of the nodes that have reported to this controller. */
export type Inventories = () => Iterable<readonly [NodeName, Inventory]>;

/** That of the node itself: none before the first report of LVM. */
export function ownInventory(
  node: NodeName,
  source: { readonly reported: boolean; current(): Inventory },
): Inventories {
  return () => (source.reported ? [[node, source.current()]] : []);
}

export interface DiskSample {
  readonly pool: { readonly name: PoolName };
  readonly verdict: string;
}

export interface Metrics {
  /** One finished call: method, name of the gRPC code, seconds. */
  readonly observeCall: (method: string, code: string, seconds: number) => void;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Calls `observe` with each value from now on, and the labels of the histogram that has some. */
export type Values = (observe: (value: number, labels?: Readonly<Record<string, string>>) => void) => void;

interface ObservedHistogram {
  readonly configuration: HistogramConfiguration<string>;
  readonly values: Values;
}

/** The metrics of a role, without those of its calls and its process. */
export interface Families {
  readonly gauges?: readonly GaugeConfiguration<string>[];
  readonly counters?: readonly CounterConfiguration<string>[];
  readonly histograms?: readonly ObservedHistogram[];
}

/** The metrics of several parts, joined. */
export function joinFamilies(all: readonly Families[]): Required<Families> {
  return {
    gauges: all.flatMap(({ gauges = [] }) => gauges),
    counters: all.flatMap(({ counters = [] }) => counters),
    histograms: all.flatMap(({ histograms = [] }) => histograms),
  };
}

export const callDuration = {
  name: 'quarry_csi_call_duration_seconds',
  help: 'Duration of CSI calls by method and name of the gRPC code',
  labelNames: ['method', 'code'],
  buckets: [0.002, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60],
};

/**
 * The Prometheus endpoint `/metrics`, with `/healthz` and `/readyz` on the same port; with `secure`, that port alone has the metrics. Loads its
 * library only if metrics are configured.
 */
export async function createMetrics(
  listen: Listen,
  { gauges = [], counters = [], histograms = [] }: Families,
  checks: Checks,
  secure?: SecureOptions,
): Promise<Metrics> {
  const { Registry, Histogram, Counter, Gauge, collectDefaultMetrics } = await import('prom-client');
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const gauge of gauges) registry.registerMetric(new Gauge({ ...gauge, registers: [] }));
  for (const counter of counters) registry.registerMetric(new Counter({ ...counter, registers: [] }));
  for (const { configuration, values } of histograms) {
    const histogram = new Histogram({ ...configuration, registers: [registry] });
    values((value, labels = {}) => histogram.observe({ ...labels }, value));
  }
  const calls = new Histogram({ ...callDuration, registers: [registry] });
  const page: Page = { text: () => scrape(registry, gauges), type: registry.contentType };
  const plain = secure ? undefined : page;
  const server = createServer((request, response) => void answer(plain, checks, request.url ?? '', response));
  const port = secure && createSecurePort(secure, (response) => send(page, response));
  return {
    observeCall: (method, code, seconds) => calls.observe({ method, code }, seconds),
    async start() {
      await open(server, listen);
      if (!port || !secure) return;
      await port.load();
      await open(port.server, secure.listen);
      port.reload.soon();
    },
    async stop() {
      await port?.reload.stop();
      await Promise.all([close(server), port?.server.listening && close(port.server)]);
    },
  };
}

interface Page {
  readonly text: () => Promise<string>;
  readonly type: string;
}

/** @param page absent: another port has it */
async function answer(page: Page | undefined, checks: Checks, url: string, response: ServerResponse): Promise<void> {
  if (await answerCheck(checks, url, response)) return;
  if (page === undefined || url !== '/metrics') {
    response.writeHead(404).end();
    return;
  }
  await send(page, response);
}

async function send({ text, type }: Page, response: ServerResponse): Promise<void> {
  try {
    const body = await text();
    response.writeHead(200, { 'content-type': type }).end(body);
  } catch {
    response.writeHead(500).end();
  }
}

async function open(server: Server | SecureServer, { host, port }: Listen): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', (cause) => {
    reject(new Failure('unavailable', `metrics cannot listen on ${host}:${port}: ${cause.message}`, { cause }));
  });
  server.listen(port, host, resolve);
  await promise;
}

async function close(server: Server | SecureServer): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  server.closeAllConnections();
  await promise;
}
