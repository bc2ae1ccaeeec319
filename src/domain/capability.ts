import { Failure } from './errors.ts';
import { type FilesystemType, filesystemTypes } from './volume.ts';

/** The single-node access modes of CSI. */
export const accessModes = [
  'SINGLE_NODE_WRITER',
  'SINGLE_NODE_READER_ONLY',
  'SINGLE_NODE_SINGLE_WRITER',
  'SINGLE_NODE_MULTI_WRITER',
] as const;
export type AccessMode = (typeof accessModes)[number];

/** CSI's VolumeCapability, parsed: how a volume is accessed, and by how many pods. */
export type Capability =
  | { readonly access: 'block'; readonly mode: AccessMode }
  | {
      readonly access: 'mount';
      readonly mode: AccessMode;
      readonly filesystem: FilesystemType;
      readonly mountFlags: readonly string[];
    };

/** The part of CSI's `VolumeCapability` that is read here. */
export interface CapabilityMessage {
  block?: object | null;
  mount?: { fsType?: string; mountFlags?: string[]; volumeMountGroup?: string } | null;
  accessMode?: { mode?: string | number } | null;
}

const defaultFilesystem: FilesystemType = 'ext4';

/** One reason for each problem; empty for a capability that Quarry serves. */
export function capabilityProblems(message: CapabilityMessage | null | undefined): string[] {
  if (!message) return ['volume_capability is missing'];
  const problems: string[] = [];
  if (!message.block && !message.mount) problems.push('volume_capability: access_type is missing: block or mount');
  const mode = message.accessMode?.mode;
  if (!accessModes.some((known) => known === mode)) {
    problems.push(
      `volume_capability: access mode ${mode ?? 'UNKNOWN'} is not offered; volumes are local to one node: ${accessModes.join(', ')}`,
    );
  }
  if (message.block && mode === 'SINGLE_NODE_READER_ONLY') {
    // The kernel lets writes through a device node on a read-only mount.
    problems.push('volume_capability: a raw block volume cannot be offered read-only');
  }
  const fsType = message.mount?.fsType;
  if (fsType && !filesystemTypes.some((known) => known === fsType)) {
    problems.push(`volume_capability: fs_type "${fsType}" is not offered: ${filesystemTypes.join(', ')}`);
  }
  if (message.mount?.volumeMountGroup) {
    problems.push('volume_capability: volume_mount_group is not offered; kubelet applies fsGroup itself');
  }
  return problems;
}

/** Throws `invalid` with every problem. */
export function parseCapability(message: CapabilityMessage | null | undefined): Capability {
  const problems = capabilityProblems(message);
  if (problems.length > 0 || !message) throw new Failure('invalid', problems.join('; '));
  const mode = message.accessMode?.mode as AccessMode;
  if (message.block) return { access: 'block', mode };
  return {
    access: 'mount',
    mode,
    filesystem: (message.mount?.fsType || defaultFilesystem) as FilesystemType,
    mountFlags: parseMountFlags(message.mount?.mountFlags ?? []),
  };
}

/**
 * Splits flags as mount(8) does, so that an existing mount compares equal: a flag may be a list, a comma within quotes does not separate
 * (SELinux contexts have some), and the last of `ro` and `rw` counts.
 */
function parseMountFlags(flags: readonly string[]): string[] {
  const single = flags.flatMap((flag) => flag.match(/(?:"[^"]*"|[^",])+/g) ?? []);
  const last = single.findLastIndex(isWriteFlag);
  return single.filter((flag, index) => !isWriteFlag(flag) || index === last);
}

function isWriteFlag(flag: string): boolean {
  return flag === 'ro' || flag === 'rw';
}

/** Whether a second pod of this node may use the volume at the same time. */
export function allowsSeveralTargets(mode: AccessMode): boolean {
  return mode === 'SINGLE_NODE_MULTI_WRITER' || mode === 'SINGLE_NODE_READER_ONLY';
}
