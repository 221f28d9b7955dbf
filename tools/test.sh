#!/usr/bin/env bash
# Installs what is missing, builds and runs every test. Further arguments go to ctest (e.g. -R unit.store).
set -euo pipefail
cd "$(dirname "$0")/.."
tools/install.sh --tests
tools/build.sh release
ctest --test-dir build/release --output-on-failure --no-tests=error "$@"
