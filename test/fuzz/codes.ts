import type { status } from '@grpc/grpc-js';

type Code = keyof typeof status;

/** What CSI lets each call answer, apart from OK and INVALID_ARGUMENT; the sidecars know what to do for each of these. */
const byMethod: Readonly<Record<string, readonly Code[]>> = {
  'csi.v1.Identity/GetPluginInfo': [],
  'csi.v1.Identity/GetPluginCapabilities': [],
  'csi.v1.Identity/Probe': [],
  'csi.v1.Controller/CreateVolume': [
    'NOT_FOUND',
    'ALREADY_EXISTS',
    'RESOURCE_EXHAUSTED',
    'OUT_OF_RANGE',
    'UNIMPLEMENTED',
    'ABORTED',
    'UNAVAILABLE',
  ],
  'csi.v1.Controller/DeleteVolume': ['FAILED_PRECONDITION', 'ABORTED', 'UNAVAILABLE'],
  'csi.v1.Controller/ControllerExpandVolume': [
    'NOT_FOUND',
    'OUT_OF_RANGE',
    'RESOURCE_EXHAUSTED',
    'FAILED_PRECONDITION',
    'ABORTED',
    'UNAVAILABLE',
  ],
  'csi.v1.Controller/ControllerModifyVolume': ['NOT_FOUND', 'RESOURCE_EXHAUSTED', 'ABORTED', 'UNAVAILABLE'],
  'csi.v1.Controller/ControllerGetVolume': ['NOT_FOUND', 'ABORTED', 'UNAVAILABLE'],
  'csi.v1.Controller/ValidateVolumeCapabilities': ['NOT_FOUND', 'ABORTED', 'UNAVAILABLE'],
  'csi.v1.Controller/ListVolumes': ['ABORTED'],
  'csi.v1.Controller/CreateSnapshot': [
    'NOT_FOUND',
    'ALREADY_EXISTS',
    'RESOURCE_EXHAUSTED',
    'UNIMPLEMENTED',
    'ABORTED',
    'UNAVAILABLE',
  ],
  'csi.v1.Controller/DeleteSnapshot': ['FAILED_PRECONDITION', 'ABORTED', 'UNAVAILABLE'],
  'csi.v1.Controller/GetSnapshot': ['NOT_FOUND', 'ABORTED', 'UNAVAILABLE'],
  'csi.v1.Controller/ListSnapshots': ['ABORTED'],
  'csi.v1.GroupController/GroupControllerGetCapabilities': [],
  'csi.v1.GroupController/CreateVolumeGroupSnapshot': [
    'NOT_FOUND',
    'ALREADY_EXISTS',
    'RESOURCE_EXHAUSTED',
    'FAILED_PRECONDITION',
    'ABORTED',
    'UNAVAILABLE',
  ],
  'csi.v1.GroupController/DeleteVolumeGroupSnapshot': ['FAILED_PRECONDITION', 'ABORTED', 'UNAVAILABLE'],
  'csi.v1.GroupController/GetVolumeGroupSnapshot': ['NOT_FOUND', 'ABORTED', 'UNAVAILABLE'],
  'csi.v1.Controller/ControllerGetVolumeHealth': ['NOT_FOUND', 'ABORTED', 'UNAVAILABLE'],
  'csi.v1.Controller/ControllerListVolumeHealth': ['ABORTED'],
  'csi.v1.Node/NodeGetVolumeHealth': ['NOT_FOUND', 'UNAVAILABLE'],
  'csi.v1.Node/NodeGetStorageHealth': [],
  'csi.v1.Controller/GetCapacity': [],
  'csi.v1.Controller/ControllerGetCapabilities': [],
  'csi.v1.SnapshotMetadata/GetMetadataAllocated': ['NOT_FOUND', 'OUT_OF_RANGE', 'FAILED_PRECONDITION', 'UNAVAILABLE'],
  'csi.v1.SnapshotMetadata/GetMetadataDelta': ['NOT_FOUND', 'OUT_OF_RANGE', 'FAILED_PRECONDITION', 'UNAVAILABLE'],
  // UNAVAILABLE: another call took the device or the path away meanwhile.
  'csi.v1.Node/NodeStageVolume': ['NOT_FOUND', 'ALREADY_EXISTS', 'FAILED_PRECONDITION', 'ABORTED', 'UNAVAILABLE'],
  'csi.v1.Node/NodePublishVolume': ['NOT_FOUND', 'ALREADY_EXISTS', 'FAILED_PRECONDITION', 'ABORTED', 'UNAVAILABLE'],
  'csi.v1.Node/NodeUnstageVolume': ['FAILED_PRECONDITION', 'ABORTED', 'UNAVAILABLE'],
  'csi.v1.Node/NodeUnpublishVolume': ['ABORTED', 'UNAVAILABLE'],
  'csi.v1.Node/NodeGetVolumeStats': ['NOT_FOUND', 'UNAVAILABLE'],
  'csi.v1.Node/NodeExpandVolume': ['NOT_FOUND', 'OUT_OF_RANGE', 'FAILED_PRECONDITION', 'ABORTED', 'UNAVAILABLE'],
  'csi.v1.Node/NodeGetInfo': [],
  'csi.v1.Node/NodeGetCapabilities': [],
  'quarry.admin.v1.Admin/ListQos': [],
  'quarry.admin.v1.Admin/ListJobs': [],
  'quarry.admin.v1.Admin/ListHung': [],
  'quarry.admin.v1.Admin/Rescan': [],
  'quarry.admin.v1.Admin/ListNodes': ['ABORTED'],
  'quarry.admin.v1.Admin/ListVolumes': ['ABORTED'],
  'quarry.admin.v1.Admin/ListSnapshots': ['ABORTED'],
  'quarry.admin.v1.Admin/ListReportedJobs': ['ABORTED'],
  'quarry.admin.v1.Admin/ListClaims': [],
  'quarry.admin.v1.Admin/ListOrphans': ['UNAVAILABLE'],
  'quarry.admin.v1.Admin/RetainOrphan': ['NOT_FOUND', 'FAILED_PRECONDITION', 'ABORTED', 'UNAVAILABLE'],
  'quarry.admin.v1.Admin/DeleteOrphan': ['NOT_FOUND', 'FAILED_PRECONDITION', 'ABORTED', 'UNAVAILABLE'],
  'quarry.admin.v1.Admin/EvacuateDisk': [
    'NOT_FOUND',
    'FAILED_PRECONDITION',
    'RESOURCE_EXHAUSTED',
    'ABORTED',
    'UNAVAILABLE',
  ],
  'quarry.admin.v1.Admin/GiveUpDisk': ['NOT_FOUND', 'FAILED_PRECONDITION', 'ABORTED', 'UNAVAILABLE'],
  'quarry.admin.v1.Admin/KeepDisk': ['NOT_FOUND', 'ABORTED', 'UNAVAILABLE'],
  'quarry.admin.v1.Admin/RemoveDisk': ['NOT_FOUND', 'FAILED_PRECONDITION', 'ABORTED', 'UNAVAILABLE'],
  'pluginregistration.Registration/GetInfo': [],
  'pluginregistration.Registration/NotifyRegistrationStatus': [],
};

const ofDefects: readonly Code[] = ['INTERNAL', 'UNKNOWN', 'DATA_LOSS'];

/**
 * Whether the driver may answer so. A call that it does not offer is UNIMPLEMENTED. Where another node is asked, that node chooses the
 * code (`far`), and only those of a defect are wrong.
 */
export function isAllowed(path: string, code: string, far: boolean): boolean {
  if (far) return !ofDefects.some((one) => one === code);
  const method = path.slice(1);
  const own = Object.hasOwn(byMethod, method) ? byMethod[method] : undefined;
  if (!own) return code === 'UNIMPLEMENTED';
  return code === 'OK' || code === 'INVALID_ARGUMENT' || own.some((one) => one === code);
}

/** Whether the driver offers the call. */
export function isOffered(path: string): boolean {
  return Object.hasOwn(byMethod, path.slice(1));
}

/** The kinds that a node may answer a controller with: all but that of an error that is no Failure. */
export function isAllowedKind(kind: string | number): boolean {
  return typeof kind === 'string' && kind !== 'UNKNOWN';
}
