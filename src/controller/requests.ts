import { parseSizeRange, type SizeRange } from '../domain/bytes.ts';
import { type CapabilityMessage, capabilityProblems } from '../domain/capability.ts';
import { Failure, isFailure } from '../domain/errors.ts';
import { type ClassParameters, parseParameters } from '../domain/parameters.ts';
import { smallestVolume } from '../domain/filesystems.ts';
import type { ContentSource } from '../domain/snapshot.ts';
import { mergeChanges } from '../domain/qos.ts';
import { kubernetesPrefix, parseQosChange } from '../domain/qos-parameters.ts';
import { type Accessibility, parseAccessibility } from '../domain/topology.ts';
import { filesystemTypes } from '../domain/volume.ts';
import type { CreateVolumeRequest } from '../gen/csi/v1/CreateVolumeRequest.ts';
import type { ClaimReference } from './refused-reservations.ts';
import { parseContentSource } from './sources.ts';

/** The request of CreateVolume, checked. */
export interface VolumeRequest {
  readonly name: string;
  readonly size: SizeRange;
  readonly parameters: ClassParameters;
  /** Where the volume may be. */
  readonly accessibility: Accessibility;
  /** The content that it begins with. */
  readonly source?: ContentSource | undefined;
  /** The claim that it is for, as Kubernetes' provisioner says it. */
  readonly claim?: ClaimReference | undefined;
}

/** Throws `invalid` with every problem at once, `out-of-range`, or `not-found` for a source that Quarry never issued. */
export function parseCreate(request: CreateVolumeRequest, driver: string): VolumeRequest {
  const problems: string[] = [];
  if (request.name === '') problems.push('name is missing');
  problems.push(...capabilitiesProblems(request.volumeCapabilities));
  const source = collect(problems, () => parseContentSource(request.volumeContentSource));
  const parameters = collect(problems, () => parseParameters(request.parameters));
  const change = collect(problems, () => parseQosChange(request.mutableParameters));
  if (problems.length > 0 || !parameters || !change) throw new Failure('invalid', problems.join('; '));
  return {
    name: request.name,
    size: withMinimum(parseSizeRange(request.capacityRange), request.volumeCapabilities),
    parameters: { ...parameters, qos: mergeChanges(parameters.qos, change) },
    accessibility: parseAccessibility(request.accessibilityRequirements, driver),
    source,
    claim: claimOf(request),
  };
}

/** The provisioner of Kubernetes names a volume after the uid of its claim. */
function claimOf({ name, parameters }: CreateVolumeRequest): ClaimReference | undefined {
  const of = (key: string): string | undefined => parameters[`${kubernetesPrefix}pvc/${key}`];
  const [namespace, claim] = [of('namespace'), of('name')];
  if (namespace === undefined || claim === undefined) return undefined;
  const [, uid] = /-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.exec(name) ?? [];
  return { namespace, name: claim, uid };
}

export function capabilitiesProblems(capabilities: readonly CapabilityMessage[]): string[] {
  if (capabilities.length === 0) return ['volume_capabilities is missing'];
  return [...new Set(capabilities.flatMap(capabilityProblems))];
}

/** Throws `invalid` unless the id is there. */
export function requireId(id: string): string {
  if (id === '') throw new Failure('invalid', 'volume_id is missing');
  return id;
}

/** A volume too small for its filesystem would be made now and fail at its first use, or at its first expansion. */
function withMinimum(size: SizeRange, capabilities: readonly CapabilityMessage[]): SizeRange {
  let { required } = size;
  for (const { mount } of capabilities) {
    const type = filesystemTypes.find((known) => known === mount?.fsType);
    const least = type ? smallestVolume[type] : 0n;
    if (size.limit !== undefined && size.limit < least) {
      throw new Failure(
        'out-of-range',
        `limit_bytes ${size.limit} is less than the ${least} that ${mount?.fsType} needs`,
      );
    }
    if (required > 0n && required < least) required = least;
  }
  return { ...size, required };
}

function collect<T>(problems: string[], parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (!isFailure(error, 'invalid')) throw error;
    problems.push(error.message);
    return undefined;
  }
}
