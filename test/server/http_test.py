#!/usr/bin/env python3
"""http_test.py - goal: the checklist of http-api.md 17 and the handshake of websocket.md 1.6, from outside.

    http_test.py PROGRAM KINDS_WASM [unittest arguments]

Method: the built program on directories of its own; modules in C, compiled here, for what must be published; kinds.wasm
is the golden data's module."""

import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import unittest

import harness
from harness import Server, WebSocket, call, claims, subscribe

PROGRAM, KINDS_PATH = sys.argv[1:3]
with open(KINDS_PATH, "rb") as kinds_file:
    KINDS = kinds_file.read()

ITEM = "STDB_TABLE(Item, item, PUBLIC, (u32, id, PRIMARY_KEY), (u32, value%s));"
ADD = "STDB_REDUCER(add, ctx, (u32, id)) { return item_insert(&(Item){.id = id, .value = id}); }"
HOOKS = """
STDB_TABLE(Visit, visit, PUBLIC, (u64, id, PRIMARY_KEY, AUTO_INC), (bool, leaving));
STDB_CLIENT_CONNECTED(ctx) { return visit_insert(&(Visit){.leaving = false}); }
STDB_CLIENT_DISCONNECTED(ctx) { return visit_insert(&(Visit){.leaving = true}); }
"""
SOURCES = {
    "first": ITEM % "" + ADD + HOOKS,
    # compatible: one more table
    "second": ITEM % "" + ADD + HOOKS + "STDB_TABLE(Extra, extra, PUBLIC, (u32, n));",
    # breaking: one more column
    "third": "STDB_TABLE(Item, item, PUBLIC, (u32, id, PRIMARY_KEY), (u32, value), (u8, more, DEFAULT(7)));"
             + ADD + HOOKS,
    # needs a manual migration: another type
    "fourth": "STDB_TABLE(Item, item, PUBLIC, (String, id, PRIMARY_KEY), (u32, value));" + HOOKS,
    "bad_init": ITEM % "" + 'STDB_INIT(ctx) { return stdb_fail("init says no"); }',
    "unfriendly": ITEM % "" + ADD + 'STDB_CLIENT_CONNECTED(ctx) { return stdb_fail("not you"); }',
    "slow": "STDB_INIT(ctx) { for (volatile u32 i = 0; i < 400000000u; i++) { } return STDB_OK; }",
    "chatty": 'STDB_REDUCER(say, ctx, (String, text)) { stdb_log_info("%s", text.data); return STDB_OK; }',
}
MODULES = {}
VARY = "origin, access-control-request-method, access-control-request-headers"
JSON = {"content-type": "application/json"}
ZERO = "0" * 64


class Case(unittest.TestCase):
    """One server for all cases of a class."""

    flags = ()

    @classmethod
    def setUpClass(cls):
        cls.server = Server(PROGRAM, *cls.flags).start()
        cls.owner = cls.server.new_user()
        cls.other = cls.server.new_user()
        for name, source in SOURCES.items():
            if name not in MODULES:
                MODULES[name] = harness.compile_module(source, cls.server.directory)

    @classmethod
    def tearDownClass(cls):
        try:
            if cls.server.process:
                status = cls.server.stop()
                assert status == 0, f"exit status {status}:\n{cls.server.text()}"
        finally:
            cls.server.remove()

    def expect(self, answer, status, body=None, kind=None):
        self.assertEqual(answer.status, status, answer)
        if body is not None:
            self.assertEqual(answer.json() if isinstance(body, (dict, list)) else answer.text(), body)
        if kind is not None:
            self.assertEqual(answer.headers.get("content-type"), kind)
        return answer

    def expect_text(self, answer, status, body):
        self.expect(answer, status, body, "text/plain; charset=utf-8")

    def expect_json(self, answer, status, body=None):
        return self.expect(answer, status, body, "application/json")

    def publish(self, name, module="first", query="", user=None):
        return self.expect_json((user or self.owner).publish(name, MODULES[module], query), 200)

    def wait_until(self, condition):
        end = time.monotonic() + 20
        while not condition():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.02)


