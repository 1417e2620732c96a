#!/usr/bin/env bash
# Builds libtokenizers.a from the Rust source inside the Go module
# github.com/daulet/tokenizers, with our own manifest and lock file.

source "$(dirname "$0")/common.sh"

arch >/dev/null
command -v cargo >/dev/null || die "cargo is not on the PATH" "Install Rust from https://rustup.rs."
module=github.com/daulet/tokenizers
version=1.24.0 # what scripts/tokenizers/Cargo.lock was made for

cd "$ROOT"
wanted=$(go list -m -f '{{.Version}}' $module)
[ "$wanted" = "v$version" ] ||
    die "go.mod names $module $wanted, but scripts/tokenizers is for v$version" "Look at the new version's Cargo.toml, renew scripts/tokenizers, and put the version into scripts/tokenizers.sh."
source=$(go mod download -json $module | sed -n 's/^[[:space:]]*"Dir": "\(.*\)",$/\1/p')
[ -d "$source/src" ] || die "the Go module $module could not be fetched" "A Go module proxy must be reachable (go env GOPROXY)."

build=$LOCAL/build/tokenizers
mkdir -p "$build" "$LOCAL/lib"
rm -rf "$build/src"
cp -R "$source/src" "$build/src"
chmod -R u+w "$build/src"
cp scripts/tokenizers/Cargo.toml scripts/tokenizers/Cargo.lock "$build/"

say "building libtokenizers.a (about two minutes)"
cargo build --release --locked --manifest-path "$build/Cargo.toml" --target-dir "$build/target" >&2 ||
    die "cargo could not build libtokenizers.a" "The lines above say why. The crates registry must be reachable, and a C++ compiler is needed."
cp "$build/target/release/libtokenizers.a" "$LOCAL/lib/libtokenizers.a.part"
mv "$LOCAL/lib/libtokenizers.a.part" "$LOCAL/lib/libtokenizers.a"
