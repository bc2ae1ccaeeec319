#!/bin/bash
# Runs a command on one processor: of those that are allowed, the one with the fewest commands that run so.
# A guest's kernel and each of its programs are processes that take turns, at every system call and every page that is missing. Waking
# the next one costs most of a turn when it sleeps on another processor: on one, a program of a guest starts in half the time.
# Usage: one-processor.sh FOLDER COMMAND...
# A file PROCESSOR.LEVEL of the folder is locked until the command and all that it leaves have ended, however they end.
set -eu
folder=$1
shift
mkdir -p "$folder"
allowed=$(taskset -cp $$)
processors=()
for range in $(tr , ' ' <<<"${allowed##*: }"); do
	mapfile -t -O "${#processors[@]}" processors < <(seq "${range%-*}" "${range#*-}")
done
for ((level = 0; ; level += 1)); do
	for processor in "${processors[@]}"; do
		exec {lock}>"$folder/$processor.$level"
		flock --nonblock "$lock" && exec taskset -c "$processor" "$@"
		exec {lock}>&-
	done
done
