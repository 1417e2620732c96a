#!/usr/bin/env bash
# The ablations, each a run of its own with the same small budget: STEPS steps of 8 questions (0.7 M tokens are about 400).
# Each row leaves RUNS/NAME/adapter.safetensors; `python -m train.ablate` puts them into one table. A finished run is skipped.
# Usage: train/runs/ablations.sh RUNS [STEPS] [NAME …]     (no name: those for a CPU; `gpu` adds the rest)
set -euo pipefail
cd "$(dirname "$0")/../.."
runs=$1 steps=${2:-400}
shift $(($# < 2 ? $# : 2))
python=${PYTHON:-python3}
trajectories=${TRAJECTORIES:-.latentask/train/trajectories}
device=${DEVICE:---compile}   # on a card: DEVICE="--device cuda --bf16 --workers 1"
declare -A row=(
    [main-0]="--seed 0" [main-1]="--seed 1" [main-2]="--seed 2"
    [cosine]="--retrieval cosine" [infonce]="--retrieval infonce"
    [fresh-retriever]="--fresh-retriever true" [no-decoding]="--w-decode 0"
    [no-copy-head]="--copy-head false" [no-anchor]="--anchor false --projector-std 0.02"
    [think-1]="--think 1" [query-4]="--query 4" [frozen-retriever]="--lr-retriever 0"
    [think-8]="--think 8" [query-1]="--query 1" [no-misses]="--miss-share 0" [annotated-only]="--shares hotpotqa=3,2wiki=2,musique=3"
)
small="main-0 main-1 main-2 cosine infonce fresh-retriever no-decoding no-copy-head no-anchor think-1 query-4 frozen-retriever"
[ $# -eq 0 ] && set -- $small
[ "$1" = gpu ] && set -- $small think-8 query-1 no-misses annotated-only
for name in "$@"; do
    [ -e "$runs/$name/done" ] && continue
    # shellcheck disable=SC2086
    "$python" -m train.train --trajectories "$trajectories" --out "$runs/$name" --run "$name" --steps "$steps" $device ${row[$name]}
    touch "$runs/$name/done"
done
