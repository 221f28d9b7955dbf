#!/usr/bin/env python3
"""lifecycle_test.py - goal: init, client_connected and client_disconnected run when module-abi.md 4 says, whatever they do, also over a
crash of the server and a breaking update.

    lifecycle_test.py PROGRAM

Method: modules in C that write down who came and went, reject, fail and trap; st_client read by the owner."""

import json
import signal
import sys
import time

from harness import Server, WebSocket, call, compile_module

EVENTS = """
STDB_TABLE(Event, event, PUBLIC, (u32, id, PRIMARY_KEY, AUTO_INC), (u32, what));
static int note(u32 what) { return event_insert(&(Event){.what = what}); }
"""
COUNTING = EVENTS + """
STDB_INIT(ctx) { return note(1); }
STDB_CLIENT_CONNECTED(ctx) { return note(2); }
STDB_CLIENT_DISCONNECTED(ctx) { return note(3); }
STDB_REDUCER(say, ctx, (u32, what)) { return note(what); }
"""
# The same with another column, which clients cannot stay for.
COUNTING_MORE = COUNTING.replace("(u32, what));", "(u32, what), (u32, more, DEFAULT(0)));") \
                        .replace("return note(3)", "return note(33)")
REJECTING = EVENTS + """
STDB_CLIENT_CONNECTED(ctx) { note(2); return stdb_fail("not you"); }
STDB_CLIENT_DISCONNECTED(ctx) { return note(3); }
STDB_REDUCER(say, ctx, (u32, what)) { return note(what); }
"""
FAILING = EVENTS + """
STDB_CLIENT_CONNECTED(ctx) { return note(2); }
STDB_CLIENT_DISCONNECTED(ctx) { note(3); return stdb_fail("never mind"); }
STDB_REDUCER(say, ctx, (u32, what)) { return note(what); }
"""
TRAPPING = FAILING.replace('return stdb_fail("never mind")', "__builtin_trap()")
TRAPPED = REJECTING.replace('return stdb_fail("not you")', "__builtin_trap()")
INIT_FAILS = EVENTS + 'STDB_INIT(ctx) { note(1); return stdb_fail("no database"); }\n'
SECONDS_MAX = 20


class Test:
    def __init__(self, program):
        self.server = Server(program).start()
        self.owner = self.server.new_user()

    def publish(self, name, source, query="", status=200):
        answer = self.owner.publish(name, compile_module(source, self.server.directory), query)
        assert answer.status == status, answer
        return answer

    def whats(self, name):
        """What happened so far, in order; the question is the last that came."""
        answer = self.owner.sql(name, "SELECT what FROM event")
        assert answer.status == 200, answer
        return [row[0] for row in answer.json()[0]["rows"]]

    def clients(self, name):
        return self.owner.rows(name, "SELECT COUNT(*) AS n FROM st_client")[0][0] - 1  # less the question

    def eventually(self, condition, what):
        end = time.monotonic() + SECONDS_MAX
        while not condition():
            assert time.monotonic() < end, what
            time.sleep(0.02)

    def connect(self, name):
        client = WebSocket(self.server.port, f"/v1/database/{name}/subscribe", self.owner.token)
        return client

    def init_runs_once(self):
        self.publish("counting", COUNTING)
        assert self.whats("counting") == [1, 2]
        lines = [json.loads(line)["message"] for line in
                 self.owner.request("GET", "/v1/database/counting/logs").text().splitlines()]
        assert lines == ["Creating table `event`", "Invoking `init` reducer", "Database initialized"], lines
        self.publish("counting", COUNTING)  # the same again: nothing runs
        assert self.whats("counting").count(1) == 1

    def init_that_fails(self):
        answer = self.publish("unborn", INIT_FAILS, status=500)
        assert "no database" in answer.text(), answer
        assert self.owner.sql("unborn", "SELECT * FROM event").status == 404

    def every_call_comes_and_goes(self):
        before = self.whats("counting")
        assert self.owner.call("counting", "say", 9).status == 200
        assert self.whats("counting") == before + [3, 2, 9, 3, 2]

    def a_crash(self):
        client = self.connect("counting")
        client.receive()
        self.eventually(lambda: self.clients("counting") == 1, "the client came")
        before = self.whats("counting")
        self.eventually(lambda: self.owner.call("counting", "say", 7).status == 200, "a call")
        self.owner.request("POST", "/v1/database/counting/call/say?confirmed=true", "[8]",
                           {"content-type": "application/json"})
        assert self.server.stop(signal.SIGKILL) == -signal.SIGKILL
        self.server.start()
        whats = self.whats("counting")
        # Before anything else it went; then the question came.
        assert whats[-2:] == [3, 2], whats
        assert whats.count(2) - whats.count(3) == 1 and len(whats) > len(before)
        assert self.clients("counting") == 0
        client.close()

    def a_breaking_update(self):
        client = self.connect("counting")
        client.receive()
        self.eventually(lambda: self.clients("counting") == 1, "the client came")
        program = compile_module(COUNTING_MORE, self.server.directory)
        plan = self.owner.request("POST", "/v1/database/counting/pre_publish?style=NoColor", program)
        assert plan.status == 200, plan
        token = plan.json()["AutoMigrate"]["token"]
        assert self.owner.publish("counting", program).status == 400
        query = f"?policy=BreakClients&token={token}"
        answer = self.owner.publish("counting", program, query)
        assert answer.status == 200, answer
        message = client.receive()
        assert message == ("close", 1001, "module exited"), message
        self.eventually(lambda: self.clients("counting") == 0, "the client went")
        assert self.whats("counting").count(33) >= 1, self.whats("counting")  # of the new program

    def rejections(self):
        self.publish("rejecting", REJECTING)
        answer = self.owner.call("rejecting", "say", 1)
        assert answer.status == 403 and answer.text() == "not you", answer
        self.publish("trapped", TRAPPED)
        answer = self.owner.call("trapped", "say", 1)
        assert answer.status in (403, 500, 503) and b"not you" not in answer.body, answer
        for name in ("rejecting", "trapped"):
            client = self.connect(name)
            assert client.status == 101
            try:
                message = client.receive()
                assert message[0] == "close", message
            except ConnectionError:
                pass
            # Nobody came, so nobody went, and no row is left. Asked without a connection: what is on the schema route.
            assert self.owner.request("GET", f"/v1/database/{name}/schema?version=9").status == 200
            self.publish(name, COUNTING)
            assert self.whats(name) == [2], self.whats(name)
            assert self.clients(name) == 0

    def failures_when_going(self):
        for name, source in (("failing", FAILING), ("trapping", TRAPPING)):
            self.publish(name, source)
            client = self.connect(name)
            client.receive()
            self.eventually(lambda name=name: self.clients(name) == 1, "the client came")
            client.close()
            self.eventually(lambda name=name: self.clients(name) == 0, "the client went")
            assert 3 not in self.whats(name)  # what it wrote is undone
            assert self.owner.call(name, "say", 5).status == 200


def main():
    test = Test(sys.argv[1])
    try:
        for part in (test.init_runs_once, test.init_that_fails, test.every_call_comes_and_goes, test.a_crash,
                     test.a_breaking_update, test.rejections, test.failures_when_going):
            part()
            print("ok", part.__name__)
        assert test.server.stop() == 0
    finally:
        test.server.remove()


main()
