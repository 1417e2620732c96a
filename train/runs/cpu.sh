#!/usr/bin/env bash
# One stage of training on a CPU of two cores: at most MINUTES, the learning rate falling to the end of it. Run it again
# after a kill and it goes on. A further stage starts from the adapter that the one before wrote.
# Usage: train/runs/cpu.sh RUN [FROM.safetensors] [MINUTES] [more settings, such as --seed 2 --lr-lora 2e-4]
set -euo pipefail
cd "$(dirname "$0")/../.."
run=$1 from=${2:-} minutes=${3:-115}
shift $(($# < 3 ? $# : 3))
python=${PYTHON:-python3}
trajectories=${TRAJECTORIES:-.latentask/train/trajectories}
[ -e "$trajectories/summary.json" ] || "$python" -m train.trajectories --data "${DATA:-data}" --out "$trajectories"
exec "$python" -m train.train --trajectories "$trajectories" --out "$run" ${from:+--from "$from"} --compile \
    --steps 1000000 --minutes "$minutes" "$@"
