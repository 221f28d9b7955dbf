#!/usr/bin/env bash
# Builds the module with the given versions of the published crate: build.sh CACHE OUT VERSION...
#
# OUT gets VERSION.wasm. No prebuilt standard library for wasm32 is needed: it is built from Debian's rust-web-src, once
# for all versions (a minute or two on two cores). What was built is kept in CACHE by the content of everything that goes
# into it.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
cache="$1" out="$2"
shift 2

linker="$(command -v wasm-ld-19 || command -v wasm-ld)"
rustc_version="$(/usr/bin/rustc --version)"
target="$cache/rust-module-target"
mkdir -p "$cache" "$out"
exec 9>"$cache/rust-module-lock"
flock 9
for version in "$@"; do
  project="$here/v$version"
  key="$( { echo "$rustc_version"; cat "$project/Cargo.toml" "$project/Cargo.lock" "$here/src/lib.rs"; } | sha256sum)"
  kept="$cache/rust-module-$version-${key:0:16}.wasm"
  if [ ! -e "$kept" ]; then
    RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR="$target" /usr/bin/cargo build --release --locked \
      --ignore-rust-version -Zbuild-std=std,panic_abort --target wasm32-unknown-unknown \
      --config "target.wasm32-unknown-unknown.linker=\"$linker\"" --manifest-path "$project/Cargo.toml"
    rm -f "$cache/rust-module-$version-"*.wasm
    mv "$target/wasm32-unknown-unknown/release/warehouse.wasm" "$kept"
  fi
  cp "$kept" "$out/$version.wasm"
done
rm -rf "$target"
