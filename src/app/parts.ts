import type { AdminMethods, Services } from '../grpc/services.ts';
import { type Families, joinFamilies } from '../metrics/metrics.ts';
import type { ControllerCapability } from '../controller/service.ts';
import type { NodeCapability } from '../node/service.ts';
import type { ControllerContext, CsiContext, NodeContext, NodePart, Part } from './feature.ts';
import { features } from './features.ts';

/** The parts of all features, joined. */
export interface JoinedParts {
  readonly services: Services;
  readonly capabilities: readonly ControllerCapability[];
  readonly nodeCapabilities: readonly NodeCapability[];
  /** Absent if no feature has calls for the command line. */
  readonly admin: Partial<AdminMethods> | undefined;
  readonly metrics: Required<Families>;
  start(): void;
  stop(deadlineMs: number): Promise<void>;
}

/** The features' parts of a controller. */
export async function controllerParts(context: ControllerContext): Promise<JoinedParts> {
  const made = await Promise.all(features.map(async ({ controller }) => controller?.(context)));
  return joinParts(made.filter((part) => part !== undefined));
}

/** The features' calls of CSI's Controller. */
export async function csiParts(context: CsiContext): Promise<JoinedParts> {
  return joinParts(await Promise.all(features.flatMap(({ csi }) => csi?.(context) ?? [])));
}

/** The features' parts of a role that serves the disks of this machine. */
export async function nodeParts(context: NodeContext): Promise<readonly NodePart[]> {
  return Promise.all(features.flatMap(({ node }) => node?.(context) ?? []));
}

/** @throws Error if two parts have the same call: a mistake in the code */
export function joinParts(parts: readonly Part[]): JoinedParts {
  const admin = parts.flatMap((part) => part.admin ?? []);
  return {
    services: mergedServices(parts.flatMap(({ services }) => services ?? [])),
    capabilities: parts.flatMap(({ capabilities }) => capabilities ?? []),
    nodeCapabilities: parts.flatMap(({ nodeCapabilities }) => nodeCapabilities ?? []),
    admin: admin.length > 0 ? merged<Partial<AdminMethods>>(admin) : undefined,
    metrics: joinFamilies(parts.flatMap(({ metrics }) => metrics ?? [])),
    start: () => {
      for (const part of parts) part.start?.();
    },
    async stop(deadlineMs) {
      await Promise.all(parts.map(async (part) => part.stop?.(deadlineMs)));
    },
  };
}

function mergedServices(all: readonly Services[]): Services {
  const names = new Set(all.flatMap((services) => Object.keys(services) as (keyof Services)[]));
  return Object.fromEntries([...names].map((name) => [name, merged(all.flatMap((services) => services[name] ?? []))]));
}

function merged<T extends object>(objects: readonly T[]): T {
  const keys = objects.flatMap((object) => Object.keys(object));
  const twice = keys.find((key, index) => keys.indexOf(key) !== index);
  if (twice !== undefined) throw new Error(`two features answer ${twice}`);
  return Object.assign({}, ...objects) as T;
}
