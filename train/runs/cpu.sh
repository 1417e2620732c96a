#!/usr/bin/env bash
# One stage of training on a CPU of two cores: at most MINUTES, the learning rate falling to the end of it. Run it again
# after a kill and it goes on. A further stage starts from the adapter that the one before wrote, or from a released one,
# bundles/NAME. In bf16 where the processor multiplies in it (BF16= for float32).
# Usage: train/runs/cpu.sh RUN [FROM] [MINUTES] [more settings, such as --seed 2 --lr-lora 2e-4]
set -euo pipefail
cd "$(dirname "$0")/../.."
run=$1 from=${2:-} minutes=${3:-115}
shift $(($# < 3 ? $# : 3))
python=${PYTHON:-python3}
trajectories=${TRAJECTORIES:-.latentask/train/trajectories}
[ -e "$trajectories/summary.json" ] || "$python" -m train.trajectories --data "${DATA:-data}" --out "$trajectories"
bf16=$(grep -qE "avx512_bf16|amx_bf16" /proc/cpuinfo && echo --bf16 || true)
# shellcheck disable=SC2086
exec "$python" -m train.train --trajectories "$trajectories" --out "$run" ${from:+--from "$from"} --compile ${BF16-$bf16} \
    --steps 1000000 --minutes "$minutes" "$@"