class Door(Case):
    """Routes, methods, CORS, query strings."""

    def test_unknown_paths(self):
        for path in ("/", "/v2", "/v1/ping/", "/v1/identity/", "/v1/database/", "/v1/database/x/", "/v1/database//names",
                     "/v1/database/x/nothing"):
            answer = self.expect(self.server.request("GET", path), 404, "")
            self.assertNotIn("access-control-allow-origin", answer.headers)
            self.assertNotIn("content-type", answer.headers)

    def test_methods(self):
        answer = self.expect(self.server.request("DELETE", "/v1/ping"), 405, "")
        self.assertEqual(answer.headers["allow"], "GET,HEAD")
        answer = self.expect(self.server.request("PATCH", "/v1/database/x/names"), 405, "")
        self.assertEqual(answer.headers["allow"], "GET,HEAD,POST,PUT")
        self.assertIn("spacetime-identity", answer.headers)
        self.expect(self.server.request("HEAD", "/v1/ping"), 200, "")
        self.expect(self.server.request("HEAD", "/v1/database/nothing"), 404, "")

    def test_cors(self):
        for path in ("/v1/ping", "/v1/database/x/call/y", "/v1/identity/websocket-token", "/v1/database/x/route/z"):
            answer = self.expect(self.server.request("OPTIONS", path), 200, "")
            self.assertEqual(answer.headers["access-control-allow-origin"], "*")
            self.assertEqual(answer.headers["access-control-allow-methods"], "*")
            self.assertTrue(answer.headers["access-control-allow-headers"].startswith("authorization,accept,content-type"))
            self.assertEqual(answer.headers["vary"], VARY)
        answer = self.server.request("GET", "/v1/ping")
        self.assertEqual(answer.headers["access-control-allow-origin"], "*")
        self.assertEqual(answer.headers["vary"], VARY)
        self.expect(self.server.request("OPTIONS", "/nothing"), 404)

    def test_queries(self):
        self.publish("queries")
        self.expect_text(self.server.request("GET", "/v1/database/queries/schema"), 400,
                         "Failed to deserialize query string: missing field `version`")
        for query in ("version=8", "version=9&version=10", "version=%ff"):
            answer = self.expect(self.server.request("GET", "/v1/database/queries/schema?" + query), 400)
            self.assertTrue(answer.text().startswith("Failed to deserialize query string: "), answer)
        self.expect_json(self.server.request("GET", "/v1/database/queries/schema?x=%ff&version=9&unknown"), 200)
        self.expect_text(self.owner.request("GET", "/v1/database/queries/logs?follow=yes"), 400,
                         "Failed to deserialize query string: provided string was not `true` or `false`")
        self.expect_text(self.owner.request("GET", "/v1/database/queries/logs?num_lines=-1"), 400,
                         "Failed to deserialize query string: invalid digit found in string")

    def test_bodies(self):
        self.publish("bodies")
        limit = 2 * 1024 * 1024
        fits = self.owner.sql("bodies", "SELECT * FROM item" + " " * (limit - 18))
        self.assertNotEqual(fits.status, 413)
        self.expect_text(self.owner.sql("bodies", " " * (limit + 1)), 413,
                         "Failed to buffer the request body: length limit exceeded")
        self.expect_text(self.owner.request("POST", "/v1/database/bodies/sql", b"\xff"), 400,
                         "Request body didn't contain valid UTF-8")

    def test_health(self):
        health = self.expect_json(self.server.request("GET", "/v1/health", token="garbage"), 200).json()
        self.assertEqual(health["package_name"], "spacetimedb-client-api")
        self.assertEqual(health["nodes"], [0])

    def test_metrics(self):
        self.publish("metrics")
        self.owner.call("metrics", "add", 1)
        text = self.expect(self.server.request("GET", "/v1/metrics"), 200, kind="text/plain; charset=utf-8").text()
        for line in text.splitlines():
            self.assertRegex(line, r'^(# TYPE \w+ (counter|gauge)|\w+(\{\w+="[0-9a-f]{64}"\})? \d+)$')
        identity = self.server.request("GET", "/v1/database/metrics/identity").text()
        self.assertIn(f'spacetime_worker_connected_clients{{database_identity="{identity}"}} 0', text)
        self.assertRegex(text, f'spacetime_num_txns_total{{db="{identity}"}} [1-9]')


class Tokens(Case):
    def test_new_identity(self):
        user = self.server.new_user()
        payload = claims(user.token)
        self.assertEqual(list(payload), ["hex_identity", "sub", "iss", "aud", "iat"])
        self.assertEqual(payload["hex_identity"], user.identity)
        self.expect(user.request("GET", f"/v1/identity/{user.identity}/verify"), 204, "")
        self.expect(user.request("GET", f"/v1/identity/{ZERO}/verify"), 400, "")
        self.expect_text(self.server.request("GET", f"/v1/identity/{user.identity}/verify"), 401, "Authorization required")
        self.expect(user.request("GET", "/v1/identity/xyz/verify"), 400)

    def test_bad_credentials(self):
        self.expect_text(self.server.request("GET", "/v1/ping", headers={"authorization": "Basic eDp5"}), 400,
                         "Authorization is invalid: malformed token")
        self.expect_text(self.server.request("GET", "/v1/ping", token="x"), 401, "Invalid token: InvalidToken")
        self.expect_text(self.server.request("GET", "/v1/ping?token=x"), 401, "Invalid token: InvalidToken")
        self.expect_text(self.server.request("GET", "/v1/database/x", token="x"), 401, "Invalid token: InvalidToken")
        # A route without authentication does not look.
        self.expect_json(self.server.request("POST", "/v1/identity", token="x"), 200)
        lower = {"authorization": "bearer " + self.owner.token}
        self.expect(self.server.request("GET", "/v1/ping", headers=lower), 200, "")

    def test_websocket_token(self):
        short = self.expect_json(self.owner.request("POST", "/v1/identity/websocket-token"), 200).json()["token"]
        payload = claims(short)
        self.assertEqual(payload["exp"], payload["iat"] + 60)
        self.assertEqual(payload["sub"], claims(self.owner.token)["sub"])
        self.expect(self.server.request("GET", f"/v1/identity/{self.owner.identity}/verify?token={short}"), 204)
        self.expect_text(self.server.request("POST", "/v1/identity/websocket-token"), 401, "Authorization required")

    def test_anonymous(self):
        for path in ("/v1/database/nothing", "/v1/database/nothing/identity"):
            first, second = (self.expect(self.server.request("GET", path), 404) for _ in range(2))
            self.assertEqual(claims(first.headers["spacetime-identity-token"])["hex_identity"],
                             first.headers["spacetime-identity"])
            self.assertNotEqual(first.headers["spacetime-identity"], second.headers["spacetime-identity"])
        own = self.owner.request("GET", "/v1/database/nothing")
        self.assertEqual(own.headers["spacetime-identity-token"], self.owner.token)

    def test_public_key(self):
        answer = self.expect(self.server.request("GET", "/v1/identity/public-key"), 200,
                             kind="application/pem-certificate-chain")
        with open(os.path.join(self.server.data, "id_ecdsa.pub"), "rb") as file:
            self.assertEqual(answer.body, file.read())


