#!/usr/bin/env bash
# What running modules costs, beside its goals: host calls, an empty reducer, an index find, a cold start, idle databases.
# usage: bench/modules.sh [DATABASES]     (default 1000). Builds what it needs into build/release.
set -euo pipefail
cd "$(dirname "$0")/.."
databases="${1:-1000}"
build="${STDB_BUILD:-build/release}"
[ -n "${STDB_BUILD:-}" ] || tools/build.sh release spacetime host_bench db_calls_bench
work="$(mktemp -d)"
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
clang_command="$(command -v clang-19 || command -v clang)"
module() { "$clang_command" @sdk/c/flags -Iinclude sdk/c/*.c "$1" -o "$2"; }
module bench/modules/bank/module.c "$work/bank.wasm"
module test/modules/everything.c "$work/everything.wasm"

echo "goals: a host call over its work 25 ns; an empty reducer from queue to result 500 ns; a find among a million rows 150 ns;"
echo "       a cold start of a module of 160 KB 5 ms; idle databases 1 MB each, and no wake-ups"
"$build/bench/host_bench" "$work/everything.wasm"
echo "(everything.wasm: $(($(stat -c %s "$work/everything.wasm") / 1024)) KB)"
"$build/bench/db_calls_bench"
"$build/bench/db_calls_bench" "$work/database"

"$build/spacetime" start --data-dir "$work/data" --jwt-key-dir "$work/data" --listen-addr 127.0.0.1:0 \
  --non-interactive >"$work/out" 2>"$work/err" &
server=$!
for _ in $(seq 100); do
  port="$(sed -n 's/.*listening on .*:\([0-9]*\)$/\1/p' "$work/out" | tail -n 1)"
  [ -n "$port" ] && break
  sleep 0.1
done
[ -n "$port" ] || { cat "$work/out" "$work/err" >&2; exit 1; }
resident() { awk '/^VmRSS/ { print $2 }' "/proc/$server/status"; }
waits() { cat /proc/"$server"/task/*/status | awk '/^voluntary_ctxt_switches/ { n += $2 } END { print n }'; }

token="$(curl -fs -X POST "http://127.0.0.1:$port/v1/identity" | sed 's/.*"token":"\([^"]*\)".*/\1/')"
before="$(resident)"
for i in $(seq "$databases"); do
  [ "$i" = 1 ] || echo next
  printf 'url = "http://127.0.0.1:%s/v1/database/idle-%s"\noutput = "/dev/null"\n' "$port" "$i"
  printf 'request = PUT\nheader = "Authorization: Bearer %s"\ndata-binary = "@%s"\n' "$token" "$work/bank.wasm"
done >"$work/curl"
curl -fsS -K "$work/curl"
sleep 15  # snapshots, threads that are kept for a while
after="$(resident)"
count="$(waits)"
sleep 5
echo "$databases idle databases: $(((after - before) / databases)) KB each (of $((after / 1024)) MB resident)," \
  "$(($(waits) - count)) voluntary context switches within 5 s"
