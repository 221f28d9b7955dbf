#!/usr/bin/env bash
# The transfer benchmark: builds, starts a server of its own on a temporary directory and port, publishes the bank module,
# and prints throughput, CPU per call, sequential latency beside a bare fdatasync, and resident memory.
# usage: bench/transfer.sh [SECONDS]     (default 8). The generator shares the machine with the server.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds="${1:-8}"
[ -x build/release/spacetime ] && [ -x build/release/bench/loadgen ] || tools/build.sh release spacetime loadgen
work="$(mktemp -d)"
clang_command="$(command -v clang-19 || command -v clang)"
"$clang_command" @sdk/c/flags -Iinclude sdk/c/*.c bench/modules/bank/module.c -o "$work/bank.wasm"

server=
start_server() {
  build/release/spacetime start --data-dir "$work/data" --jwt-key-dir "$work/data" --listen-addr 127.0.0.1:0 \
    --non-interactive >"$work/out" 2>"$work/err" &
  server=$!
  for _ in $(seq 100); do
    port="$(sed -n 's/.*listening on .*:\([0-9]*\)$/\1/p' "$work/out" | tail -n 1)"
    [ -n "$port" ] && return
    sleep 0.1
  done
  cat "$work/out" "$work/err" >&2
  exit 1
}
stop_server() { kill -INT "$server" && wait "$server" || true; }
trap 'kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
resident() { awk '/^VmRSS/ { printf "%.1f MB resident\n", $2 / 1024 }' "/proc/$server/status"; }

start_server
echo "idle, no database: $(resident)"
token="$(curl -fs -X POST "http://127.0.0.1:$port/v1/identity" | sed 's/.*"token":"\([^"]*\)".*/\1/')"
curl -fs -X PUT -H "Authorization: Bearer $token" --data-binary "@$work/bank.wasm" \
  "http://127.0.0.1:$port/v1/database/bank" >/dev/null
stop_server
start_server
echo "idle, one database: $(resident)"
load=(build/release/bench/loadgen --url "127.0.0.1:$port" --db bank --accounts 10000 --pid "$server")
"${load[@]}" --connections 32 --in-flight 40 --seconds "$seconds" --seed-first
"${load[@]}" --connections 32 --in-flight 40 --seconds "$seconds" --unconfirmed
"${load[@]}" --sequential --seconds "$seconds" --sync-probe "$work/data"
stop_server
