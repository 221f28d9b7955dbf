#!/usr/bin/env bash
# What rows cost, each figure beside its goal: a million inserts and updates in one reducer call (HTTP, confirmed: the time
# includes the answer and the disk), memory per row, and the restart of a database with 1,000,000 rows and a long log
# behind its snapshot. Builds, and starts servers of its own on a temporary directory and port.
# usage: bench/storage.sh [TRANSFER_SECONDS]     (default 5: how long the log of the restart grows)
set -euo pipefail
cd "$(dirname "$0")/.."
transfer_seconds="${1:-5}"
build="${STDB_BENCH_BUILD:-build/release}"  # another build directory with both programs
if [ -z "${STDB_BENCH_BUILD:-}" ]; then tools/build.sh release spacetime loadgen; fi
work="$(mktemp -d)"
server=
stop() { if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; server=; fi; }
trap 'stop; rm -rf "$work"' EXIT
clang_command="$(command -v clang-19 || command -v clang)"
for module in storage bank; do
  "$clang_command" @sdk/c/flags -Iinclude sdk/c/*.c "bench/modules/$module/module.c" -o "$work/$module.wasm"
done
now() { date +%s.%N; }
calculate() { awk "BEGIN { printf \"$1\n\", $2 }"; }
resident() { awk '/^VmRSS/ { print $2 * 1024 }' "/proc/$server/status"; }

start() {
  : >"$work/out"
  "$build/spacetime" start --data-dir "$work/data" --jwt-key-dir "$work/data" --listen-addr 127.0.0.1:0 \
    --non-interactive >"$work/out" 2>"$work/err" &
  server=$!
  port=
  for _ in $(seq 10000); do
    port="$(sed -n 's/.*listening on .*:\([0-9]*\)$/\1/p' "$work/out" | tail -n 1)"
    [ -n "$port" ] && break
    sleep 0.002
  done
  [ -n "$port" ] || { cat "$work/out" "$work/err" >&2; exit 1; }
}
publish() {
  curl -fsS -X PUT -H "Authorization: Bearer $token" --data-binary "@$work/$1.wasm" \
    "http://127.0.0.1:$port/v1/database/$1" >/dev/null
}
# call REDUCER ARGUMENTS: seconds until the answer.
call() {
  curl -fsS -o /dev/null -w '%{time_total}' -X POST -H "Authorization: Bearer $token" \
    -H 'Content-Type: application/json' -d "$2" "http://127.0.0.1:$port/v1/database/storage/call/$1"
}
query() {
  curl -fsS -X POST -H "Authorization: Bearer $token" -d "$2" "http://127.0.0.1:$port/v1/database/$1/sql"
}

start
token="$(curl -fs -X POST "http://127.0.0.1:$port/v1/identity" | sed 's/.*"token":"\([^"]*\)".*/\1/')"
publish storage
call clear '[]' >"$work/ignored"
before="$(resident)"
calculate "1M inserts of 12 bytes, ascending keys:   %.3f s (goal 0.35)" "$(call insert_ascending '[1000000]')"
sleep 2  # what the call itself needed is given back
calculate "  resident per row, all in:               %.1f bytes (goal 48)" "($(resident) - $before) / 1e6"
call clear '[]' >"$work/ignored"
calculate "1M inserts of 12 bytes, random keys:      %.3f s (goal 0.35)" "$(call insert_random '[1000000]')"
call seed '[1048576]' >"$work/ignored"
calculate "1M updates of 16 bytes, ascending keys:   %.3f s (goal 0.35)" "$(call update_ascending '[1048576, 7]')"
calculate "1M updates of 16 bytes, shuffled keys:    %.3f s (goal 0.35)" "$(call update_shuffled '[1048576, 9]')"
stop
rm -rf "$work/data/replicas" "$work/data"

start
token="$(curl -fs -X POST "http://127.0.0.1:$port/v1/identity" | sed 's/.*"token":"\([^"]*\)".*/\1/')"
publish bank
curl -fsS -X POST -H "Authorization: Bearer $token" -H 'Content-Type: application/json' -d '[1000000, 1000]' \
  "http://127.0.0.1:$port/v1/database/bank/call/seed" >/dev/null
"$build/bench/loadgen" --url "127.0.0.1:$port" --db bank --seconds "$transfer_seconds" --connections 32 --in-flight 40 \
  --json >"$work/run"
stop
bytes="$(du -sb "$work/data/replicas" | cut -f1)"
begin="$(now)"
start
query bank 'SELECT COUNT(*) AS n FROM accounts' >"$work/answer"
end="$(now)"
grep -q 1000000 "$work/answer" || { cat "$work/answer" >&2; exit 1; }
calculate "restart with 1M rows and %.2f M transfers in the log, to the first answer: %.2f s (goal 0.6 with 3.4 M); %.0f MB of files" \
  "$(sed 's/.*"calls":\([0-9]*\).*/\1/' "$work/run") / 1e6, $end - $begin, $bytes / 1e6"
