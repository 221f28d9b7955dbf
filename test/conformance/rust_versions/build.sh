#!/usr/bin/env bash
# Builds the module of ../rust/module with older versions of the published crate: build.sh CACHE OUT VERSION...
#
# OUT gets VERSION.wasm. As ../rust/module/build.sh, but that the source is put where it is built, in the words of the version.
# What was built is kept in CACHE by the content of everything that goes into it; with nothing kept it takes two to three
# minutes on two cores, one of them for the standard library.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
source="$here/../rust/module/src/lib.rs"
cache="$1" out="$2"
shift 2

linker="$(command -v wasm-ld-19 || command -v wasm-ld)"
rustc_version="$(/usr/bin/rustc --version)"
work="$cache/rust-versions-work"
mkdir -p "$cache" "$out"
exec 9>"$cache/rust-versions-lock"
flock 9

# database_identity() came later.
in_the_words_of() {
  case "$1" in
    2.0.*) sed 's/database_identity()/identity()/' "$source" ;;
    *) cat "$source" ;;
  esac
}

for version in "$@"; do
  project="$here/v$version"
  key="$( { echo "$rustc_version"; cat "$project/Cargo.toml" "$project/Cargo.lock"; in_the_words_of "$version"; } | sha256sum)"
  kept="$cache/rust-versions-$version-${key:0:16}.wasm"
  if [ ! -e "$kept" ]; then
    mkdir -p "$work/src" "$work/$version"
    in_the_words_of "$version" >"$work/src/lib.rs"
    cp "$project/Cargo.toml" "$project/Cargo.lock" "$work/$version/"
    RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR="$work/target" /usr/bin/cargo build --release --locked \
      --ignore-rust-version -Zbuild-std=std,panic_abort --target wasm32-unknown-unknown \
      --config "target.wasm32-unknown-unknown.linker=\"$linker\"" --manifest-path "$work/$version/Cargo.toml"
    rm -f "$cache/rust-versions-$version-"*.wasm
    mv "$work/target/wasm32-unknown-unknown/release/warehouse.wasm" "$kept"
  fi
  cp "$kept" "$out/$version.wasm"
done
rm -rf "$work"
