#!/usr/bin/env bash
# All that a card is wanted for: the bundle, for MINUTES; its twin, on the same examples; the ablations, four beside each other; and
# the table of all. What is done is skipped and what was cut off goes on, from the last 50 steps.
# Usage: train/runs/lease.sh RUNS [MINUTES]
set -euo pipefail
cd "$(dirname "$0")/../.."
runs=$1 minutes=${2:-6}
python=${PYTHON:-python3}
recipe="--seed 9 --checkpoint-every 50 --shares hotpotqa=3,2wiki=1.5,musique=2,single=1.5,wiki=3,pages=5 --passage-tokens 80
    --answer-share 0.6 --decode-share 0.12 --hide-share 0.08 --miss-share 0.25 --w-action 0.6 --w-answer 0.5 --w-support 0.5 --w-pointer 0.3"
mkdir -p "$runs"

once() { # NAME COMMAND…: its output in RUNS/NAME.log
    [ -e "$runs/$1/done" ] && return
    "${@:2}" >> "$runs/$1.log" 2>&1 || { tail -n 5 "$runs/$1.log" >&2; return 1; }
    touch "$runs/$1/done"
}

# shellcheck disable=SC2086
once main train/runs/gpu.sh "$runs/main" 1000000 --minutes "$minutes" $recipe
steps=$(grep -o '^step [0-9]*' "$runs/main.log" | tail -n 1 | cut -d' ' -f2)
# shellcheck disable=SC2086
once twin train/runs/gpu.sh "$runs/twin" "$steps" --explicit true --w-decode 1 $recipe

export DEVICE="--device cuda --bf16 --workers 1"
lanes=()
for names in "main-0 cosine no-copy-head" "main-1 infonce no-anchor" "main-2 fresh-retriever think-1" "no-decoding query-4 frozen-retriever"; do
    # shellcheck disable=SC2086
    train/runs/ablations.sh "$runs/ablations" 400 $names > "$runs/ablations-${names%% *}.log" 2>&1 &
    lanes+=($!)
done
failed=0
for lane in "${lanes[@]}"; do wait "$lane" || failed=1; done
rows=()
for row in "$runs"/main "$runs"/ablations/*; do [ -e "$row/done" ] && rows+=("$row") || echo "lease.sh: $row is not done" >&2; done
"$python" -m train.ablate "${rows[@]}" --device cuda --questions 120 --passages 6000 --out "$runs/ablations.json"
exit $failed
