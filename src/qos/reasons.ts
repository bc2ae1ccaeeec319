/** Why a limit is not in force: what is wrong, and what to do. A closed set, for metrics and for those who read them. */
export const reasons = {
  'unknown-pod':
    'the target is no path of a kubelet, so that nobody knows which pod uses the volume; publish it below the kubelet directory',
  'no-pod-cgroup':
    'the cgroup of the pod does not exist yet; it is watched for. If it never comes, set qos.cgroupRoot to the cgroup root of the kubelet',
  'no-cgroup-filesystem':
    'no cgroup filesystem with I/O limits is mounted; mount /sys/fs/cgroup of the host into the driver, and set qos.cgroupMount to where',
  'no-io-controller':
    'the io controller is not enabled for the cgroup of the pod and could not be; look into cgroup.controllers and cgroup.subtree_control of the cgroups above it',
  'cgroup-read-only':
    'the cgroup filesystem cannot be written to; mount it for writing into the driver, which has to be privileged',
  'write-refused': "the kernel refused the limit; its log and the driver's say more",
  'not-read-back':
    'the kernel shows another limit than the one that was written; something else may be writing to the same file',
  unexamined: 'the mounts or the cgroups of this node could not be read; the log of the driver says why',
} as const satisfies Record<string, string>;

export type Reason = keyof typeof reasons;
