import type { NodeName } from './ids.ts';

/** The part of CSI's `Topology` that is read here. */
export interface TopologyMessage {
  segments?: Readonly<Record<string, string>> | null;
}

export interface TopologyRequirementMessage {
  requisite?: readonly TopologyMessage[] | null;
  preferred?: readonly TopologyMessage[] | null;
}

/** One segment a node. Pools are no topology: kubelet refuses a driver whose label values change. */
function topologyKey(driver: string): string {
  return `topology.${driver}/node`;
}

export function topologyOf(driver: string, node: NodeName): { segments: Record<string, string> } {
  return { segments: { [topologyKey(driver)]: node } };
}

/** Keys are case-insensitive. */
export function isIn(topology: TopologyMessage, driver: string, node: NodeName): boolean {
  const key = topologyKey(driver).toLowerCase();
  return Object.entries(topology.segments ?? {}).some(([name, value]) => name.toLowerCase() === key && value === node);
}

/** Whether a volume on this node meets the requirement. Without one, every node does. */
export function accepts(
  requirement: TopologyRequirementMessage | null | undefined,
  driver: string,
  node: NodeName,
): boolean {
  const requisite = requirement?.requisite ?? [];
  const wanted = requisite.length > 0 ? requisite : (requirement?.preferred ?? []);
  return wanted.length === 0 || wanted.some((topology) => isIn(topology, driver, node));
}
