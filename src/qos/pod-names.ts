/** A pod's UID with "-", however kubelet wrote it. */
export type PodUid = string;

/**
 * The pod that kubelet publishes a volume to, by the target path: `…/pods/<uid>/volumes/kubernetes.io~csi/<pv>/mount` for a
 * filesystem, `…/volumeDevices/publish/<pv>/<uid>` for a raw block device, under any root. `undefined`: not kubelet's.
 */
export function podOfTarget(target: string): PodUid | undefined {
  const filesystem = /\/pods\/([^/]+)\/volumes\/kubernetes\.io~csi\/[^/]+\/mount$/.exec(target);
  const block = /\/volumeDevices\/publish\/[^/]+\/([^/]+)$/.exec(target);
  return filesystem?.[1] ?? block?.[1];
}

/**
 * The pod of a cgroup, by its name: `pod<uid>` of kubelet's driver cgroupfs, `…-pod<uid>.slice` of systemd, which has "_" for
 * each "-" of the UID, since "-" separates its levels.
 */
export function podOfCgroup(name: string): PodUid | undefined {
  const systemd = /-pod([^-]+)\.slice$/.exec(name)?.[1]?.replaceAll('_', '-');
  return systemd ?? /^pod(.+?)$/.exec(name)?.[1];
}

/** The cgroup of all pods; a custom cgroup root prefixes it under systemd. */
export function isPodsRoot(name: string): boolean {
  return /^(?:kubepods|(?:.+-)?kubepods\.slice)$/.test(name);
}

/** The cgroups between that and the pods of the two lower classes. */
export function isClassFolder(name: string): boolean {
  return /^(?:burstable|besteffort|.*kubepods-(?:burstable|besteffort)\.slice)$/.test(name);
}
