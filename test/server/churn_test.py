#!/usr/bin/env python3
"""churn_test.py - goal: clients, followers and databases come and go at the same time, and the server ends cleanly.

    churn_test.py PROGRAM [SECONDS]

Method: clients that connect, subscribe, call and leave at any point, beside owners who publish, reset, delete and read;
then a stop in the middle of it. What can be checked: every answer is one of the documented ones, and the exit status is
0 (which a sanitizer build makes say more). STDB_CHURN_SEED repeats a run's choices."""

import collections
import http.client
import os
import random
import struct
import sys
import threading
import time

from harness import Server, WebSocket, call, compile_module, subscribe

SOURCE = """
STDB_TABLE(Item, item, PUBLIC, (u32, id, PRIMARY_KEY), (u32, value));
STDB_REDUCER(add, ctx, (u32, id)) { return item_insert_or_update_by_id(&(Item){.id = id, .value = id}); }
STDB_CLIENT_CONNECTED(ctx) { return ctx->sender.bytes[0] %% 7 == %d ? stdb_fail("not you") : STDB_OK; }
STDB_CLIENT_DISCONNECTED(ctx) { stdb_log_info("bye"); return STDB_OK; }
"""
NAMES = ["one", "two"]
PROTOCOLS = ["v2.bsatn.spacetimedb", "v3.bsatn.spacetimedb", "v1.bsatn.spacetimedb"]
# What each request may be answered with while its database is there, is gone, or the server stops.
ALLOWED = {"socket": {101, 404, 500}, "delete": {200}, "clear": {200, 503}, "publish": {200, 404, 503},
           "call": {200, 403, 404, 503}, "sql": {200, 403, 404, 503}, "metrics": {200}, "logs": {200, 404, 503}}


class Churn:
    def __init__(self, server, seconds, seed):
        self.server, self.seed = server, seed
        self.owner = server.new_user()
        self.modules = [compile_module(SOURCE % refused, server.directory) for refused in (0, 9)]
        self.end = time.monotonic() + seconds
        self.counts = collections.Counter()
        self.surprises = []

    def note(self, kind, answer):
        self.counts[kind, answer] += 1
        if answer not in ALLOWED[kind]:
            self.surprises.append((kind, answer))

    def run(self, number, step):
        choose = random.Random(self.seed * 1000 + number)
        while time.monotonic() < self.end:
            try:
                step(choose)
            except (OSError, ConnectionError, http.client.HTTPException) as error:
                self.counts["lost", type(error).__name__] += 1
                time.sleep(0.01)

    def client(self, choose):
        query = choose.choice(["", "?confirmed=false", "?confirmed=true"])
        path = f"/v1/database/{choose.choice(NAMES)}/subscribe{query}"
        ws = WebSocket(self.server.port, path, protocols=choose.choice(PROTOCOLS))
        try:
            self.note("socket", ws.status)
            if ws.status != 101 or choose.random() < 0.2:
                return
            ws.receive()
            ws.send(subscribe(1, 1, "SELECT * FROM item"))
            for i in range(choose.randrange(30)):
                ws.send(call(i, "add", struct.pack("<I", choose.randrange(100))))
            for _ in range(choose.randrange(20)):
                if isinstance(ws.receive(), tuple):
                    return
            if choose.random() < 0.3:
                ws.send_frame(8, struct.pack(">H", 1000))
        finally:
            ws.close()

    def admin(self, choose):
        owner, name, module = self.owner, choose.choice(NAMES), choose.choice(self.modules)
        kind = choose.choice(["delete", "clear"] + ["publish", "call", "sql", "logs"] * 2 + ["metrics"])
        if kind == "delete":
            answer = owner.request("DELETE", "/v1/database/" + name)
        elif kind == "clear":
            answer = owner.publish(name, module, "?clear=true")
        elif kind == "publish":
            answer = owner.publish(name, module)
        elif kind == "call":
            answer = owner.call(name, "add", 3)
        elif kind == "sql":
            answer = owner.sql(name, "SELECT * FROM item")
        elif kind == "metrics":
            answer = self.server.request("GET", "/v1/metrics")
        else:
            self.follow(name)
            return
        self.note(kind, answer.status)

    def follow(self, name):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=20)
        connection.request("GET", f"/v1/database/{name}/logs?follow=true&num_lines=3",
                           headers={"authorization": "Bearer " + self.owner.token})
        response = connection.getresponse()
        self.note("logs", response.status)
        connection.close()


def main():
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 15
    seed = int(os.environ.get("STDB_CHURN_SEED", random.randrange(1 << 20)))
    server = Server(sys.argv[1]).start()
    try:
        churn = Churn(server, seconds, seed)
        for name in NAMES:
            churn.owner.publish(name, churn.modules[1])
        steps = [churn.client] * 12 + [churn.admin] * 3
        threads = [threading.Thread(target=churn.run, args=item) for item in enumerate(steps)]
        for thread in threads:
            thread.start()
        time.sleep(seconds * 0.9)
        status = server.stop()
        for thread in threads:
            thread.join()
        print(f"seed {seed}, exit status {status}:", *(f"{kind} {answer}: {count}," for (kind, answer), count
                                                      in sorted(churn.counts.items(), key=str)))
        if status != 0 or churn.surprises or not churn.counts["socket", 101]:
            print(churn.surprises[:20], server.text()[-4000:], sep="\n")
            sys.exit(1)
    finally:
        server.remove()


if __name__ == "__main__":
    main()
