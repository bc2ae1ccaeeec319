import type { Part } from '../../app/feature.ts';
import { qosFamilies, type QosSource } from './metrics.ts';
import { createQosService, type QosEntry } from './service.ts';

/** The limits as the adapter that enforces them shows them. */
interface Limits extends QosSource {
  list(): Promise<readonly QosEntry[]>;
}

/** `claims`: `namespace/name` by volume id. */
export function createQosPart(limits: Limits, claims: () => ReadonlyMap<string, string>): Part {
  return { admin: createQosService(() => limits.list(), claims), metrics: qosFamilies(limits) };
}
