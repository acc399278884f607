#!/usr/bin/env bash
# Whether `plan --replay` comes near what happens now: carries out a chaos run on this machine, with nothing beside it, and
# holds the replay of its record to docs/plan.md's goal, 10 % of the finish and 5 points of goodput. Some minutes.
#   build/check-replay.sh SLOWRUN [SEED [EPOCHS]]
# SLOWRUN is the client's program; fewer EPOCHS than 130 take less time. Exit code 1: it misses the goal, or the run's bytes differ.
set -euo pipefail

slowrun=$(realpath "${1:?"expected the client's program: build/check-replay.sh SLOWRUN [SEED [EPOCHS]]"}")
seed=${2:-5}
epochs=${3:-130}
[[ -f $slowrun && -x $slowrun ]] || {
    echo "check-replay: '$slowrun' is no program; expected the client's, as client/slowrun of a release." >&2
    exit 1
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Each process that is killed leaves its debugger's sockets there.
mkdir "$work/tmp"
export TMPDIR=$work/tmp

"$slowrun" chaos tiny --store "$work/store" --silos 3 --kills 8 --seed "$seed" --every 14s --mode term kill \
    --set stage.epochs="$epochs" -o json >"$work/chaos.json"
"$slowrun" plan --replay "$work/chaos.json"
"$slowrun" plan --replay "$work/chaos.json" -o json >"$work/replay.json"

miss() { sed -n "s/^.*\"$1\": *\([-+0-9.eE]*\).*$/\1/p" "$work/replay.json"; }
awk -v finish="$(miss finishError)" -v goodput="$(miss goodputError)" '
    function size(x) { return x < 0 ? -x : x }
    BEGIN {
        if (finish == "" || goodput == "") {
            print "check-replay: found no finishError and goodputError in what plan --replay has answered."
            exit 1
        }
        near = size(finish) <= 0.10 && size(goodput) <= 0.05
        printf "check-replay: finish off by %+.1f %% (at most 10), goodput by %+.1f points (at most 5): %s\n",
            100 * finish, 100 * goodput, near ? "near enough" : "TOO FAR"
        exit !near
    }'
