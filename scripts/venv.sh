#!/usr/bin/env bash
# Makes the project's virtual environment, or adds a pinned list to it.
#   scripts/venv.sh                an empty environment
#   scripts/venv.sh assemble dev   with these lists of scripts/pins, hashes checked

source "$(dirname "$0")/common.sh"

if ! "$VENV/bin/python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    python=$(find_python)
    [ -n "$python" ] || die "no Python 3.11 or newer on the PATH" "Install one, or say where it is: make PYTHON=/path/to/python3.12"
    say "making a Python environment with $("$python" -V)"
    "$python" -m venv --clear "$VENV" ||
        die "$python could not make a virtual environment" "On Debian and Ubuntu: apt-get install python3-venv"
fi

for list in "$@"; do
    say "installing Python packages: $list"
    pip install --progress-bar on --only-binary :all: --require-hashes -r "$PINS/$list.txt" |
        grep -v '^Requirement already satisfied' >&2 || true
    [ "${PIPESTATUS[0]}" = 0 ] ||
        die "the Python packages of scripts/pins/$list.txt could not be installed" "The lines above say which. A package index must be reachable (pip config list shows which one is asked)."
done