class Names(Case):
    def test_bad_names(self):
        for name, text in (("My-Db", "invalid characters in database name"), ("a--b", "invalid hyphen in database name"),
                           ("-a", "invalid hyphen in database name"), ("a-", "invalid hyphen in database name"),
                           ("a_b", "invalid characters in database name")):
            self.expect_text(self.owner.publish(name, MODULES["first"]), 400, "Invalid URL: " + text)
        self.expect(self.owner.publish("n" * 65, MODULES["first"]), 400)
        self.publish("n" * 64)
        self.expect(self.server.request("GET", "/v1/database/%ff/names"), 400)

    def test_resolution(self):
        created = self.publish("resolved").json()["Success"]
        identity = created["database_identity"]
        self.assertEqual((created["domain"], created["op"]), ("resolved", "created"))
        self.expect_text(self.server.request("GET", "/v1/database/missing"), 404, "`missing` not found")
        self.expect_text(self.server.request("GET", f"/v1/database/{ZERO}"), 404, "No such database.")
        self.expect_text(self.server.request("GET", "/v1/database/resolved/identity"), 200, identity)
        self.expect_text(self.server.request("GET", f"/v1/database/0x{ZERO}/identity"), 200, ZERO)
        for form in (identity, identity.upper(), "0x" + identity, "X'" + identity, "resolved", "%72esolved"):
            info = self.expect_json(self.server.request("GET", f"/v1/database/{form}"), 200).json()
            self.assertEqual(info["database_identity"], {"__identity__": "0x" + identity})
        self.assertEqual(info["owner_identity"], {"__identity__": "0x" + self.owner.identity})
        self.assertEqual(info["host_type"], {"Wasm": []})
        self.assertRegex(info["initial_program"], "^0x[1-9a-f][0-9a-f]*$")
        self.assertEqual(list(info), ["database_identity", "owner_identity", "host_type", "initial_program"])

    def test_add(self):
        identity = self.publish("added").json()["Success"]["database_identity"]
        path = "/v1/database/added/names"
        self.expect_json(self.owner.request("POST", path, "added-two"), 200,
                         {"Success": {"domain": "added-two", "database_identity": identity}})
        self.expect_json(self.server.request("GET", "/v1/database/added-two/names"), 200, {"names": ["added", "added-two"]})
        self.expect_text(self.owner.request("POST", path, "added-two"), 500,
                         "record with the name added-two already exists")
        self.expect_text(self.owner.request("POST", path, "A"), 400, "invalid characters in database name")
        # Anybody may add a name of his own.
        self.expect_json(self.other.request("POST", path, "added-by-other"), 200)
        # The old owner keeps a name that he gave up.
        self.expect_json(self.owner.request("PUT", path, '["added-three"]', JSON), 401,
                         {"PermissionDenied": {"domain": "added-by-other"}})

    def test_set(self):
        self.publish("set-one")
        self.publish("set-taken")
        path = "/v1/database/set-one/names"
        self.expect_json(self.owner.request("PUT", path, '["set-b","set-a"]', JSON), 200, '"Success"')
        self.expect_text(self.server.request("GET", path), 404, "`set-one` not found")
        path = "/v1/database/set-a/names"
        self.expect_json(self.server.request("GET", path), 200, {"names": ["set-b", "set-a"]})
        identity = self.server.request("GET", "/v1/database/set-a/identity").text()
        self.expect_json(self.other.request("PUT", path, '["x"]', JSON), 401, {"NotYourDatabase": {"database": identity}})
        for name in ("set-taken", "set-a"):
            self.expect_json(self.owner.request("PUT", path, json.dumps([name]), JSON), 400,
                             {"OtherError": f"Cannot rename to {name} because it already is in use."})
        self.expect_text(self.owner.request("PUT", path, '["B"]', JSON), 400,
                         "Error parsing `B`: invalid characters in database name")
        self.expect(self.owner.request("PUT", path, '["c","c"]', JSON), 400)
        self.expect_text(self.owner.request("PUT", path, "[]"), 415, "Expected request with `Content-Type: application/json`")
        self.assertTrue(self.expect(self.owner.request("PUT", path, "[", JSON), 400).text()
                        .startswith("Failed to parse the request body as JSON: "))
        self.expect(self.owner.request("PUT", path, "{}", JSON), 422)
        self.expect(self.owner.request("PUT", path, '["c"]', {"content-type": "application/ld+json; charset=utf-8"}), 200)
        # Given up, but still the owner's: nobody else gets it.
        self.expect_json(self.other.publish("set-b", MODULES["first"]), 401, {"PermissionDenied": {"name": "set-b"}})
        self.expect_json(self.owner.request("PUT", f"/v1/database/{identity}/names", "[]", JSON), 200, '"Success"')
        self.expect_json(self.server.request("GET", f"/v1/database/{identity}/names"), 200, {"names": []})

    def test_limits(self):
        self.publish("limits")
        path = "/v1/database/limits/names"
        many = [f"limits-{i}" for i in range(1001)]
        self.expect(self.owner.request("PUT", path, json.dumps(many), JSON), 422)
        self.expect(self.owner.request("PUT", path, json.dumps(many[:1000]), JSON), 200)


