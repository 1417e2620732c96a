#!/usr/bin/env bash
# All that a card is wanted for, where it is lent by the minute:
# - the bundle: a released adapter's loop is asked the training questions (train.walks); FIRST minutes from that adapter, half of the
#   examples on what it found; then the new one's loop is asked; then SECOND minutes on that, and THIRD with more to put into words;
# - its explicit twin, from the same adapter and on the same questions and walks as the first stage, for as long;
# - the ablations, in four lanes, all at the same time, and their table.
# What is done is skipped, and a stage that was cut off goes on from its last 50 steps.
# Usage: train/runs/lease.sh RUNS FROM [FIRST] [SECOND] [THIRD]     FROM: a released adapter's folder, bundles/NAME
set -euo pipefail
cd "$(dirname "$0")/../.."
runs=$1 from=$2 first=${3:-4} second=${4:-3} third=${5:-2}
python=${PYTHON:-python3}
trajectories=${TRAJECTORIES:-.latentask/train/trajectories}
recipe="--checkpoint-every 50 --micro 24 --workers 2 --warmup 30 --passage-tokens 80 --hide-share 0.08 --miss-share 0.25
    --shares hotpotqa=3,2wiki=2.5,musique=3.5,single=1,wiki=2,pages=2.5,written=2 --answer-share 0.6 --w-action 0.6 --w-answer 0.5"
latent="$recipe --tell-with-question true --decode-share 0.4 --w-decode 0.5 --w-support 0.5 --w-pointer 0.3"
mkdir -p "$runs"

once() { # NAME COMMAND…: its output in RUNS/NAME.log. What fails is tried twice more: a training run goes on from its checkpoint
    [ -e "$runs/$1.done" ] && return
    for _ in 1 2 3; do
        "${@:2}" >> "$runs/$1.log" 2>&1 && { touch "$runs/$1.done"; return; }
        tail -n 5 "$runs/$1.log" >&2
        sleep 2
    done
    echo "lease.sh: $1 failed" >&2
    return 1
}

ask() { # NAME ADAPTER SEED: what the adapter's own loop finds, in RUNS/NAME; what there is after two minutes is enough
    [ -e "$runs/$1.done" ] && return
    local rc=0
    timeout 120 "$python" -m train.walks --adapter "$2" --device cuda --trajectories "$trajectories" --out "$runs/$1" \
        --count 6000 --seed "$3" --processes 6 >> "$runs/$1.log" 2>&1 || rc=$?
    if [ $rc -ne 0 ] && ! { [ $rc -eq 124 ] && [ -s "$runs/$1/walks.jsonl" ]; }; then
        tail -n 5 "$runs/$1.log" >&2
        echo "lease.sh: $1 failed" >&2
        return 1
    fi
    touch "$runs/$1.done"
}

bundle() {
    # shellcheck disable=SC2086
    once first train/runs/gpu.sh "$runs/first" 1000000 --from "$from" --minutes "$first" --seed 21 $latent \
        --walks "$runs/asked" --walk-share 0.5 || return
    ask asked-again "$runs/first" 1 || return
    # shellcheck disable=SC2086
    once second train/runs/gpu.sh "$runs/second" 1000000 --from "$runs/first" --minutes "$second" --seed 22 $latent \
        --walks "$runs/asked-again" --walk-share 0.6 --lr-lora 3e-4 --lr-new 8e-4 --lr-retriever 4e-5 || return
    # shellcheck disable=SC2086
    once third train/runs/gpu.sh "$runs/third" 1000000 --from "$runs/second" --minutes "$third" --seed 23 $latent \
        --walks "$runs/asked-again" --walk-share 0.6 --lr-lora 3e-4 --lr-new 1e-3 --lr-retriever 4e-5 --warmup 15 \
        --decode-share 0.5 --w-decode 0.7
}

twin() {
    # shellcheck disable=SC2086
    once twin train/runs/gpu.sh "$runs/twin" 1000000 --from "$from" --minutes "$first" --seed 21 --explicit true $recipe --micro 16 --w-decode 1 \
        --walks "$runs/asked" --walk-share 0.5
}

ablations() { # NAME…
    TRAIN="--device cuda --bf16 --workers 1 --checkpoint-every 100000" ASK="--device cuda" nice \
        train/runs/ablations.sh "$runs/ablations" 400 "$@" >> "$runs/ablations-$1.log" 2>&1
}

lanes=()
for names in "main-0 cosine no-copy-head think-8 weak-teacher" "main-1 infonce no-anchor query-1" "main-2 fresh-retriever think-1 no-misses" \
    "no-decoding query-4 frozen-retriever annotated-only"; do
    # shellcheck disable=SC2086
    ablations $names & lanes+=($!)
done
failed=0
if ask asked "$from" 0; then
    bundle & lanes+=($!)
    twin & lanes+=($!)
else
    failed=1
fi
for lane in "${lanes[@]}"; do wait "$lane" || failed=1; done
rows=()
for row in "$runs"/ablations/*; do [ -e "$row/done" ] && rows+=("$row") || echo "lease.sh: $row is not done" >&2; done
"$python" -m train.ablate "${rows[@]}" --device cuda --questions 120 --passages 6000 --out "$runs/ablations.json"
exit $failed
