import type { NodeName } from './ids.ts';

/** The part of CSI's `Topology` that is read here. */
export interface TopologyMessage {
  segments?: Readonly<Record<string, string>> | null;
}

export interface TopologyRequirementMessage {
  requisite?: readonly TopologyMessage[] | null;
  preferred?: readonly TopologyMessage[] | null;
}

/** The nodes that may have a volume. */
export interface Accessibility {
  /** Absent: any node. Empty: no node of Quarry. */
  readonly requisite?: ReadonlySet<NodeName> | undefined;
  /** Best first; all of them in `requisite`. */
  readonly preferred: readonly NodeName[];
}

/** The key of the only segment of a node. Pools are not part of topology: kubelet refuses a driver whose label values change. */
export function topologyKey(driver: string): string {
  let key = keys.get(driver);
  if (key === undefined) {
    key = `topology.${driver}/node`;
    keys.set(driver, key);
  }
  return key;
}

/** By driver. V8 hashes a text that is put together anew each time it names a property: a sixth of a page of volumes. */
const keys = new Map<string, string>();

/** The node's topology as a CSI message. */
export function topologyOf(driver: string, node: NodeName): { segments: Record<string, string> } {
  return { segments: { [topologyKey(driver)]: node } };
}

/** The node that a topology names; the key's case does not matter. `undefined` if it is not our topology. */
function nodeOf(topology: TopologyMessage, driver: string): NodeName | undefined {
  const key = topologyKey(driver).toLowerCase();
  const segment = Object.entries(topology.segments ?? {}).find(([name]) => name.toLowerCase() === key);
  return segment?.[1] as NodeName | undefined;
}

/** Preferred without requisite counts as requisite: CSI lets a plugin go beyond it, but no caller asks for that. */
export function parseAccessibility(
  requirement: TopologyRequirementMessage | null | undefined,
  driver: string,
): Accessibility {
  const requisite = requirement?.requisite ?? [];
  const preferred = requirement?.preferred ?? [];
  const wanted = requisite.length > 0 ? requisite : preferred;
  if (wanted.length === 0) return { preferred: [] };
  const nodes = new Set(namesIn(wanted, driver));
  return { requisite: nodes, preferred: [...new Set(namesIn(preferred, driver))].filter((node) => nodes.has(node)) };
}

/** Whether the requirement allows the node. */
export function accepts({ requisite }: Accessibility, node: NodeName): boolean {
  return requisite === undefined || requisite.has(node);
}

function namesIn(topologies: readonly TopologyMessage[], driver: string): NodeName[] {
  return topologies.flatMap((topology) => nodeOf(topology, driver) ?? []);
}
