#!/bin/bash
# First process of a guest's PID and mount namespaces: puts together what the guest sees and becomes its kernel.
# Every mount is made on folders of the image, in this namespace alone, so it ends with the guest and no folder that is
# ever removed has anything of the host below it.
# From the environment: BASE, LAYER, STATE (upper/, work/, disks), SHARES (lines INDEX:MODE:FOLDER), CMDLINE.
set -eu
mount --make-rprivate /
exec >>"$STATE/console.log" 2>&1
mount -t proc proc /proc
mount --rbind /dev "$BASE/dev"
mount --bind /proc "$BASE/proc"
mount --bind "$STATE" "$BASE/lab/self"
mount -t overlay -o "lowerdir=$LAYER:$BASE,upperdir=$STATE/upper,workdir=$STATE/work" overlay "$BASE/lab/root"
mount -t tmpfs tmpfs "$BASE/lab/share"
while IFS=: read -r index mode folder; do
	[ -n "$index" ] || continue
	mkdir "$BASE/lab/share/$index"
	mount --bind "$folder" "$BASE/lab/share/$index"
	[ "$mode" = rw ] || mount -o remount,bind,ro "$BASE/lab/share/$index"
done <<<"$SHARES"
# Not exec: bash stays the first process and reaps what the guest's kernel leaves.
# shellcheck disable=SC2086 # the command line is words
chroot "$BASE" env -i TMPDIR=/dev/shm HOME=/root /usr/bin/linux.uml $CMDLINE </dev/null