class Publish(Case):
    def test_life(self):
        owner = self.owner
        first = self.publish("life").json()["Success"]["database_identity"]
        owner.call("life", "add", 1)
        self.assertEqual(self.publish("life").json()["Success"]["op"], "updated")
        self.assertEqual(self.publish("life", "second").json()["Success"]["op"], "updated")
        self.assertEqual(owner.rows("life", "SELECT * FROM item"), [[1, 1]])
        refusal = f"{self.other.identity} is not authorized to perform action on database {first}: "
        self.expect_text(self.other.publish("life", MODULES["first"]), 403, refusal + "update database")
        self.expect_text(self.other.publish("life", MODULES["first"], "?clear=true"), 403, refusal + "reset database")
        self.expect_text(self.other.request("DELETE", "/v1/database/life"), 403, refusal + "delete database")
        self.expect_text(self.other.request("POST", "/v1/database/life/lock"), 403, refusal + "delete database")
        self.expect_text(self.other.request("POST", "/v1/database/life/pre_publish", MODULES["first"]), 403,
                         refusal + "update database")
        owned = self.server.request("GET", f"/v1/identity/{owner.identity}/databases").json()["identities"]
        self.assertIn(first, owned)
        # Reset: empty, the same identity, the record names the new program.
        before = self.server.request("GET", "/v1/database/life").json()["initial_program"]
        again = self.publish("life", "third", "?clear=true").json()["Success"]
        self.assertEqual((again["op"], again["database_identity"]), ("updated", first))
        self.assertEqual(owner.rows("life", "SELECT * FROM item"), [])
        self.assertNotEqual(self.server.request("GET", "/v1/database/life").json()["initial_program"], before)
        # Delete: the name stays, and publishing again gives the same identity.
        self.expect(owner.request("DELETE", "/v1/database/life"), 200, "")
        self.expect_text(self.server.request("GET", "/v1/database/life"), 404, "No such database.")
        self.expect(owner.request("DELETE", "/v1/database/life"), 200, "")
        self.expect_text(owner.request("DELETE", "/v1/database/never"), 404, "`never` not found")
        self.assertEqual(self.publish("life").json()["Success"], {"domain": "life", "database_identity": first, "op": "created"})

    def test_targets(self):
        post = self.expect_json(self.owner.request("POST", "/v1/database", MODULES["first"]), 200).json()["Success"]
        self.assertEqual((post["domain"], post["op"]), (None, "created"))
        chosen = "c200" + "ab" * 30
        put = self.expect_json(self.owner.publish(chosen, MODULES["first"]), 200).json()["Success"]
        self.assertEqual(put, {"domain": None, "database_identity": chosen, "op": "created"})
        self.expect_text(self.owner.request("POST", "/v1/database?clear=true", MODULES["first"]), 400,
                         "Clear database requires database name or identity")

    def test_options(self):
        self.publish("options")
        for query in ("?clear=1", "?host_type=Lua", "?policy=Maybe", "?num_replicas=x", "?update_confirmation_timeout=soon"):
            answer = self.expect(self.owner.publish("options", MODULES["first"], query), 400)
            self.assertTrue(answer.text().startswith("Failed to deserialize query string: "), answer)
        self.expect_text(self.owner.publish("options", MODULES["first"], "?num_replicas=256"), 400,
                         "Replication factor 256 out of bounds")
        self.expect_text(self.owner.publish("options", MODULES["first"], "?parent=nobody"), 404, "`nobody` not found")
        self.expect_text(self.owner.publish("options", MODULES["first"], "?org=nobody"), 404, "`nobody` not found")
        self.publish("options", query="?parent=options&organization=options&num_replicas=255&update_confirmation_timeout=5s")
        self.expect_text(self.owner.publish("options", MODULES["first"], "?clear=true&parent=options"), 400,
                         "Setting the parent of an existing database is not supported")
        self.expect_text(self.owner.publish("options", MODULES["second"], "?policy=BreakClients"), 400,
                         "Migration policy is set to `BreakClients`, but no migration token was provided.")

    def test_failures_leave_nothing(self):
        self.expect_text(self.owner.publish("failing", MODULES["bad_init"]), 500, "init says no")
        self.expect_text(self.server.request("GET", "/v1/database/failing"), 404, "No such database.")
        self.expect(self.owner.publish("failing", b"hello"), 500)
        self.publish("failing")
        self.owner.call("failing", "add", 3)
        self.expect(self.owner.publish("failing", b"hello"), 500)
        self.expect_text(self.owner.publish("failing", MODULES["bad_init"], "?clear=true"), 500, "init says no")
        self.assertEqual(self.owner.rows("failing", "SELECT * FROM item"), [[3, 3]])

    def test_migrations(self):
        self.publish("moving")
        path = "/v1/database/moving/pre_publish"
        self.expect(self.owner.request("POST", "/v1/database/unmoved/pre_publish", MODULES["third"]), 404)
        same = self.expect_json(self.owner.request("POST", path + "?style=NoColor", MODULES["first"]), 200).json()
        self.assertFalse(same["AutoMigrate"]["break_clients"])
        plan = self.owner.request("POST", path + "?style=NoColor&pretty_print_style=x", MODULES["third"]).json()["AutoMigrate"]
        self.assertTrue(plan["break_clients"])
        self.assertIn("!!! Warning: All clients will be disconnected", plan["migrate_plan"])
        coloured = self.owner.request("POST", path, MODULES["third"]).json()["AutoMigrate"]["migrate_plan"]
        self.assertIn("\x1b[", coloured)
        self.expect_text(self.owner.publish("moving", MODULES["third"]), 400,
                         "Failed to create or update the database: Migration plan contains a client-breaking change "
                         "which is disallowed under current policy")
        self.expect_text(self.owner.publish("moving", MODULES["third"], "?policy=BreakClients&token=0x1234"), 400,
                         "Failed to create or update the database: Token provided is invalid or does not match expected hash")
        self.owner.call("moving", "add", 1)
        self.publish("moving", "third", "?policy=BreakClients&token=" + plan["token"])
        self.assertEqual(self.owner.rows("moving", "SELECT * FROM item"), [[1, 1, 7]])
        manual = self.expect_json(self.owner.request("POST", path, MODULES["fourth"]), 200).json()["ManualMigrate"]
        self.assertTrue(manual["reason"].startswith("Errors occurred:"), manual)
        answer = self.expect(self.owner.publish("moving", MODULES["fourth"]), 400)
        self.assertTrue(answer.text().startswith("Database update rejected: Errors occurred:\n"), answer)

    def test_lock(self):
        self.publish("locked")
        for _ in range(2):
            self.expect(self.owner.request("POST", "/v1/database/locked/lock"), 200, "")
        self.expect_text(self.owner.request("DELETE", "/v1/database/locked"), 403,
                         "Database is locked and cannot be deleted. Run `spacetime unlock` first.")
        self.expect_text(self.owner.publish("locked", MODULES["first"], "?clear=true"), 403,
                         "Database is locked and cannot be reset with --delete-data. Run `spacetime unlock` first.")
        self.publish("locked", "second")
        self.expect(self.owner.request("POST", "/v1/database/locked/unlock"), 200, "")
        self.expect(self.owner.request("DELETE", "/v1/database/locked"), 200, "")

    def test_reset_route(self):
        self.publish("reset")
        self.owner.call("reset", "add", 1)
        self.expect_json(self.owner.request("PUT", "/v1/database/reset/reset"), 200)
        self.assertEqual(self.owner.rows("reset", "SELECT * FROM item"), [])
        self.expect_json(self.owner.request("PUT", "/v1/database/reset/reset", MODULES["third"]), 200)
        self.expect(self.owner.request("PUT", "/v1/database/no-reset/reset", MODULES["third"]), 404)

    def test_at_once(self):
        """Many who publish the same new name: one creates, the others update or are refused; nothing breaks."""
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(self.owner.publish("together", MODULES["first"])))
                   for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        operations = sorted(answer.json()["Success"]["op"] for answer in answers)
        self.assertEqual(operations, ["created"] + ["updated"] * 7)
        identities = {answer.json()["Success"]["database_identity"] for answer in answers}
        self.assertEqual(len(identities), 1)


