#!/bin/bash
# Mounts the node's own disk, whose data containerd and kubelet share, and starts containerd.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
export PATH=/runtime/usr/bin:/runtime/usr/sbin:$PATH
mkdir -p /data
# Overlay mounts, which containers live on, need a filesystem that hostfs is not.
[ -n "$(blkid -s TYPE -o value /dev/ubda)" ] || mkfs.ext4 -q /dev/ubda
mount -o noatime /dev/ubda /data
for folder in /var/lib/containerd /var/lib/kubelet /var/log/pods; do
	mkdir -p "/data$folder" "$folder"
	mount --bind "/data$folder" "$folder"
done
mkdir -p /etc/cni/net.d /var/log/containers
modprobe -a overlay veth bridge br_netfilter dm-thin-pool 2>/dev/null || true
setsid containerd --config "$here/containerd.toml" </dev/null >>/data/containerd.log 2>&1 &
until ctr version >/dev/null 2>&1; do sleep 0.05; done
