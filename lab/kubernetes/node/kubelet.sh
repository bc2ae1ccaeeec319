#!/bin/bash
# Starts kubelet on a node that has all it needs: NAME. One that runs still is killed first.
set -euo pipefail
name=$1
here=$(dirname "$(readlink -f "$0")")
export PATH=/runtime/usr/bin:/runtime/usr/sbin:$PATH
pkill -KILL -x kubelet || true
while pgrep -x kubelet >/dev/null; do sleep 0.05; done
address=$(ip -4 -oneline addr show eth0 | awk '{ sub("/.*", "", $4); print $4 }')
setsid /kubernetes/kubelet --config="$here/kubelet.yaml" --kubeconfig=/etc/kubernetes/kubeconfig \
	--hostname-override="$name" --node-ip="$address" --v=2 </dev/null >>/data/kubelet.log 2>&1 &