class Calls(Case):
    def test_outcomes(self):
        self.expect_json(self.owner.publish("kinds", KINDS), 200)
        owner = self.owner
        answer = owner.call("kinds", "add_plain", 5, "five")
        self.expect_text(answer, 200, "")
        self.assertGreater(int(answer.headers["spacetime-energy-used"]), 0)
        self.assertGreaterEqual(int(answer.headers["spacetime-execution-duration-micros"]), 0)
        self.expect_text(owner.call("kinds", "fail", 0), 530, "asked to fail")
        self.expect_text(owner.call("kinds", "fail", 1), 530, "The instance encountered a fatal error.")
        self.expect_text(owner.call("kinds", "nothing"), 404, "No such procedure")
        self.expect_text(owner.call("kinds", "init"), 400, "can't directly call special Init lifecycle reducer")
        answer = self.expect(owner.call("kinds", "add_plain", 1), 400)
        self.assertTrue(answer.text().startswith("invalid arguments for reducer add_plain: "), answer)
        self.assertIn("invalid length 1, expected reducer args for add_plain with 2 elements", answer.text())
        path = "/v1/database/kinds/call/add_plain"
        for query in ("?confirmed=true", "?confirmed=false"):
            self.expect_text(owner.request("POST", path + query, '[6,"six"]', JSON), 200, "")
        self.expect(owner.request("POST", path + "?confirmed=true", "[6", JSON), 400)
        self.expect_text(owner.request("POST", path, "[]"), 400, "Header of type `content-type` was missing")
        for kind in ("application/json; charset=utf-8", "text/plain"):
            self.expect_text(owner.request("POST", path, "[]", {"content-type": kind}), 415,
                             "Expected request with `Content-Type: application/json`")
        self.expect_text(self.server.request("GET", "/v1/database/kinds/route/nope", token="garbage"), 404,
                         "Database has not registered a handler for this route")

    def test_hooks(self):
        self.publish("hooked")
        self.owner.call("hooked", "add", 1)
        self.assertEqual(len(self.owner.rows("hooked", "SELECT * FROM visit")), 3)  # its own visit has just begun
        self.expect(self.owner.sql("hooked", "SELEKT"), 400)
        self.assertEqual(len(self.owner.rows("hooked", "SELECT * FROM visit")), 7)
        self.publish("unfriendly", "unfriendly")
        self.expect_text(self.owner.call("unfriendly", "add", 1), 403, "not you")
        self.expect_text(self.owner.sql("unfriendly", "SELECT * FROM item"), 403, "not you")

    def test_sql(self):
        self.publish("sql")
        for query in ("", "?confirmed=true", "?confirmed=false"):
            answer = self.owner.request("POST", "/v1/database/sql/sql" + query, "SELECT * FROM item")
            self.expect_json(answer, 200)
            self.assertIn("spacetime-execution-duration-micros", answer.headers)
        self.expect(self.owner.request("POST", "/v1/database/sql/sql?confirmed=1", ""), 400)
        self.expect_text(self.owner.sql("sql", ""), 400, "Empty SQL query")
        self.expect_text(self.owner.sql("sql", "SELECT * FROM item; SELECT * FROM item"), 400,
                         "Multiple SQL statements are not supported")
        self.expect_text(self.other.sql("sql", "DELETE FROM item"), 400,
                         f"Caller {self.other.identity} is not authorized to run SQL DML statements")
        self.expect_text(self.owner.sql("sqlless", "SELECT 1"), 404, "`sqlless` not found")

    def test_schema_and_time(self):
        self.publish("schema")
        nine = self.expect_json(self.server.request("GET", "/v1/database/schema/schema?version=9"), 200).json()
        self.assertEqual([table["name"] for table in nine["tables"]], ["item", "visit"])
        ten = self.expect_json(self.server.request("GET", "/v1/database/schema/schema?version=10"), 200).json()
        self.assertIn("sections", ten)
        now = self.expect_json(self.server.request("GET", "/v1/database/schema/unstable/timestamp"), 200).json()
        self.assertLess(abs(now["__timestamp_micros_since_unix_epoch__"] / 1e6 - time.time()), 5)
        self.expect(self.server.request("GET", "/v1/database/no-schema/unstable/timestamp"), 404)


class Logs(Case):
    def read_line(self, response):
        return json.loads(response.readline())

    def test_tail(self):
        self.publish("tail", "chatty")
        for i in range(5):
            self.owner.call("tail", "say", f"line {i}")
        path = "/v1/database/tail/logs"
        answer = self.expect(self.owner.request("GET", path + "?num_lines=2"), 200, kind="application/x-ndjson")
        self.assertEqual([json.loads(line)["message"] for line in answer.text().splitlines()], ["line 3", "line 4"])
        self.assertEqual(answer.headers["cache-control"], "no-cache")
        self.assertEqual(len(self.owner.request("GET", path + "?num_lines=0").text().splitlines()), 1)
        everything = [json.loads(line) for line in self.owner.request("GET", path).text().splitlines()]
        self.assertEqual(everything[-1]["message"], "line 4")
        self.assertIn("Database initialized", [line["message"] for line in everything])
        refused = self.expect(self.other.request("GET", path), 403)
        self.assertTrue(refused.text().endswith(": view module logs"), refused)

    def follow(self, name, query):
        import http.client
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        connection.request("GET", f"/v1/database/{name}/logs?follow=true{query}",
                           headers={"authorization": "Bearer " + self.owner.token})
        return connection, connection.getresponse()

    def test_follow(self):
        self.publish("follow", "chatty")
        self.owner.call("follow", "say", "before")
        connection, response = self.follow("follow", "&num_lines=1")
        self.assertEqual(self.read_line(response)["message"], "before")
        for i in range(100):
            self.owner.call("follow", "say", f"line {i}")
        self.assertEqual([self.read_line(response)["message"] for _ in range(100)], [f"line {i}" for i in range(100)])
        connection.close()
        # The server finds out and goes on.
        self.expect_text(self.owner.call("follow", "say", "after"), 200, "")
        for query in ("", "&num_lines=0"):
            connection, response = self.follow("follow", query)
            self.owner.call("follow", "say", "only this")
            self.assertEqual(self.read_line(response)["message"], "only this")
            connection.close()

    def test_follow_ends_with_the_database(self):
        self.publish("ending", "chatty")
        _, response = self.follow("ending", "")
        # An update keeps it.
        self.publish("ending", "chatty")
        self.owner.call("ending", "say", "still here")
        messages = []
        while "still here" not in messages:
            messages.append(self.read_line(response)["message"])
        self.expect(self.owner.request("DELETE", "/v1/database/ending"), 200)
        self.assertEqual(response.read(), b"")


