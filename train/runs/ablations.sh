#!/usr/bin/env bash
# The ablations, each a run of its own with the same small budget: STEPS steps of 8 questions (400 are about a million tokens).
# Each row leaves RUNS/NAME/adapter.safetensors, and what it finds in RUNS/NAME/ablation.json; `python -m train.ablate RUNS/*
# --questions 120 --passages 6000` puts them into one table. What is done is skipped.
# Usage: train/runs/ablations.sh RUNS [STEPS] [NAME …]     (no name: those for a CPU; `gpu` adds the rest)
set -euo pipefail
cd "$(dirname "$0")/../.."
runs=$1 steps=${2:-400}
shift $(($# < 2 ? $# : 2))
python=${PYTHON:-python3}
trajectories=${TRAJECTORIES:-.latentask/train/trajectories}
train=${TRAIN:---compile} ask=${ASK:-}   # on a card: TRAIN="--device cuda --bf16 --workers 1" ASK="--device cuda"
declare -A row=(
    [main-0]="--seed 0" [main-1]="--seed 1" [main-2]="--seed 2"
    [cosine]="--retrieval cosine" [infonce]="--retrieval infonce"
    [fresh-retriever]="--fresh-retriever true" [no-decoding]="--w-decode 0"
    [no-copy-head]="--copy-head false" [no-anchor]="--anchor false --projector-std 0.02"
    [think-1]="--think 1" [query-4]="--query 4" [frozen-retriever]="--lr-retriever 0"
    [think-8]="--think 8" [query-1]="--query 1" [no-misses]="--miss-share 0" [annotated-only]="--shares hotpotqa=3,2wiki=2,musique=3"
    [weak-teacher]="--weak-teacher 0.5"
)
small="main-0 main-1 main-2 cosine infonce fresh-retriever no-decoding no-copy-head no-anchor think-1 query-4 frozen-retriever"
[ $# -eq 0 ] && set -- $small
[ "$1" = gpu ] && set -- $small think-8 query-1 no-misses annotated-only weak-teacher
failed=0
for name in "$@"; do
    # shellcheck disable=SC2086
    [ -e "$runs/$name/done" ] ||
        "$python" -m train.train --trajectories "$trajectories" --out "$runs/$name" --run "$name" --steps "$steps" $train ${row[$name]} ||
        { failed=1; continue; }
    touch "$runs/$name/done"
    # shellcheck disable=SC2086
    "$python" -m train.ablate "$runs/$name" --questions 120 --passages 6000 $ask || failed=1
done
exit $failed
