#!/usr/bin/env bash
# Measures training on this machine's GPU in at most ten minutes, part by part, the most telling first; prints a table, and leaves results.jsonl (each line as
# soon as it is measured) and results.json.
#   bench/gpu/run.sh [--cpu] [--native DIR] [--app DIR] [--out DIR] [--seconds N]
# --cpu      everything with toy sizes on a processor
# --native   where libLibTorchSharp.so lies; default: beside the benchmark
# --app      the benchmark, as bench/gpu/pack.sh makes it; default: bench/gpu/app, else what 'dotnet build bench/Gpu' made
# --out      where results go; default: $OUT, else a new folder
# --seconds  for all parts together; default: 580
set -uo pipefail

started=$SECONDS
here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
cpu="" native="" app="" out="${OUT:-}" seconds=580
while [ $# -gt 0 ]; do
    case $1 in
        --cpu) cpu=--cpu ;;
        --native | --app | --out | --seconds)
            [ $# -gt 1 ] || { echo "run.sh: $1 wants a value." >&2; exit 2; }
            case $1 in --native) native=$2 ;; --app) app=$2 ;; --out) out=$2 ;; --seconds) seconds=$2 ;; esac
            shift ;;
        *) echo "run.sh: '$1' is no option; expected --cpu, --native DIR, --app DIR, --out DIR or --seconds N." >&2; exit 2 ;;
    esac
    shift
done

built=$here/../../artifacts/bin/Slowrun.Gpu/release
[ -n "$app" ] || { [ -x "$here/app/Slowrun.Gpu" ] && [ -z "$cpu" ] && app=$here/app || app=$built; }
program=$app/Slowrun.Gpu
[ -x "$program" ] || { echo "run.sh: '$program' is not there. On a machine with .NET, bench/gpu/pack.sh makes bench/gpu/app, and 'dotnet build bench/Gpu' what --cpu runs." >&2; exit 2; }
[ -n "$out" ] || out=$(mktemp -d)
mkdir -p "$out"
results=$out/results.jsonl
: >"$results"

# note NAME WHY: that a part has no result.
note() { printf '{"part":"cut","name":"%s","why":"%s"}\n' "$1" "$2" | tee -a "$results"; }

