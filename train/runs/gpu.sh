#!/usr/bin/env bash
# The same recipe on one GPU, in bf16: STEPS steps of 64 questions in one pass (20,000 steps read every trajectory many times).
# A pass of 64 takes about 30 GB of the card: with less, --micro 32. Batches are made ahead by six processes.
# Usage: train/runs/gpu.sh RUN [STEPS] [more settings]
set -euo pipefail
cd "$(dirname "$0")/../.."
run=$1 steps=${2:-4000}
shift $(($# < 2 ? $# : 2))
python=${PYTHON:-python3}
trajectories=${TRAJECTORIES:-.latentask/train/trajectories}
export PYTORCH_CUDA_ALLOC_CONF=${PYTORCH_CUDA_ALLOC_CONF:-expandable_segments:True}
[ -e "$trajectories/summary.json" ] || "$python" -m train.trajectories --data "${DATA:-data}" --out "$trajectories" --device cuda
exec "$python" -m train.train --trajectories "$trajectories" --out "$run" --device cuda --bf16 --workers 6 \
    --batch 64 --micro 64 --lr-lora 5e-4 --lr-new 1.2e-3 --lr-retriever 6e-5 --steps "$steps" --warmup 100 --checkpoint-every 500 "$@"
