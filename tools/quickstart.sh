#!/usr/bin/env bash
# Installs what is missing, builds, starts the server on ./data and publishes the chat module into it.
# Ctrl-C stops the server; the data stays. PORT and DATA change where.
set -euo pipefail
cd "$(dirname "$0")/.."
port="${PORT:-3000}"
data="${DATA:-data}"
tools/install.sh
tools/build.sh release spacetime

spacetime=build/release/spacetime
"$spacetime" start --data-dir "$data" --listen-addr "127.0.0.1:$port" &
server=$!
trap 'kill -INT "$server" 2>/dev/null; wait "$server" 2>/dev/null || true' EXIT
for _ in $(seq 100); do
  curl -fs "http://127.0.0.1:$port/v1/ping" >/dev/null && break
  kill -0 "$server" || exit 1
  sleep 0.1
done
"$spacetime" publish --server "http://127.0.0.1:$port" --module-path examples/quickstart-chat --yes quickstart-chat

cat <<TEXT

The chat is running. In a second terminal:

  $spacetime call      --server http://127.0.0.1:$port quickstart-chat set_name Ada
  $spacetime call      --server http://127.0.0.1:$port quickstart-chat send_message 'Hello, world'
  $spacetime sql       --server http://127.0.0.1:$port quickstart-chat 'SELECT * FROM message'
  $spacetime subscribe --server http://127.0.0.1:$port quickstart-chat 'SELECT * FROM message'

Ctrl-C stops the server.
TEXT
wait "$server"
