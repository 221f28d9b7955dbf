#!/usr/bin/env python3
"""session_test.py - goal: of the connections with one session id there is one at a time (since-2.8.md 3.2).

    session_test.py PROGRAM

Method: connections of two users with and without ids; a module that counts who comes and goes."""

import sys
import time

from harness import Server, WebSocket, compile_module

MODULE = """
STDB_TABLE(Event, event, PUBLIC, (u32, id, PRIMARY_KEY, AUTO_INC), (u32, what));
STDB_CLIENT_CONNECTED(ctx) { return event_insert(&(Event){.what = 1}); }
STDB_CLIENT_DISCONNECTED(ctx) { return event_insert(&(Event){.what = 2}); }
"""
ID = "00112233445566778899aabbccddeeff"
OTHER_ID = "10112233445566778899aabbccddeeff"
SECONDS_MAX = 10


class Test:
    def __init__(self, program):
        self.server = Server(program).start()
        self.owner = self.server.new_user()
        answer = self.owner.publish("s", compile_module(MODULE, self.server.directory))
        assert answer.status == 200, answer

    def connect(self, session=None, user=None):
        query = f"?session_id={session}" if session else ""
        return WebSocket(self.server.port, f"/v1/database/s/subscribe{query}", (user or self.owner).token)

    def counts(self):
        # The question itself comes and goes once.
        rows = [what for _, what in self.owner.rows("s", "SELECT * FROM event")]
        return rows.count(1), rows.count(2)

    def hello(self, client):
        message = client.receive()
        assert message[0] == 0 and message[1] == 0, message

    def busy(self, client):
        message = client.receive()
        assert message[:2] == ("close", 4000), message

    def connect_again(self, session):
        """As a client does: again after a short delay, while it is refused with 4000."""
        end = time.monotonic() + SECONDS_MAX
        refusals = 0
        while time.monotonic() < end:
            client = self.connect(session)
            message = client.receive()
            if message[0] != "close":
                return client, refusals
            assert message[1] == 4000, message
            refusals += 1
            time.sleep(0.02)
        raise AssertionError("the session was never given back")

    def dropped(self, client):
        try:
            message = client.receive()
        except ConnectionError:
            return
        raise AssertionError(f"the old connection got {message}")

    def run(self):
        first = self.connect(ID)
        self.hello(first)
        second = self.connect(ID)
        self.busy(second)
        self.dropped(first)
        third, _ = self.connect_again(ID)
        # Other ids, other users and none at all have nothing to do with it.
        others = [self.connect(OTHER_ID), self.connect(), self.connect(), self.connect(ID, self.server.new_user())]
        for client in others:
            self.hello(client)
        # One that closes in peace gives its session back.
        third.send_frame(8, b"\x03\xe8")
        third.close()
        fourth, _ = self.connect_again(ID)
        came, went = self.counts()
        # Open: fourth and the others.  Each refused one neither came nor went.
        assert came - went == 5 + 1, (came, went)
        for client in others + [fourth]:
            client.close()
        end = time.monotonic() + SECONDS_MAX
        while True:
            came, went = self.counts()
            if came - went == 1:
                break
            assert time.monotonic() < end, (came, went)
            time.sleep(0.05)
        for wrong in ("1", "g" * 32, "0" * 33):
            refused = self.connect(wrong)
            assert refused.status == 400 and b"session_id" in refused.body, refused.body


def main():
    test = Test(sys.argv[1])
    try:
        test.run()
        assert test.server.stop() == 0
        print("ok")
    finally:
        test.server.remove()


main()
