#!/bin/bash
# Makes a guest of the lab a node: NAME POD_RANGE. Can be run again after a boot.
# It sees Debian's containerd at /runtime, Kubernetes' programs at /kubernetes, and what is its own at /etc/kubernetes.
set -euo pipefail
name=$1 range=$2
here=$(dirname "$(readlink -f "$0")")
export PATH=/runtime/usr/bin:/runtime/usr/sbin:$PATH
"$here/containerd.sh"

sed "s|POD_RANGE|$range|" "$here/network.json" >/etc/cni/net.d/10-lab.conflist
# Kubelet wants a clock speed in /proc/cpuinfo, and User Mode Linux has none to tell.
if ! grep -q 'cpu MHz' /proc/cpuinfo; then
	sed 's/^model name.*/&\ncpu MHz\t\t: 2000.000\nphysical id\t: 0\ncore id\t\t: 0/' /proc/cpuinfo >/run/cpuinfo
	mount --bind /run/cpuinfo /proc/cpuinfo
fi
# Kubelet holds a loop device over each raw block volume.
modprobe loop
echo 1 >/proc/sys/net/ipv4/ip_forward
"$here/kubelet.sh" "$name"
