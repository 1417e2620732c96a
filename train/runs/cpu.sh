#!/usr/bin/env bash
# The recipe of bundles/smollm2-135m-minilm-l6: about an hour on two AVX2 cores. Resumes from its checkpoint.
# The shipped run made its first 20 steps under a schedule of 200 (a higher learning rate) and was resumed with 105.
# Usage: train/runs/cpu.sh [DATA] [RUN]     (a Python with train/requirements.txt in PYTHON)
set -euo pipefail
cd "$(dirname "$0")/../.."
exec "${PYTHON:-python3}" -m train.train --data "${1:-data}" --out "${2:-.latentask/train/first}" --compile \
    --steps 105 --checkpoint-every 10 --answer-share 0.25 --decode-share 0.15
