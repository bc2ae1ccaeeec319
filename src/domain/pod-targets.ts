/** A pod's UID with "-", also if kubelet writes it with "_". */
export type PodUid = string;

const filesystemTarget = /^(.*\/pods)\/([^/]+)\/volumes\/kubernetes\.io~csi\/[^/]+\/mount$/;
const blockTarget = /\/volumeDevices\/publish\/[^/]+\/([^/]+)$/;

/**
 * The pod in a target path: `…/pods/<uid>/volumes/kubernetes.io~csi/<pv>/mount` for a filesystem,
 * `…/volumeDevices/publish/<pv>/<uid>` for a raw block device, under any root. `undefined`: not one of kubelet's paths.
 */
export function podOfTarget(target: string): PodUid | undefined {
  return filesystemTarget.exec(target)?.[2] ?? blockTarget.exec(target)?.[1];
}

/** Kubelet's folders above the target path of a filesystem. */
export interface PodFolders {
  /** Of all pods. */
  readonly pods: string;
  /** Of this volume in its pod. Kubelet makes it before it publishes the volume, and removes it only after it has unpublished it. */
  readonly volume: string;
}

/** `undefined`: not kubelet's path of a filesystem. */
export function podFoldersOf(target: string): PodFolders | undefined {
  const pods = filesystemTarget.exec(target)?.[1];
  return pods === undefined ? undefined : { pods, volume: target.slice(0, target.lastIndexOf('/')) };
}
