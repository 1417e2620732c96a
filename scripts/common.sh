# Shared by the set-up scripts: where things lie, and how to fail. Source it.

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
LOCAL=$ROOT/.latentask
PINS=$ROOT/scripts/pins
VENV=$LOCAL/venv

# say MESSAGE…   one line of progress, to standard error.
say() { printf '==> %s\n' "$*" >&2; }

# die WHAT HOW   stops with what is missing or wrong and how to mend it.
die() {
    printf 'error: %s\n' "$1" >&2
    [ $# -lt 2 ] || printf '       %s\n' "$2" >&2
    exit 1
}

# find_python prints a Python of at least 3.11: $PYTHON if set, else the first
# of the usual names that is new enough. Prints nothing where there is none.
find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            "$candidate" -c 'import sys; print(sys.executable)'
            return
        fi
    done
}

# arch prints the processor as wheels name it, or stops: the native libraries
# exist for Linux on these two alone.
arch() {
    [ "$(uname -s)" = Linux ] ||
        die "the node is built for Linux, this is $(uname -s)" "Use the Dockerfile (docs/docker.md)."
    case $(uname -m) in
        x86_64 | amd64) echo x86_64 ;;
        aarch64 | arm64) echo aarch64 ;;
        *) die "no ONNX Runtime wheel for $(uname -m)" "x86_64 and aarch64 are supported." ;;
    esac
}

# pip runs the virtual environment's pip, quietly about itself.
pip() { "$VENV/bin/python" -m pip --disable-pip-version-check --no-input "$@"; }
