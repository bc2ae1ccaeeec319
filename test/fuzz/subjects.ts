import type { NodeName } from '../../src/domain/ids.ts';
import { groupSnapshotNames, lvNameFor, snapshotLvNameFor } from '../../src/lvm/names.ts';

/** The node whose storage and mounts are compared. */
export const victim = 'n1';
/** The node that a hostile peer is. */
export const evil = 'evil';
export const driver = 'lvm.quarry.csi';

/** CSI allows each of these names. */
export const names: readonly string[] = [
  'pvc-0',
  'pvc-1',
  'pvc-2',
  'pvc-3',
  'with blanks',
  '../../../etc/cron.d/volume',
  '$(touch fuzz-file)',
  '-f',
  '__proto__',
  '\u{1f4a5} \u{1f4a5}',
  'x'.repeat(128),
  'thin-0',
  'thin-1',
  'thick-0',
  'copy-0',
];
/** Of volumes that may be made on any node. */
export const farNames: readonly string[] = ['far-0', 'far-1', 'far-2'];

export const ids: readonly string[] = names.map((name) => `${victim}:${lvNameFor(name)}`);
/** The first is of a thin volume, the second of a thick one. */
export const snapshotNames: readonly string[] = ['snapshot-thin', 'snapshot-thick', 'snapshot-0', '../snap', '-f'];
export const snapshots: readonly string[] = snapshotNames.map((name) => `${victim}:${snapshotLvNameFor(name)}`);
export const groupNames: readonly string[] = ['groupsnapshot-0', '$(touch fuzz-group)'];
export const groups: readonly string[] = groupNames.map((name) => groupSnapshotNames(victim as NodeName, name).id);
export const farIds: readonly string[] = farNames.flatMap((name) => [`${evil}:${name}`, `n2:${name}`]);
export const stagings: readonly string[] = [0, 1, 2, 3, 4].map((number) => `/kubelet/staging/${number}/globalmount`);
export const targets: readonly string[] = [0, 1, 2, 3, 4, 5].map((number) => `/kubelet/pods/${number}/mount`);