class Subscribe(Case):
    def open(self, name, query="", **more):
        return WebSocket(self.server.port, f"/v1/database/{name}/subscribe{query}", **more)

    def test_checks(self):
        self.publish("checks")
        plain = self.server.request("GET", "/v1/database/checks/subscribe")
        self.expect_text(plain, 426, "This service requires use of the websocket protocol")
        self.assertEqual((plain.headers["connection"], plain.headers["upgrade"]), ("upgrade", "websocket"))
        self.assertIn("spacetime-identity", plain.headers)

        def refused(status, text, name="checks", query="", **more):
            ws = self.open(name, query, **more)
            self.assertEqual((ws.status, ws.body.decode()), (status, text))
            ws.close()
        refused(401, "Invalid token: InvalidToken", token="x")
        refused(400, "Invalid URL: invalid characters in database name", "Checks")
        for query in ("?compression=Zip", "?light=1", "?confirmed=", "?connection_id=1"):
            ws = self.open("checks", query)
            self.assertEqual(ws.status, 400)
            self.assertTrue(ws.body.startswith(b"Failed to deserialize query string: "))
            ws.close()
        refused(400, "`Sec-WebSocket-Version` header did not include '13'", headers={"sec-websocket-version": "12"})
        refused(400, "`Sec-WebSocket-Key` header missing", headers={"sec-websocket-key": None})
        refused(400, "Invalid connection ID: the all-zeros ConnectionId is reserved.", query="?connection_id=" + "0" * 32)
        refused(404, "`nowhere` not found", "nowhere")
        ws = self.open(ZERO)
        self.assertEqual(ws.status, 500)
        self.assertEqual(ws.body.decode(), f"Unable to authorize {ws.headers['spacetime-identity']} for SQL: "
                                           f"database {ZERO} not found")
        for protocols in (None, "v9", "V2.bsatn.spacetimedb"):
            refused(400, "no valid protocol selected", protocols=protocols)

    def test_hello(self):
        self.publish("hello")
        chosen = "0123456789ABCDEF0123456789abcdef"
        ws = self.open("hello", "?connection_id=" + chosen, token=self.owner.token,
                       protocols="x, v2.bsatn.spacetimedb ,v3.bsatn.spacetimedb")
        self.assertEqual(ws.status, 101)
        self.assertEqual(ws.headers["sec-websocket-protocol"], "v3.bsatn.spacetimedb")
        self.assertEqual(ws.headers["spacetime-identity"], self.owner.identity)
        self.assertEqual(ws.headers["sec-websocket-accept"], "ICX+Yqv66kxgM0FcWaLWlFLwTAI=")
        hello = ws.receive()
        self.assertEqual(hello[:2], b"\0\0")
        self.assertEqual(hello[2:34][::-1].hex(), self.owner.identity)
        self.assertEqual(hello[34:50][::-1].hex(), chosen.lower())
        self.assertEqual(hello[54:].decode(), self.owner.token)
        ws.close()

    def test_updates(self):
        self.publish("updates")
        one, two = (self.open("updates", token=user.token) for user in (self.owner, self.other))
        for ws in (one, two):
            ws.receive()
            ws.send(subscribe(1, 1, "SELECT * FROM item"))
            self.assertEqual(ws.receive()[:2], b"\0\1")
        one.send(call(2, "add", struct.pack("<I", 77)))
        self.assertEqual(one.receive()[:2], b"\0\6")
        update = two.receive()
        self.assertEqual(update[:2], b"\0\4")
        self.assertIn(struct.pack("<II", 77, 77), update)
        # Many messages in one write: all are answered, in order.
        batch = b"".join(bytes([0x82, 0x80 | len(message)]) + bytes(4) + message
                         for message in (call(10 + i, "add", struct.pack("<I", 100 + i)) for i in range(200)))
        one.socket.sendall(batch)
        self.assertEqual([struct.unpack("<I", one.receive()[2:6])[0] for _ in range(200)], list(range(10, 210)))
        for ws in (one, two):
            ws.close()
        self.wait_until(lambda: not self.owner.rows("updates", "SELECT * FROM st_client")[1:])

    def test_endings(self):
        self.publish("endings", "unfriendly")
        ws = self.open("endings")
        self.assertEqual(ws.status, 101)
        with self.assertRaises(ConnectionError):
            ws.receive()  # refused by the module: dropped without a frame
        self.publish("endings-two")
        ws = self.open("endings-two")
        ws.receive()
        ws.send(b"\x09\0\0")
        self.assertEqual(ws.receive(), ("close", 1011, "unknown tag 0x9 for sum type ClientMessage"))
        ws = self.open("endings-two")
        ws.receive()
        ws.send_frame(1, b"text")
        self.assertEqual(ws.receive()[:2], ("close", 1011))
        ws = self.open("endings-two")
        ws.receive()
        self.expect(self.owner.request("DELETE", "/v1/database/endings-two"), 200)
        self.assertEqual(ws.receive(), ("close", 1001, "module exited"))

    def test_breaking_update_disconnects(self):
        self.publish("broken-up")
        ws = self.open("broken-up")
        ws.receive()
        plan = self.owner.request("POST", "/v1/database/broken-up/pre_publish", MODULES["third"]).json()["AutoMigrate"]
        self.publish("broken-up", "second")
        ws.send(call(1, "add", struct.pack("<I", 1)))
        self.assertEqual(ws.receive()[:2], b"\0\6")  # a compatible update keeps connections
        plan = self.owner.request("POST", "/v1/database/broken-up/pre_publish", MODULES["first"]).json()["AutoMigrate"]
        self.assertTrue(plan["break_clients"])
        self.publish("broken-up", "first", "?policy=BreakClients&token=" + plan["token"])
        self.assertEqual(ws.receive(), ("close", 1001, "module exited"))

    def test_reset_disconnects(self):
        self.publish("reset-ws")
        ws = self.open("reset-ws")
        ws.receive()
        self.publish("reset-ws", "first", "?clear=true")
        self.assertEqual(ws.receive(), ("close", 1001, "module exited"))
        ws = self.open("reset-ws")
        self.assertEqual(ws.receive()[:2], b"\0\0")
        ws.close()


