#!/usr/bin/env bash
# Checks that this machine can build latentask, before anything is downloaded.
# Prints one line a requirement; ends with status 1 if one is missing.

source "$(dirname "$0")/common.sh"

GO_MIN=$(awk '$1 == "go" { print $2; exit }' "$ROOT/go.mod")
RUST_MIN=$(awk -F'"' '/^rust-version/ { print $2 }' "$ROOT/scripts/tokenizers/Cargo.toml")
DISK_MIN_GIB=8

missing=0
good() { [ -n "${QUIET:-}" ] || printf '  ok       %-8s %s\n' "$1" "$2"; }
bad() {
    printf '  MISSING  %-8s %s\n                    %s\n' "$1" "$2" "$3" >&2
    missing=1
}

# at_least HAVE WANT   compares versions.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n1)" = "$2" ]; }

machine=$(arch) || exit 1
good machine "Linux $machine"
case $ROOT in
    *[[:space:]]*) bad path "there is white space in $ROOT, which make and the linker don't take" "Move the checkout." ;;
esac
if ldd --version 2>&1 | grep -qi musl; then
    bad libc "this system uses musl, and ONNX Runtime needs glibc" "Build on Debian, Ubuntu or Fedora, or use the Dockerfile."
fi

if ! command -v go >/dev/null; then
    bad go "go is not on the PATH; $GO_MIN or newer is needed" "Install it from https://go.dev/dl and put its bin folder on the PATH."
else
    # An older Go (1.21 and up) fetches the toolchain that go.mod names.
    have=$(cd "$ROOT" && go env GOVERSION 2>/dev/null | sed 's/^go//; s/[^0-9.].*//') || have=
    if [ -n "$have" ] && at_least "$have" "$GO_MIN"; then
        good go "$have"
    else
        bad go "go ${have:-of unknown version} is too old; $GO_MIN or newer is needed" "Install it from https://go.dev/dl, or unset GOTOOLCHAIN=local so that go fetches it."
    fi
fi

if ! command -v cargo >/dev/null; then
    bad cargo "cargo is not on the PATH; Rust $RUST_MIN or newer is needed" "Install it from https://rustup.rs."
else
    have=$(cargo --version 2>/dev/null | awk '{ print $2 }')
    if at_least "${have:-0}" "$RUST_MIN"; then
        good cargo "$have"
    else
        bad cargo "cargo ${have:-of unknown version} is too old; $RUST_MIN or newer is needed" "Run 'rustup update', or install from https://rustup.rs."
    fi
fi

python=$(find_python)
if [ -z "$python" ]; then
    bad python "no Python 3.11 or newer on the PATH" "Install one, or say where it is: make PYTHON=/path/to/python3.12"
elif ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
    bad python "$python lacks venv or pip" "On Debian and Ubuntu: apt-get install python3-venv"
else
    good python "$("$python" -V | cut -d' ' -f2) ($python)"
fi

cc=${CC:-cc}
if ! command -v "$cc" >/dev/null; then
    bad cc "no C compiler ($cc) on the PATH" "On Debian and Ubuntu: apt-get install gcc g++ libc6-dev"
elif ! printf '#include <stdlib.h>\nint main(void){return 0;}\n' | "$cc" -x c -o /dev/null - 2>/dev/null; then
    bad cc "$cc cannot build a program" "The C library's headers may be missing. On Debian and Ubuntu: apt-get install libc6-dev"
else
    good cc "$("$cc" --version | head -n1)"
fi
if command -v "${CXX:-c++}" >/dev/null; then
    good c++ "$("${CXX:-c++}" --version | head -n1)"
else
    bad c++ "no C++ compiler (${CXX:-c++}) on the PATH" "On Debian and Ubuntu: apt-get install g++"
fi

free=$(df -Pk "$ROOT" | awk 'NR == 2 { print int($4 / 1048576) }')
if [ "$free" -ge "$DISK_MIN_GIB" ] || [ -e "$LOCAL/bin/weaviate" ]; then
    good disk "$free GiB free"
else
    bad disk "$free GiB free beneath $ROOT; $DISK_MIN_GIB GiB are needed for build caches, libraries and the bundle" "Free some space."
fi

[ "$missing" = 0 ] || die "this machine lacks what is named above" "'make doctor' checks again."
