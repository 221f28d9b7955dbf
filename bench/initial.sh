#!/usr/bin/env bash
# What a large first subscription costs, beside its goals: the time until the last byte of 1,000,000 rows of 12 bytes is
# read, client included, and the longest wait of another client's calls meanwhile (the writer does not read the rows).
# And what the executor itself spends on it.
# Builds, and starts a server of its own on a temporary directory and port. Both clients share the machine with it.
# usage: bench/initial.sh [ROUNDS]     (default 20)
set -euo pipefail
cd "$(dirname "$0")/.."
rounds="${1:-20}"
build="${STDB_BENCH_BUILD:-build/release}"  # another build directory with these three programs
if [ -z "${STDB_BENCH_BUILD:-}" ]; then tools/build.sh release spacetime loadgen sync_first_bench; fi
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

load() { "$build/bench/loadgen" --url "127.0.0.1:$port" --db bank --accounts 1000000 --pid "$server" --unconfirmed --json "$@"; }
field() { sed "s/.*\"$1\":\([0-9.]*\).*/\1/" "$2"; }
load --sequential --seed-first --seconds 1 >"$work/alone"

read -r least median bare_least bare_median bytes < <(
  python3 bench/initial_client.py "127.0.0.1:$port" bank "SELECT * FROM accounts" "$rounds" 12000000)
echo "1,000,000 rows, $bytes bytes: least $least ms, median $median ms (goal 15)"
echo "  the same bytes over a bare loopback connection: least $bare_least ms, median $bare_median ms"

# In turns with calls one at a time.
load --sequential --warmup 0 --seconds 3 >"$work/alone"
load --sequential --warmup 0.5 --seconds 4 >"$work/calls" &
calls=$!
sleep 1
python3 bench/initial_client.py "127.0.0.1:$port" bank "SELECT * FROM accounts" "$rounds" 12000000 >"$work/meanwhile"
wait "$calls"
read -r least median _ < "$work/meanwhile"
echo "beside a client that calls one at a time: least $least ms, median $median ms"
echo "  its calls: p50 $(field p50_us "$work/calls") us, p99 $(field p99_us "$work/calls") us," \
  "longest $(field max_us "$work/calls") us (goal 1000);" \
  "alone: $(field p50_us "$work/alone"), $(field p99_us "$work/alone"), $(field max_us "$work/alone") us"
kill -INT "$server" && wait "$server" || true
server=

"$build/bench/sync_first_bench"
