#!/bin/sh
# Goal: the load generator counts what happens. Method: it runs against net_fake, in each mode.
#   loadgen_test.sh LOADGEN NET_FAKE
set -eu
loadgen=$1
fake=$2
work=$(mktemp -d)
mkfifo "$work/in"
"$fake" 2 <"$work/in" >"$work/port" 2>"$work/log" &
pid=$!
exec 3>"$work/in"
trap 'exec 3>&-; kill $pid 2>/dev/null || true; wait $pid 2>/dev/null || true; rm -rf "$work"' EXIT
while [ ! -s "$work/port" ]; do sleep 0.05; done
url=127.0.0.1:$(cat "$work/port")

# calls_of ARGUMENTS: runs it and prints the number of calls.
calls_of() {
    "$loadgen" --url "$url" --db x --warmup 0.1 --seconds 0.5 --pid $pid --json "$@" >"$work/out"
    sed 's/.*"calls":\([0-9]*\).*"errors":0,.*"server_cpu_s":.*/\1/' "$work/out"
}
for arguments in "" "--batch 16 --unconfirmed" "--workload empty --connections 3 --in-flight 1000" "--sequential"; do
    # shellcheck disable=SC2086
    calls=$(calls_of $arguments)
    [ "$calls" -gt 1000 ] || { echo "only $calls calls with '$arguments'"; cat "$work/out"; exit 1; }
done
"$loadgen" --url "$url" --db x --seed-first --accounts 2 --seconds 0.1 --warmup 0 | grep -q "^calls "
"$loadgen" --sync-probe "$work" | grep -q "fdatasync of a 200-byte append: p50 "
# What must fail: a subscription, which the fake closes on; a server that is not there; a wrong option.
for arguments in "--url $url --workload fanout --writers 0 --connections 1" "--url $url --sets 3" "--url 127.0.0.1:1" "--url $url --nonsense"; do
    # shellcheck disable=SC2086
    if "$loadgen" --db x $arguments >"$work/out" 2>&1; then
        echo "no error with $arguments"
        exit 1
    fi
done
exec 3>&-
wait $pid
grep -q "messages in" "$work/log"
