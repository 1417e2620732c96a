#!/usr/bin/env bash
# The same recipe on one GPU, in bf16: STEPS steps of 32 questions (20,000 steps read every trajectory many times).
# Usage: train/runs/gpu.sh RUN [STEPS] [more settings]
set -euo pipefail
cd "$(dirname "$0")/../.."
run=$1 steps=${2:-4000}
shift $(($# < 2 ? $# : 2))
python=${PYTHON:-python3}
trajectories=${TRAJECTORIES:-.latentask/train/trajectories}
[ -e "$trajectories/summary.json" ] || "$python" -m train.trajectories --data "${DATA:-data}" --out "$trajectories"
exec "$python" -m train.train --trajectories "$trajectories" --out "$run" --device cuda --bf16 --compile \
    --batch 32 --steps "$steps" --warmup 100 --checkpoint-every 500 "$@"
