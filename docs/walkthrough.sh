#!/usr/bin/env bash
# Prints docs/walkthrough.md: the text below, commands, and their present output, in a temporary folder that is deleted afterwards.
#   docs/walkthrough.sh > docs/walkthrough.md
# SLOWRUN names the program; default: ./slowrun of this repository. A test carries this script out and compares.
set -uo pipefail

root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
program=${SLOWRUN:-$root/slowrun}
folder=$(mktemp -d)
cd "$folder" || exit 1
export SLOWRUN_STORE=store NO_COLOR=1

# Not a function: a silo in the background is then the shell's own child, and what it starts is that one's.
# Where sources changed it builds first, and says so: not in the middle of the transcript.
"$program" --version >version 2>&1 || { cat version >&2; exit 1; }
mkdir bin
printf '#!/bin/sh\nexec "%s" "$@"\n' "$program" >bin/slowrun
chmod +x bin/slowrun
PATH=$folder/bin:$PATH

leave() {
    # Silos that still serve; stopped, not killed, since their runs are not needed any more.
    local pids
    pids=$(jobs -p)
    [[ -n $pids ]] && kill $pids 2>/dev/null
    wait
    rm -rf "$folder"
}
trap leave EXIT

# Shows a command and what it answers, with the folder's name as a reader would have it; the test expects the same answer, but for figures.
show() { block console "$1"; }

# Likewise, of something that goes on meanwhile: the test expects an answer.
show_live() { block "console live" "$1"; }

block() {
    local status
    printf '\n```%s\n$ %s\n' "$1" "$2"
    eval "$2" >answer 2>&1
    status=$?
    sed -e "s|$folder|/home/ada|g" answer
    ((status == 0)) || printf '(exit code %s)\n' "$status"
    printf '```\n'
}

# Waits, without a word, until the silo of that name looks for work.
until_serves() {
    local tries
    for ((tries = 0; tries < 3000; tries++)); do
        grep -qs 'Serving with slots' "$1.log" && return
        sleep 0.2
    done
    echo "walkthrough: silo '$1' never served; its log:" >&2
    tail -n 20 "$1.log" >&2
    exit 1
}

# Waits, without a word, until the silo of that name trains a stage and has made some of it durable; ten minutes at most.
until_trains() {
    local tries root
    for ((tries = 0; tries < 3000; tries++)); do
        for root in store/runs/novel/chain*/stage*/root; do
            grep -qs "\"siloName\":\"$1\"" "$root" && grep -qs '"current":{' "$root" && return
        done
        sleep 0.2
    done
    echo "walkthrough: silo '$1' never trained; its log:" >&2
    tail -n 20 "$1.log" >&2
    exit 1
}

say() { printf '\n%s\n' "$1"; }

ln -s "$root" slowrun
cat >novel.yaml <<'YAML'
extends: tiny              # some seconds a stage
recipe:
  stage:
    epochs: 5
  chains:                  # two chains, each stage taught by the one before it
    - stages: 3
    - stages: 3
YAML

cat <<'MD'
# A walk through Slowrun

Everything that one does with a run, on one machine in about a minute: text to tokens, a spec, two silos that share the work, one of them killed, results. It is a
transcript: `docs/walkthrough.sh > docs/walkthrough.md` makes it anew, and a test carries the script out and compares. `SLOWRUN_STORE=store` is set throughout, so no command
needs `--store`.

## Data
Pages of this documentation, as bytes; `slowrun` is a clone of this repository, or a link to one. Validation is taken first, then fitness, then training.
MD
show "mkdir text && cp slowrun/docs/decisions/00{06..17}-*.md text/"
show "slowrun data prepare --input 'text/*.md' --tokenizer bytes --val-tokens 4096 --fitness-tokens 2048 --train-tokens 8448 --out data"
show "slowrun data show data --documents 0"

say "## Spec
A preset, and what is different about it."
show "cat novel.yaml"
show "slowrun spec validate novel.yaml"
say "A misspelt field is named, with what was probably meant:"
show "slowrun spec validate novel.yaml --set evaluation.row=16"
show "slowrun spec diff tiny novel.yaml"

say "## A run, and two silos
The run is a document in the store. No silo is needed for it."
show "slowrun submit novel.yaml --data data"
show "slowrun status novel"
# One silo may start much later than the other, on a busy machine when the run is over: until both are there, nothing begins.
slowrun pause novel >/dev/null 2>&1
say "Silos find it by the store alone; on one machine or on many."
show "slowrun silo --name east --slots cpu:1 >east.log 2>&1 &"
east=$!
show "slowrun silo --name west --slots cpu:1 >west.log 2>&1 &"
until_serves east
until_serves west
slowrun resume novel >/dev/null 2>&1
until_trains east
until_trains west
show_live "slowrun status novel"

say "## One is killed
\`kill -9\` of the process that trains, as a spot machine would go: no release, nothing saved. Steps that it had not committed are trained again by a free silo."
victim=$(cat /proc/"$east"/task/*/children)
show "kill -9 ${victim// /}   # east's process"
show_live "slowrun status novel"
show_live "slowrun explain novel"
say "West is at its own chain; the orphaned one goes to the next free slot, here that of a new silo:"
show "slowrun silo --name north --slots cpu:1 >north.log 2>&1 &"
show_live "slowrun status novel --watch | tail -n 8"
show_live "slowrun events novel | grep -E 'east|lost'"

say "## What came out
Losses are nats per token on validation text. The killed run's bytes are those of a run that nothing happened to."
show_live "slowrun status novel"
show "slowrun lineage novel"
show_live "slowrun goodput novel"
show "slowrun plot novel -o loss.png && ls loss.png"
show_live "slowrun checkpoints verify novel"

say "## Ensemble
The mixture of all members, and of a subset: sums over stored predictions, no model runs."
show "slowrun ensemble novel"
show "slowrun ensemble novel --members chain0/stage2,chain1/stage2"

say "## Weights and words
Safetensors with upstream's tensor names; text by one member or by the ensemble. (So small a model, after seconds, spells. It does not write.)"
show "slowrun export novel --out weights && ls weights"
show_live "slowrun sample novel --ensemble --prompt 'A stage ' --tokens 60 --seed 7"

say "## One model to deploy
The whole ensemble teaches a single model, in a separate run."
show_live "slowrun distill novel --into tiny --set stage.epochs=5"
show "slowrun list"
show "slowrun export novel-distilled --out deployed && ls deployed"