class Flood(Case):
    """A client that sends faster than its database works is closed; the limit is a setting."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.stop()
        with open(os.path.join(cls.server.data, "config.toml"), "w") as file:
            file.write("[websocket]\nincoming-queue-length = 100\nidle-timeout = \"2s\"\nping-interval = \"500ms\"\n")
        cls.server.start()

    def frames(self, count):
        message = call(1, "add", struct.pack("<I", 0))
        return (bytes([0x82, 0x80 | len(message)]) + bytes(4) + message) * count

    def test_limit(self):
        self.publish("flood")
        path = "/v1/database/flood/subscribe"
        ws = WebSocket(self.server.port, path)
        ws.receive()
        ws.socket.sendall(self.frames(101))
        answer = ws.receive()
        while isinstance(answer, bytes):
            answer = ws.receive()
        self.assertEqual(answer, ("close", 1013, "too many requests"))
        ws = WebSocket(self.server.port, path)
        ws.receive()
        ws.socket.sendall(self.frames(100))
        for _ in range(100):
            self.assertEqual(ws.receive()[:2], b"\0\6")
        ws.close()

    def test_idle(self):
        self.publish("idle")
        ws = WebSocket(self.server.port, "/v1/database/idle/subscribe")
        start = time.monotonic()
        with self.assertRaises(ConnectionError):
            while True:
                ws.frame()  # pings are not answered
        self.assertGreater(time.monotonic() - start, 1.5)


class Operations(unittest.TestCase):
    def setUp(self):
        self.server = Server(PROGRAM)
        self.addCleanup(self.server.remove)

    def module(self, name):
        if name not in MODULES:
            MODULES[name] = harness.compile_module(SOURCES[name], self.server.directory)
        return MODULES[name]

    def test_restart(self):
        server = self.server.start()
        owner, other = server.new_user(), server.new_user()
        self.assertEqual(owner.publish("kept", self.module("first")).status, 200)
        self.assertEqual(owner.publish("gone", self.module("first")).status, 200)
        self.assertEqual(owner.request("DELETE", "/v1/database/gone").status, 200)
        self.assertEqual(owner.publish("updated", self.module("first")).status, 200)
        self.assertEqual(owner.publish("updated", self.module("second")).status, 200)
        self.assertEqual(owner.request("POST", "/v1/database/kept/names", "kept-two").status, 200)
        self.assertEqual(owner.request("POST", "/v1/database/kept/lock").status, 200)
        for i in range(20):
            owner.call("kept", "add", i)
        ws = WebSocket(server.port, "/v1/database/kept/subscribe", token=other.token)
        ws.receive()
        # SQL waits for the disk by default: what it saw is there after the kill.
        visits = len(owner.rows("kept", "SELECT * FROM visit WHERE leaving = false"))
        info = [server.request("GET", f"/v1/database/{name}").body for name in ("kept", "kept-two", "updated")]
        server.stop(signal.SIGKILL)

        server.start()
        for name, before in zip(("kept", "kept-two", "updated"), info):
            self.assertEqual(server.request("GET", f"/v1/database/{name}").body, before)
        self.assertEqual(server.request("GET", "/v1/database/gone").status, 404)
        self.assertEqual(owner.rows("kept", "SELECT * FROM item"), [[i, i] for i in range(20)])
        # Whoever was connected was disconnected at the start.
        left = owner.rows("kept", "SELECT * FROM visit")
        self.assertEqual(sum(not leaving for _, leaving in left), visits + 2)
        self.assertEqual(sum(leaving for _, leaving in left), visits + 1)  # all but this query
        self.assertEqual(owner.request("DELETE", "/v1/database/kept").status, 403)  # still locked
        self.assertEqual(owner.rows("updated", "SELECT * FROM extra"), [])
        first = server.request("GET", "/v1/database/kept/identity").text()
        again = server.request("GET", f"/v1/identity/{owner.identity}/databases").json()["identities"]
        self.assertEqual(again[0], first)
        replicas = sorted(os.listdir(os.path.join(server.data, "replicas")), key=int)
        self.assertEqual(owner.publish("new", self.module("first")).status, 200)
        newest = sorted(os.listdir(os.path.join(server.data, "replicas")), key=int)
        self.assertEqual(newest[:-1], replicas)  # a number that was never used
        self.assertEqual(server.stop(signal.SIGTERM), 0)

    def test_stop(self):
        server = self.server.start()
        owner = server.new_user()
        owner.publish("stopping", self.module("chatty"))
        ws = WebSocket(server.port, "/v1/database/stopping/subscribe")
        ws.receive()
        follower = socket.create_connection(("127.0.0.1", server.port), timeout=30)
        follower.sendall(f"GET /v1/database/stopping/logs?follow=true HTTP/1.1\r\nhost: x\r\n"
                         f"authorization: Bearer {owner.token}\r\n\r\n".encode())
        self.assertTrue(follower.recv(4096).startswith(b"HTTP/1.1 200"))
        idle = socket.create_connection(("127.0.0.1", server.port), timeout=30)
        start = time.monotonic()
        server.process.send_signal(signal.SIGINT)
        self.assertEqual(ws.receive(), ("close", 1001, "module exited"))
        ws.close()
        self.assertEqual(server.process.wait(30), 0)
        self.assertLess(time.monotonic() - start, 4)
        while follower.recv(4096):
            pass
        self.assertEqual(idle.recv(1), b"")
        server.process = None
        self.assertFalse(os.path.exists(os.path.join(server.data, "spacetime.pid")))

    def test_killed_after_publish(self):
        """A database whose creation was acknowledged opens after a crash."""
        server = self.server.start()
        owner = server.new_user()
        for i in range(3):
            self.assertEqual(owner.publish(f"sudden-{i}", self.module("first")).status, 200)
            server.stop(signal.SIGKILL)
            server.start()
            self.assertEqual(owner.rows(f"sudden-{i}", "SELECT * FROM item"), [])

    def test_stopped_while_publishing(self):
        server = self.server.start()
        owner = server.new_user()
        program = self.module("slow")
        answers = []

        def publish(name):
            try:
                answers.append((name, owner.publish(name, program).status))
            except OSError:
                answers.append((name, "lost"))

        # Two that are being made, one that waits for the second.
        threads = [threading.Thread(target=publish, args=(name,)) for name in ("slow-a", "slow-b", "slow-b")]
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        self.assertEqual(server.stop(), 0)
        for thread in threads:
            thread.join()
        server.start()
        for name, status in answers:
            self.assertIn(status, (200, 503, "lost"))
            if status == 200:
                self.assertEqual(server.request("GET", f"/v1/database/{name}").status, 200)

    def test_second_server(self):
        self.server.start()
        result = subprocess.run(self.server.command(), capture_output=True, text=True, timeout=30)
        self.assertEqual(result.returncode, 1)
        self.assertIn("cannot take lock on database; spacetime.pid already exists (owned by pid "
                      f"Some({self.server.process.pid}))", result.stderr)

    def test_port_in_use(self):
        self.server.start()
        second = Server(PROGRAM, "--listen-addr", f"127.0.0.1:{self.server.port}", "--non-interactive")
        self.addCleanup(second.remove)
        result = subprocess.run(second.command(), capture_output=True, text=True, timeout=30)
        self.assertEqual(result.returncode, 1)
        self.assertIn("in use", result.stderr)

    def test_bad_configuration(self):
        server = Server(PROGRAM, config="[logs\n")
        self.addCleanup(server.remove)
        result = subprocess.run(server.command(), capture_output=True, text=True, timeout=30)
        self.assertEqual(result.returncode, 1)
        self.assertIn("invalid TOML syntax in ", result.stderr)

    def test_missing_key(self):
        self.server.start()
        self.server.stop()
        os.unlink(os.path.join(self.server.data, "id_ecdsa.pub"))
        result = subprocess.run(self.server.command(), capture_output=True, text=True, timeout=30)
        self.assertEqual(result.returncode, 1)
        self.assertIn("Unable to read public key for JWT token verification", result.stderr)

    def test_damaged_database(self):
        """One that cannot be opened says so; the others run."""
        server = self.server.start()
        owner = server.new_user()
        for name in ("good", "bad"):
            self.assertEqual(owner.publish(name, self.module("first")).status, 200)
        server.stop()
        replicas = sorted(os.listdir(os.path.join(server.data, "replicas")), key=int)
        log = os.path.join(server.data, "replicas", replicas[-1], "clog", "0" * 20 + ".stdb.log")
        # With a snapshot behind the damage nobody would need what is damaged.
        shutil.rmtree(os.path.join(server.data, "replicas", replicas[-1], "snapshots"), ignore_errors=True)
        with open(log, "r+b") as file:
            file.seek(200)
            file.write(b"\xff" * 64)
        server.start()
        self.assertEqual(owner.rows("good", "SELECT * FROM item"), [])
        for answer in (owner.sql("bad", "SELECT * FROM item"), owner.call("bad", "add", 1),
                       owner.publish("bad", self.module("second")), owner.request("GET", "/v1/database/bad/logs"),
                       server.request("GET", "/v1/database/bad/schema?version=9")):
            self.assertEqual(answer.status, 500, answer)
            self.assertTrue(answer.text().startswith("error starting database: "), answer)
        self.assertEqual(WebSocket(server.port, "/v1/database/bad/subscribe").status, 500)
        self.assertEqual(server.request("GET", "/v1/database/bad").status, 200)
        # It can be reset, and then runs again.
        self.assertEqual(owner.publish("bad", self.module("first"), "?clear=true").status, 200)
        self.assertEqual(owner.rows("bad", "SELECT * FROM item"), [])
        self.assertEqual(server.stop(), 0)

    def test_in_memory(self):
        server = Server(PROGRAM, "--in-memory")
        self.addCleanup(server.remove)
        server.start()
        owner = server.new_user()
        self.assertEqual(owner.publish("fleeting", self.module("first")).status, 200)
        owner.call("fleeting", "add", 1)
        self.assertEqual(owner.rows("fleeting", "SELECT * FROM item"), [[1, 1]])
        self.assertFalse(os.path.exists(os.path.join(server.data, "replicas")))
        self.assertEqual(server.stop(), 0)
        server.start()
        self.assertEqual(owner.rows("fleeting", "SELECT * FROM item"), [])
        self.assertEqual(server.stop(), 0)

    def test_publish_issuer(self):
        server = self.server.start({"TEMP_SPACETIMEAUTH_ISSUER_REQUIRED_TO_PUBLISH": "https://auth.example.com"})
        refused = server.new_user().publish("closed", self.module("first"))
        self.assertEqual((refused.status, refused.text()),
                         (401, "To create a database, you must be logged in with a SpacetimeDB account."))
        self.assertEqual(server.request("GET", "/v1/database/closed").text(), "`closed` not found")

    def test_output(self):
        server = self.server.start()
        self.assertIn(f"database running in data directory {server.data}\n", server.text())
        server.stop()
        for name in ("config.toml", "metadata.toml", "id_ecdsa", "id_ecdsa.pub", "control.db", "cache", "logs"):
            self.assertTrue(os.path.exists(os.path.join(server.data, name)), name)
        with open(os.path.join(server.data, "metadata.toml")) as file:
            self.assertTrue(re.search(r'^version = "2\.\d+\.\d+"\nedition = "standalone"$', file.read(), re.M))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], warnings="ignore")  # sockets left to the garbage collector
