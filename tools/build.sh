#!/usr/bin/env bash
# Configures and builds: build.sh [PRESET [TARGET...]]. Without targets all of it, tests included; with targets only those
# and what they need. The first build also builds the crates, once.
set -euo pipefail
cd "$(dirname "$0")/.."
preset="${1:-release}"
shift || true
tests=ON
targets=()
if [ "$#" -gt 0 ]; then
  tests=OFF
  targets=(--target "$@")
fi
cmake --preset "$preset" -DSTDB_TESTS="$tests" >/dev/null
cmake --build --preset "$preset" "${targets[@]}" -- -j "$(nproc)"
