#!/usr/bin/env bash
# Installs what is missing to build (and, with --tests, to test) on Debian 12. Changes nothing that is there.
set -euo pipefail

build_packages=(gcc cmake ninja-build pkg-config clang-19 lld-19 curl
  libuv1-dev libssl-dev libcjose-dev libjansson-dev libcurl4-openssl-dev libsqlite3-dev
  libbrotli-dev zlib1g-dev libzstd-dev)
test_packages=(libcmocka-dev libclang-rt-19-dev llvm-19 clang-format-19 python3 python3-venv chromium
  rustc-web cargo-web rust-web-src)

wanted=("${build_packages[@]}")
if [ "${1:-}" = "--tests" ]; then wanted+=("${test_packages[@]}"); fi

missing=()
for package in "${wanted[@]}"; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
if ! command -v cargo >/dev/null; then missing+=(cargo-web); fi
if [ "${1:-}" = "--tests" ]; then
  command -v node >/dev/null || missing+=(nodejs)
  command -v npm >/dev/null || missing+=(npm)
fi
[ "${#missing[@]}" -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then as_root=(sudo); fi
echo "Installing: ${missing[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