# libtorch: beside the benchmark, else PyTorch's, with the CUDA libraries that pip puts beside it.
python=$(command -v python3 || command -v python || true)
torch=$([ -n "$python" ] && timeout 60 "$python" -c 'import os, torch; print(os.path.dirname(torch.__file__))' 2>/dev/null || true)
if [ ! -e "$app/libtorch_cpu.so" ]; then
    [ -n "$torch" ] || { echo "run.sh: neither '$app' nor Python brings libtorch ('import torch' fails). Install PyTorch, or give --app a folder with libtorch." >&2; exit 2; }
    libraries=$torch/lib
    for folder in "$torch"/../nvidia/*/lib; do [ -d "$folder" ] && libraries=$libraries:$folder; done
    export LD_LIBRARY_PATH=${native:+$native:}$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
fi
if [ -n "$native" ]; then
    [ -e "$native/libLibTorchSharp.so" ] || { echo "run.sh: --native '$native' has no libLibTorchSharp.so." >&2; exit 2; }
    # Found beside the program first: a copy of the program's folder has the wanted one.
    [ -e "$app/libLibTorchSharp.so" ] && { cp -r "$app" "$out/app" && cp "$native/libLibTorchSharp.so" "$out/app/" && program=$out/app/Slowrun.Gpu; }
fi

# What pip or a toolchain made for newer processors need not matter here; what must be the same in every process is set in every process.
export DOTNET_gcServer=0 CUBLAS_WORKSPACE_CONFIG=:4096:8
if [ -z "$cpu" ]; then
    timeout 20 nvidia-smi --query-gpu=name,memory.total,driver_version,clocks.max.sm --format=csv,noheader ||
        echo "nvidia-smi does not answer: without a driver every part of the benchmark fails, and says so."
    cc=$(command -v gcc || command -v cc || true)
    if [ -n "$cc" ] && "$cc" -shared -fPIC -O2 -o "$out/count.so" "$here/count.c" -ldl; then
        export SLOWRUN_COUNT=$out/count.so
    else
        note counts "launches, waits and copies are not counted: no C compiler, or it failed"
    fi
fi
[ -n "$torch" ] || echo "Python has no PyTorch: nothing is compared with it."

left() { echo $((seconds - (SECONDS - started))); }

# part NAME LIMIT COMMAND…: at most LIMIT seconds, and never more than are left; all that are left on a processor, which may do much else.
part() {
    local name=$1 limit=$2 from=$SECONDS
    shift 2
    [ -z "$cpu" ] && [ "$(left)" -ge "$limit" ] || limit=$(left)
    [ "$limit" -gt 5 ] || { note "$name" "no time was left"; return 1; }
    local found status
    found=$(timeout --kill-after=5 "$limit" "$@" 2>"$out/$name.err")
    status=$?
    printf '%s\n' "$found" | grep '^{' | tee -a "$results"
    if [ $status -eq 124 ] || [ $status -eq 137 ]; then
        note "$name" "cut after $limit s"
    elif [ $status -ne 0 ]; then
        note "$name" "failed with $status: $(tail -n 1 "$out/$name.err" | tr -d '"\\' | cut -c1-200)"
    fi
    echo "# $name: $((SECONDS - from)) s, $(left) s left"
    return $status
}

counted() { LD_PRELOAD=${SLOWRUN_COUNT:-} "$program" "$@"; }
export -f counted 2>/dev/null
export program

# step SIZE [--kernels]: composed of libtorch's operations, or by kernels of our own.
step() { part "${2:+kernel-}step-$1" 60 bash -c 'counted "$@"' _ step "$@" $cpu; }

reference() {
    [ -n "$torch" ] || { note "reference-$1" "no PyTorch is installed"; return; }
    "$program" config "$1" $cpu >"$out/$1.config.json" 2>"$out/$1.config.err" || { note "reference-$1" "its size could not be written"; return; }
    part "reference-$1" "$2" "$python" "$here/reference.py" "$out/$1.config.json" $cpu
}

# Exported models, read by the library that they are for; on a processor, wherever it is.
transformers() {
    [ -n "$torch" ] && timeout 60 "$python" -c 'import transformers' 2>/dev/null || { note transformers "Python has no transformers with PyTorch"; return; }
    "$program" exports "$out/exports" --cpu >"$out/exports.out" 2>"$out/exports.err" || { note transformers "the folders could not be written"; return; }
    part transformers 60 env CUDA_VISIBLE_DEVICES= HF_HUB_OFFLINE=1 HF_HOME="$out/hub" "$python" "$here/transformers_check.py" "$out/exports"
}

# The training is killed when it has committed, and another process goes on from what it left.
killed() {
    local file=$out/state.bin told=$out/train.out limit
    limit=$(left)
    [ -n "$cpu" ] || [ "$limit" -le 60 ] || limit=60
    [ "$limit" -gt 5 ] || { note resume "no time was left"; return; }
    : >"$told"
    "$program" train "$file" $cpu >"$told" 2>"$out/train.err" &
    local job=$! from=$SECONDS
    until grep -q committed "$told" || [ $((SECONDS - from)) -ge "$limit" ] || ! kill -0 $job 2>/dev/null; do sleep 0.05; done
    kill -KILL $job 2>/dev/null
    wait $job 2>/dev/null
    [ -e "$file" ] || { note resume "the training that was to be killed committed nothing: $(tail -n 1 "$out/train.err" | tr -d '"\\' | cut -c1-200)"; return; }
    part resume 60 "$program" resume "$file" $cpu
    rm -f "$file"
}

part ceilings 40 "$program" ceilings $cpu
step 10x-plain
part hash 40 "$program" hash $cpu
part hash-again 40 "$program" hash $cpu
killed
part workers 60 "$program" workers $cpu
byKernels=""
if part kernels 120 "$program" kernels $cpu && ! grep -q '"part":"kernels".*"why"' "$results"; then
    byKernels=--kernels
    step 10x-plain --kernels
    part kernel-hash 40 "$program" hash --kernels $cpu
    part kernel-hash-again 40 "$program" hash --kernels $cpu
    part kernel-workers 60 "$program" workers --kernels $cpu
fi
part weights 40 "$program" weights $cpu
part gradients 40 "$program" gradients $cpu
reference 10x-plain 75
step 10x-taught
[ -z "$byKernels" ] || step 10x-taught --kernels
part capture 60 "$program" capture $cpu
step 15m
for size in 10x-looped 1h snapshots; do step $size; done
transformers
for size in 15m 10x-taught 1h 10x-looped snapshots; do reference $size 90; done

echo
"$program" table "$results" | tee "$out/table.txt"
status=${PIPESTATUS[0]}
echo "results: $results"
exit "$status"
