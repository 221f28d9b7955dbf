#!/usr/bin/env bash
# Configures and builds one preset (default: release). The first build also builds the crates, once.
set -euo pipefail
cd "$(dirname "$0")/.."
preset="${1:-release}"
cmake --preset "$preset" >/dev/null
cmake --build --preset "$preset" -- -j "$(nproc)"
