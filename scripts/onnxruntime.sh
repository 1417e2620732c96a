#!/usr/bin/env bash
# Takes libonnxruntime out of its pinned wheel.
#   scripts/onnxruntime.sh cpu    into .latentask/lib
#   scripts/onnxruntime.sh cuda   into .latentask/lib/gpu, with CUDA's own libraries
# The wheel is chosen by the processor alone: the Python that runs pip does not
# matter, since only the C library is used.

source "$(dirname "$0")/common.sh"

kind=${1:?cpu or cuda}
machine=$(arch)
case $kind in
    cpu) pins=$PINS/onnxruntime.txt target=$LOCAL/lib ;;
    cuda) pins=$PINS/onnxruntime-cuda.txt target=$LOCAL/lib/gpu
        [ "$machine" = x86_64 ] || die "the CUDA libraries are pinned for x86_64, this is $machine" "Use the CPU: LATENTASK_DEVICE=cpu." ;;
    *) die "unknown kind '$kind'" "Say cpu or cuda." ;;
esac

"$ROOT/scripts/venv.sh"
wheels=$LOCAL/downloads/onnxruntime-$kind
rm -rf "$wheels"
mkdir -p "$wheels" "$target"
say "downloading ONNX Runtime ($kind) for $machine"
pip download --progress-bar on --no-deps --only-binary :all: --require-hashes \
    --implementation cp --python-version 3.11 --abi cp311 --abi abi3 --abi none \
    --platform "manylinux_2_28_$machine" --platform "manylinux_2_27_$machine" \
    --platform "manylinux_2_17_$machine" --platform "manylinux2014_$machine" \
    --dest "$wheels" -r "$pins" >&2 ||
    die "ONNX Runtime could not be downloaded" "The lines above say why. A package index must be reachable, and the file must have the pinned SHA-256 ($pins)."

say "unpacking into ${target#"$ROOT"/}"
"$VENV/bin/python" "$ROOT/scripts/unpack_wheels.py" "$wheels" "$target"
rm -rf "$wheels" # pip's own cache keeps them
