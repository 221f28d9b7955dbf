#!/usr/bin/env python3
"""isolation_test.py - goal: what one database's module does slows no other one, and its owner is never locked out of it.

    isolation_test.py PROGRAM

Method: more databases than there are executor threads, each with a reducer that never returns. Meanwhile another
database answers its clients, the logs of the spinning ones can be read and followed, and they can be deleted at once."""

import sys
import threading
import time

from harness import Server, WebSocket, call, compile_module, http

SPIN = """
STDB_REDUCER(spin, ctx) {
    stdb_log_info("spinning");
    for (volatile u32 i = 0;; i++) continue;
}
"""
CALM = """
STDB_TABLE(Item, item, PUBLIC, (u32, id, PRIMARY_KEY, AUTO_INC));
STDB_REDUCER(add, ctx) { return item_insert(&(Item){0}); }
"""
SPINNERS = 6  # the server has four threads for databases
CALLS = 100
# They share two cores with the spinning threads, six to two; unshared they take milliseconds. A wait for one of the loops
# would take a minute.
SECONDS_MAX = 20


def in_time(what, action):
    begin = time.monotonic()
    result = action()
    seconds = time.monotonic() - begin
    assert seconds < SECONDS_MAX, f"{what}: {seconds:.1f} s"
    print(f"{what}: {seconds * 1000:.0f} ms")
    return result


def follow(server, owner, name):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=SECONDS_MAX)
    connection.request("GET", f"/v1/database/{name}/logs?follow=true&num_lines=10",
                       headers={"authorization": "Bearer " + owner.token})
    answer = connection.getresponse()
    assert answer.status == 200, answer
    return answer.readline()


def calls(owner):
    for _ in range(CALLS):
        answer = owner.call("calm", "add")
        assert answer.status == 200, answer


def wait_for_spinning(owner, name):
    end = time.monotonic() + SECONDS_MAX
    while b"spinning" not in owner.request("GET", f"/v1/database/{name}/logs").body:
        assert time.monotonic() < end, "it did not begin to spin"
        time.sleep(0.02)


def main():
    server = Server(sys.argv[1]).start()
    try:
        owner = server.new_user()
        calm, spin = (compile_module(source, server.directory) for source in (CALM, SPIN))
        assert owner.publish("calm", calm).status == 200
        names = [f"spin-{i}" for i in range(SPINNERS)]
        answers = {}
        for name in names:
            assert owner.publish(name, spin).status == 200
        threads = [threading.Thread(target=lambda name=name: answers.update({name: owner.call(name, "spin")}))
                   for name in names]
        for thread in threads:
            thread.start()
        for name in names:
            wait_for_spinning(owner, name)

        in_time(f"{CALLS} calls beside {SPINNERS} loops", lambda: calls(owner))
        assert owner.rows("calm", "SELECT COUNT(*) AS n FROM item") == [[CALLS]]
        text = in_time("the log of a loop", lambda: owner.request("GET", "/v1/database/spin-0/logs").body)
        assert b'"message":"spinning"' in text
        line = in_time("the log of a loop, followed", lambda: follow(server, owner, "spin-0"))
        assert line.startswith(b"{"), line
        client = WebSocket(server.port, "/v1/database/calm/subscribe", owner.token)
        client.receive()
        client.send(call(1, "add"))
        in_time("a call over WebSocket", client.receive)

        for name in names:
            answer = in_time("delete", lambda name=name: owner.request("DELETE", f"/v1/database/{name}"))
            assert answer.status == 200, answer
        in_time("the callers hear of it", lambda: [thread.join(SECONDS_MAX) for thread in threads])
        assert len(answers) == SPINNERS
        for answer in answers.values():
            assert answer.status == 530 and answer.text() == "The instance encountered a fatal error.", answer
        # The same name again, and what a reset replaces is ended too.
        assert owner.publish("spin-0", spin).status == 200
        caller = threading.Thread(target=owner.call, args=("spin-0", "spin"))
        caller.start()
        wait_for_spinning(owner, "spin-0")
        answer = in_time("reset", lambda: owner.publish("spin-0", calm, "?clear=true"))
        assert answer.status == 200, answer
        in_time("the caller hears of it", lambda: caller.join(SECONDS_MAX))
        assert not caller.is_alive()
        assert owner.call("spin-0", "add").status == 200
        assert in_time("stop", server.stop) == 0
    finally:
        server.remove()


main()
