#!/usr/bin/env bash
# What subscribers cost, each figure beside its goal: fan-out to 1,000 subscribers of a filtered query, 10,000 query sets
# `WHERE id = k`, and (without sockets) commits of many rows under many queries. Builds, and starts a server of its own on a
# temporary directory and port. The generator shares the machine with the server.
# usage: bench/sync.sh [SECONDS]     (default 3, of each run with a server)
set -euo pipefail
cd "$(dirname "$0")/.."
seconds="${1:-3}"
build="${STDB_BENCH_BUILD:-build/release}"  # another build directory with these three programs
if [ -z "${STDB_BENCH_BUILD:-}" ]; then tools/build.sh release spacetime loadgen sync_bench; fi
ulimit -n 8192
work="$(mktemp -d)"
server=
trap 'if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; fi; rm -rf "$work"' EXIT
clang_command="$(command -v clang-19 || command -v clang)"
"$clang_command" @sdk/c/flags -Iinclude sdk/c/*.c bench/modules/bank/module.c -o "$work/bank.wasm"

"$build/spacetime" start --data-dir "$work/data" --jwt-key-dir "$work/data" --listen-addr 127.0.0.1:0 \
  --non-interactive >"$work/out" 2>"$work/err" &
server=$!
port=
for _ in $(seq 100); do
  port="$(sed -n 's/.*listening on .*:\([0-9]*\)$/\1/p' "$work/out" | tail -n 1)"
  [ -n "$port" ] && break
  sleep 0.1
done
[ -n "$port" ] || { cat "$work/out" "$work/err" >&2; exit 1; }
token="$(curl -fs -X POST "http://127.0.0.1:$port/v1/identity" | sed 's/.*"token":"\([^"]*\)".*/\1/')"
curl -fs -X PUT -H "Authorization: Bearer $token" --data-binary "@$work/bank.wasm" \
  "http://127.0.0.1:$port/v1/database/bank" >/dev/null

# load ARGUMENTS: one run; field NAME: a number of it.
load() { "$build/bench/loadgen" --url "127.0.0.1:$port" --db bank --pid "$server" --seconds "$seconds" --json "$@" >"$work/run"; }
field() { sed "s/.*\"$1\":\([0-9.]*\).*/\1/" "$work/run"; }
calculate() { awk "BEGIN { printf \"$1\n\", $2 }"; }

load --seed-first --workload fanout --connections 1001 --in-flight 8 --query "SELECT * FROM accounts WHERE balance >= 0"
calculate "fan-out to 1,000 subscribers of a filtered query, 8 calls in flight: %.0f deliveries/s (goal 900000)" \
  "$(field updates) / $(field seconds)"
calculate "  server %.3f us a delivery, client %.3f us, p50 %.0f us, %.0f MB resident" \
  "$(field server_cpu_s) * 1e6 / $(field updates), $(field own_cpu_s) * 1e6 / $(field updates), $(field p50_us), $(field server_resident_bytes) / 1e6"

transfers=(--connections 32 --in-flight 40)
cost() { calculate "%.4f" "$(field server_cpu_s) * 1e6 / $(field calls)"; }
least() { calculate "%.4f" "$1 < $2 ? $1 : $2"; }
# In turns, and the least of each: whatever else the machine does only adds.
none=1e9 idle=1e9 woken=1e9 idle_ms=1e9 woken_ms=1e9
for _ in 1 2 3 4 5; do
  load "${transfers[@]}"
  none="$(least "$none" "$(cost)")"
  load "${transfers[@]}" --sets 10000 --sets-from 10000
  idle="$(least "$idle" "$(cost)")" idle_ms="$(least "$idle_ms" "$(field subscribe_ms)")"
  load "${transfers[@]}" --sets 10000
  woken="$(least "$woken" "$(cost)")" woken_ms="$(least "$woken_ms" "$(field subscribe_ms)")"
done
calculate "10,000 query sets WHERE id = k: all subscribed in %.0f and %.0f ms (goal 200)" "$idle_ms, $woken_ms"
calculate "  a transfer without any: %.2f us of server CPU" "$none"
calculate "  with 10,000 that it does not touch: %.2f us, %+.1f %% (goal 15)" "$idle, ($idle / $none - 1) * 100"
calculate "  with 10,000 of which it touches two, whose update is sent: %.2f us, %+.1f %%" \
  "$woken, ($woken / $none - 1) * 100"
kill -INT "$server" && wait "$server" || true
server=

"$build/bench/sync_bench"
