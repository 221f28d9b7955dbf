#!/usr/bin/env python3
"""stop_test.py - goal: modules that never return do not keep the server from ending.

    stop_test.py PROGRAM

Method: a reducer and the init of a database that is being made spin; then SIGINT. The exit status
is 0, in less time than one call may take. Beside them a client of another database loses nothing: its last answered
call is there after the next start."""

import struct
import sys
import threading
import time

from harness import Server, WebSocket, call, compile_module

TABLE = "STDB_TABLE(Item, item, PUBLIC, (u32, id, PRIMARY_KEY));\n"
ADD = "STDB_REDUCER(add, ctx, (u32, id)) { return item_insert(&(Item){.id = id}); }\n"
FOREVER = "{ for (volatile u32 i = 0;; i++) continue; }\n"
SECONDS_MAX = 25
CALLS = 20


def main():
    server = Server(sys.argv[1]).start()
    try:
        owner = server.new_user()
        publish = {name: compile_module(source, server.directory) for name, source in {
            "calm": TABLE + ADD,
            "spinning": "STDB_REDUCER(spin, ctx) " + FOREVER,
            "unborn": "STDB_INIT(ctx) " + FOREVER}.items()}
        for name in ("calm", "spinning"):
            answer = owner.publish(name, publish[name])
            assert answer.status == 200, answer
        spinner = WebSocket(server.port, "/v1/database/spinning/subscribe", owner.token)
        spinner.receive()
        for request in range(3):
            spinner.send(call(request, "spin"))
        threading.Thread(target=lost, args=(owner, publish["unborn"]), daemon=True).start()
        time.sleep(1)
        client = WebSocket(server.port, "/v1/database/calm/subscribe", owner.token)
        client.receive()
        for i in range(CALLS):
            client.send(call(i, "add", struct.pack("<I", i)))
            client.receive()
        begin = time.monotonic()
        status = server.stop()
        seconds = time.monotonic() - begin
        text = server.text()
        assert status == 0 and seconds < SECONDS_MAX, f"exit status {status} after {seconds:.1f} s\n{text}"
        server.start()
        assert owner.rows("calm", "SELECT * FROM item") == [[i] for i in range(CALLS)]
        assert owner.call("spinning", "nothing").status == 404
        print(f"stopped within {seconds:.1f} s")
    finally:
        server.remove()


def lost(owner, program):
    try:
        owner.publish("unborn", program)
    except OSError:
        pass  # the server ended, as it should


if __name__ == "__main__":
    main()
