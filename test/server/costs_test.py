#!/usr/bin/env python3
"""costs_test.py - goal: owners, and nobody else, learn what subscriptions cost, and are warned of joins without an index.

    costs_test.py PROGRAM [unittest arguments]

Method: a server, a module in C, WebSocket clients with queries; the numbers of GET DB/subscriptions against what was
done, and the module's log."""

import json
import struct
import sys
import time
import unittest

import harness
from harness import Server, WebSocket, subscribe

PROGRAM = sys.argv[1]
MODULE = """
STDB_TABLE(Item, item, PUBLIC, (u32, id, PRIMARY_KEY), (u32, kind));
STDB_TABLE(Tag, tag, PUBLIC, (u32, item), (u32, number));
STDB_REDUCER(add, ctx, (u32, id), (u32, kind)) { return item_insert(&(Item){id, kind}); }
STDB_REDUCER(mark, ctx, (u32, item), (u32, number)) { return tag_insert(&(Tag){item, number}); }
"""
JOIN = "SELECT item.* FROM item JOIN tag ON item.kind = tag.number"


class Costs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(PROGRAM).start()
        cls.owner = cls.server.new_user()
        cls.other = cls.server.new_user()
        cls.module = harness.compile_module(MODULE, cls.server.directory)

    @classmethod
    def tearDownClass(cls):
        try:
            status = cls.server.stop()
            assert status == 0, f"exit status {status}:\n{cls.server.text()}"
        finally:
            cls.server.remove()

    def publish(self, name):
        answer = self.owner.publish(name, self.module)
        self.assertEqual(answer.status, 200, answer)
        return "/v1/database/" + name

    def client(self, path, user, *queries):
        ws = WebSocket(self.server.port, path + "/subscribe?compression=None", user.token)
        self.assertEqual(ws.status, 101, ws.body)
        ws.receive()
        for number, query in enumerate(queries):
            ws.send(subscribe(number, number, query))
            self.assertEqual(ws.receive()[:2], b"\0\1", query)
        return ws

    def test_owner_only(self):
        path = self.publish("private")
        for user, status in ((self.owner, 200), (self.other, 403)):
            answer = user.request("GET", path + "/subscriptions")
            self.assertEqual(answer.status, status, answer)
        self.assertEqual(self.server.request("GET", path + "/subscriptions").status, 403)
        self.assertEqual(self.owner.request("GET", "/v1/database/nowhere/subscriptions").status, 404)
        self.assertEqual(self.owner.request("GET", path + "/subscriptions?limit=x").status, 400)
        answer = self.owner.request("GET", path + "/subscriptions").json()
        self.assertEqual(answer, {"queries": [], "clients": [], "query_count": 0, "client_count": 0})

    def test_numbers(self):
        path = self.publish("numbers")
        text = "SELECT * FROM item WHERE kind < 10"
        clients = [self.client(path, self.other, text, "SELECT * FROM tag") for _ in range(3)]
        for i in range(20):
            self.assertEqual(self.owner.call("numbers", "add", i, i).status, 200)
        for ws in clients:
            for _ in range(10):
                self.assertEqual(ws.receive()[1], 4)
        answer = self.owner.request("GET", path + "/subscriptions").json()
        self.assertEqual((answer["query_count"], answer["client_count"]), (2, 3))
        first, second = answer["queries"]
        self.assertEqual(first["sql"], text)
        row_bytes = first.pop("bytes_sent")
        self.assertGreater(row_bytes, 30 * 8)
        self.assertGreater(first.pop("microseconds"), 0)
        self.assertEqual(first, {"sql": text, "as_owner": False, "sender": None, "joins_without_index": False,
                                 "subscriptions": 3, "evaluations": 10, "rows_scanned": 10, "rows": 10,
                                 "rows_sent": 30})
        self.assertEqual((second["sql"], second["evaluations"]), ("SELECT * FROM tag", 0))
        for client in answer["clients"]:
            self.assertEqual(client["identity"], self.other.identity)
            self.assertEqual(client["protocol"], "v2.bsatn.spacetimedb")
            # hello, two answers, ten updates
            self.assertEqual([client[name] for name in ("query_sets", "queries", "messages_sent", "rows_sent")],
                             [2, 2, 13, 10])
            self.assertGreater(client["bytes_sent"], row_bytes / 3)
        limited = self.owner.request("GET", path + "/subscriptions?limit=1").json()
        self.assertEqual((len(limited["queries"]), len(limited["clients"]), limited["query_count"]), (1, 1, 2))
        for ws in clients:
            ws.close()
        end = time.monotonic() + 20
        while self.owner.request("GET", path + "/subscriptions").json()["client_count"] > 0:
            self.assertLess(time.monotonic(), end)

    def test_warning(self):
        path = self.publish("warnings")
        ws = self.client(path, self.other, JOIN)
        again = self.client(path, self.other, JOIN)
        lines = [json.loads(line) for line in
                 self.owner.request("GET", path + "/logs?num_lines=100").body.splitlines()]
        found = [line for line in lines if JOIN in line["message"]]
        self.assertEqual(len(found), 1, lines)
        self.assertEqual(found[0]["level"], "Warn")
        self.assertTrue(found[0]["message"].startswith("a subscription joins without an index"), found)
        # It works all the same.
        self.assertEqual(self.owner.call("warnings", "add", 1, 7).status, 200)
        self.assertEqual(self.owner.call("warnings", "mark", 5, 7).status, 200)
        for client in (ws, again):
            message = client.receive()
            self.assertEqual(message[1], 4)
            self.assertIn(struct.pack("<II", 1, 7), message)
        query, = self.owner.request("GET", path + "/subscriptions").json()["queries"]
        self.assertTrue(query["joins_without_index"])
        self.assertGreater(query["rows_scanned"], 0)
        # And owners may forbid it.
        self.assertEqual(self.owner.sql("warnings", "SET join_without_index = false").status, 200)
        third = self.client(path, self.other)
        third.send(subscribe(1, 1, JOIN + " WHERE item.id < 100"))
        message = third.receive()
        self.assertEqual(message[1], 3)
        self.assertIn(b"Subscriptions require indexes on join columns", message)
        for client in (ws, again, third):
            client.close()


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])
