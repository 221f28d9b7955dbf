#!/usr/bin/env python3
"""mock_test.py - goal: the requests that commands make, and what they do with answers a real server rarely gives.

    mock_test.py PROGRAM KINDS_WASM [unittest arguments]

Method: an HTTP server on a free port answers from a list and notes what it was asked."""

import base64
import hashlib
import http.server
import json
import socket
import struct
import threading

import command
from command import BANNER, KINDS, Case

IDENTITY = "c200" + "ab" * 30
TOKEN = "e30.eyJpc3MiOiJsb2NhbGhvc3QiLCJzdWIiOiJtZSIsImlhdCI6MX0.c2ln"
JSON = "application/json"
SCHEMA = {"sections": [
    {"Typespace": {"types": [{"Product": {"elements": [
        {"name": {"some": "name"}, "algebraic_type": {"String": []}}]}}]}},
    {"Tables": [{"source_name": "t", "product_type_ref": 0}]},
    {"Reducers": [{"source_name": "add", "params": {"elements": [
        {"name": {"some": "who"}, "algebraic_type": {"Product": {"elements": [
            {"name": {"some": "__identity__"}, "algebraic_type": {"U256": []}}]}}},
        {"name": {"some": "text"}, "algebraic_type": {"String": []}},
        {"name": {"some": "n"}, "algebraic_type": {"U8": []}}]}}]},
    {"Procedures": [{"source_name": "ask", "params": {"elements": []}, "return_type": {"String": []}}]}]}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length)
        self.server.requests.append((self.command, self.path, dict(self.headers.items()), body))
        status, content_type, text = self.server.answer(self.command, self.path, body)
        data = text if isinstance(text, bytes) else text.encode()
        self.send_response(status)
        if content_type:
            self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_DELETE = answer

    def log_message(self, *_):
        pass


class Mocked(Case):
    def setUp(self):
        super().setUp()
        self.mock = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.mock.requests = []
        self.mock.answer = self.answer
        self.answers = {}
        self.url = f"http://127.0.0.1:{self.mock.server_port}"
        threading.Thread(target=self.mock.serve_forever, daemon=True).start()

    def tearDown(self):
        self.mock.shutdown()
        self.mock.server_close()
        super().tearDown()

    def answer(self, method, path, _body):
        """What a test put into `answers` for a path, the first of a list first; a small server otherwise."""
        plain = path.split("?")[0]
        for key in ((method, path), (method, plain)):
            if key in self.answers:
                answer = self.answers[key]
                return answer.pop(0) if isinstance(answer, list) else answer
        if plain == "/v1/identity":
            return 200, JSON, json.dumps({"identity": IDENTITY, "token": TOKEN})
        if plain.endswith("/identity"):
            return 200, "text/plain", IDENTITY
        if plain.endswith("/schema"):
            return 200, JSON, json.dumps(SCHEMA)
        if method == "PUT" or (method == "POST" and plain == "/v1/database"):
            return 200, JSON, json.dumps({"Success": {"domain": None, "database_identity": IDENTITY, "op": "created"}})
        return 404, "text/plain", "nothing here"

    def asked(self):
        return [(method, path) for method, path, _, _ in self.mock.requests]

    def login(self):
        self.good("login", "--token", TOKEN)


class Publish(Mocked):
    def plan(self, **changes):
        plan = {"migrate_plan": "the plan", "break_clients": False, "token": "0x8f3", "major_version_upgrade": False,
                **changes}
        self.answers["POST", "/v1/database/my-db/pre_publish"] = 200, JSON, json.dumps({"AutoMigrate": plan})

    def publish(self, *words, **how):
        return self.cli("publish", "-s", self.url, "-b", KINDS, *words, **how)

    def test_new(self):
        result = self.publish("--yes", "my-db")
        self.assertEqual(result.code, 0, result)
        self.assertIn("We have logged in directly to your target server.\nWARNING: This login will NOT work for any other "
                      "servers.\nLogged in with identity c200", result.out)
        self.assertIn(f"(WASM) Skipping build. Instead we are publishing {KINDS}\nUploading to {self.url} => {self.url}\n"
                      "Checking for breaking changes...\nPublishing module...\n"
                      f"Created new database with identity: {IDENTITY}\n", result.out)
        self.assertEqual(self.asked()[1:], [
            ("POST", "/v1/database/my-db/pre_publish?pretty_print_style=NoColor&style=NoColor&host_type=Wasm"),
            ("PUT", "/v1/database/my-db?host_type=Wasm")])
        _, _, headers, body = self.mock.requests[2]
        self.assertEqual(headers["Authorization"], "Bearer " + TOKEN)
        self.assertNotIn("Content-Type", headers)
        self.assertNotIn("User-Agent", headers)
        with open(KINDS, "rb") as file:
            self.assertEqual(body, file.read())

    def test_options(self):
        self.login()
        result = self.publish("--parent", "p", "--org", "o.x", "--num-replicas", "3", "--anonymous")
        self.assertEqual(result.code, 0, result)
        self.assertEqual(result.err, "WARNING: Use of unstable option `--num-replicas`.\n\n")
        self.assertEqual(self.asked(), [("POST", "/v1/database?num_replicas=3&parent=p&org=o%2Ex&host_type=Wasm")])
        self.assertNotIn("Authorization", self.mock.requests[0][2])
        self.mock.requests.clear()
        self.assertEqual(self.publish("p/my-db", "-y").code, 0)
        self.assertEqual(self.asked()[-1], ("PUT", "/v1/database/my-db?parent=p&host_type=Wasm"))

    def test_names(self):
        self.login()
        for name, text in (("", "database names cannot be empty"), ("-a", "invalid hyphen"), ("a--b", "invalid hyphen"),
                           ("a-", "invalid hyphen"), ("A", "invalid characters"), ("a_b", "invalid characters"),
                           ("p/", "cannot be empty")):
            self.assertIn(text, self.publish("--", name).err, name)
        self.assertIn("invalid parent database name `P`", self.publish("P/a").err)
        self.assertIn("cannot specify both --parent", self.publish("p/a", "--parent", "q").err)
        self.assertEqual(self.asked(), [])

    def test_migration(self):
        self.login()
        self.plan()
        result = self.publish("my-db")
        self.assertIn("\nthe plan\nPublishing module...\n", result.out)
        self.assertEqual(self.asked()[-1], ("PUT", "/v1/database/my-db?token=0x8f3&policy=BreakClients&host_type=Wasm"))

    def test_breaking_migration(self):
        self.login()
        self.plan(break_clients=True)
        question = "The above changes will BREAK existing clients. Do you want to proceed? [y/N]"
        refused = self.publish("my-db")
        self.assertEqual((refused.code, refused.err), (1, "Error: Publishing aborted by user\n"))
        self.assertTrue(refused.out.endswith(question + "Aborting\n"), refused)
        self.assertEqual(self.publish("my-db", text="y\n").code, 0)
        for words in (["--break-clients"], ["--yes=break-clients"], ["-y"], ["--yes=remote,all"]):
            self.assertIn("Skipping confirmation due to --yes\n", self.publish("my-db", *words).out, words)
        self.assertEqual(self.publish("my-db", "--yes=migrate").code, 1)

    def test_manual_migration(self):
        self.login()
        self.answers["POST", "/v1/database/my-db/pre_publish"] = 200, JSON, json.dumps(
            {"ManualMigrate": {"reason": "too different", "major_version_upgrade": False}})
        refused = self.publish("my-db", "-y")
        self.assertIn("too different\nAborting publish due to required manual migration.\n", refused.out)
        self.assertEqual(refused.err, "Error: Aborting because publishing would require manual migration or deletion of data "
                                      "and --delete-data was not specified.\n")
        cleared = self.publish("my-db", "--delete-data=on-conflict", "--yes=delete-data")
        self.assertIn("Proceeding with database clear due to --delete-data=on-conflict.\nThis will DESTROY the current my-db "
                      "module, and ALL corresponding data.\nSkipping confirmation due to --yes\n", cleared.out)
        self.assertEqual(self.asked()[-1], ("PUT", "/v1/database/my-db?clear=true&host_type=Wasm"))

    def test_delete_data(self):
        self.login()
        refused = self.publish("my-db", "-c")
        self.assertEqual(refused.err, "Error: Aborted.\n")
        self.assertIn("Are you sure you want to proceed? [deleting my-db] [y/N]", refused.out)
        self.assertEqual(self.publish("--clear-database", "my-db", text="yes\n").code, 0)
        self.assertEqual(self.asked(), [("PUT", "/v1/database/my-db?clear=true&host_type=Wasm")])

    def test_upgrade(self):
        self.login()
        self.plan(major_version_upgrade=True)
        prompt = "Please type 'upgrade' to accept this change: "
        refused = self.publish("my-db", text="yes\n")
        self.assertIn("major version upgrade from 1.0 to 2.0", refused.out)
        self.assertTrue(refused.out.endswith(prompt), refused)
        self.assertEqual(refused.err, "Error: Aborting because major version upgrade was not accepted.\n")
        self.assertEqual(self.publish("my-db", text=" upgrade \n").code, 0)
        skipped = self.publish("my-db", "--yes=migrate")
        self.assertEqual(skipped.code, 0)
        self.assertNotIn(prompt, skipped.out)

    def test_refusals(self):
        self.login()
        self.answers["POST", "/v1/database/my-db/pre_publish"] = 403, "text/plain", "not yours"
        self.assertEqual(self.publish("my-db").err, "Error: Pre-publish check failed with status 403 Forbidden: not yours\n")
        self.plan()
        self.answers["PUT", "/v1/database/my-db"] = [
            (401, JSON, json.dumps({"PermissionDenied": {"name": "my-db"}})),
            (500, "text/plain", "it does not load"),
            (200, "text/plain", "fine"),
            (400, JSON, json.dumps({"EnvironmentError": {"MissingRequiredEnvironment": {"keys": ["A"]}}}))]
        self.assertIn("The database my-db is not registered to the identity you provided.\n", self.publish("my-db").err)
        self.assertIn("Error: it does not load\n\nCaused by:\n    HTTP status server error (500 Internal Server Error) for "
                      f"url ({self.url}/v1/database/my-db?", self.publish("my-db").err)
        self.assertIn("was success but did not have content-type: application/json", self.publish("my-db").err)
        self.assertIn('"keys":["A"]', self.publish("my-db").err)

    def test_other_server(self):
        self.login()
        host = f"http://localhost.:{self.mock.server_port}"
        refused = self.cli("publish", "-s", host, "-b", KINDS, "my-db")
        self.assertIn("You are about to publish to a non-local server: localhost.\nAre you sure you want to proceed? [y/N]",
                      refused.out)
        self.assertEqual(refused.err, "Error: Publish aborted by user.\n")
        self.assertEqual(self.asked(), [])


class Project(Mocked):
    def test_targets(self):
        self.login()
        self.write("spacetime.json", "{database: 'a', server: '%s', 'wasm-file': '%s', children: [{database: 'b-1'},"
                                     " {database: 'b-2', parent: 'p'}]}" % (self.url, KINDS))
        result = self.good("publish", "-y")
        self.assertIn("Using configuration from ", result.out)
        self.assertEqual(result.out.count("Publishing precompiled module to database '"), 3)
        puts = [path for method, path in self.asked() if method == "PUT"]
        self.assertEqual(puts, ["/v1/database/a?host_type=Wasm", "/v1/database/b-1?host_type=Wasm",
                                "/v1/database/b-2?parent=p&host_type=Wasm"])
        self.mock.requests.clear()
        self.good("publish", "-y", "b-*")
        self.assertEqual(len(self.asked()), 4)
        self.mock.requests.clear()
        self.good("publish", "-y", "--no-config", "-s", self.url, "-b", KINDS, "other")
        self.assertEqual(self.asked()[-1], ("PUT", "/v1/database/other?host_type=Wasm"))

    def test_single_target_lends_its_settings(self):
        self.login()
        self.write("spacetime.json", json.dumps({"database": "a", "server": self.url, "wasm-file": KINDS, "parent": "p"}))
        self.good("publish", "-y", "mine")
        self.assertEqual(self.asked()[-1], ("PUT", "/v1/database/mine?parent=p&host_type=Wasm"))
        self.answers["POST", f"/v1/database/{IDENTITY}/sql"] = 200, JSON, "[]"
        self.good("sql", "SELECT 1")
        self.assertIn(("GET", "/v1/database/a/identity"), self.asked())


class Calls(Mocked):
    def test_arguments(self):
        path = f"/v1/database/{IDENTITY}/call/add"
        self.answers["POST", path] = 200, None, "ignored"
        for identity, sent in ((IDENTITY, f'["0x{IDENTITY}"]'), ("0x" + IDENTITY, f'["0x{IDENTITY}"]'),
                               (f'"0x{IDENTITY}"', f'["0x{IDENTITY}"]'), (f'["0x{IDENTITY}"]', f'["0x{IDENTITY}"]')):
            result = self.good("call", "-s", self.url, "-y", "--", "db", "add", identity, "Robert", "-5", "surplus")
            self.assertNotIn("ignored", result.out)
            self.assertEqual(self.mock.requests[-1][3].decode(), f'[{sent}, "Robert", -5]')
        self.good("call", "-s", self.url, "-y", IDENTITY, "add", "x", '"Ro"')
        self.assertEqual(self.mock.requests[-1][3].decode(), '[x, "Ro"]')
        _, _, headers, _ = self.mock.requests[-1]
        self.assertEqual(headers["Content-Type"], JSON)
        self.assertRegex(headers["User-Agent"], r"^spacetimedb-cli/\d")

    def test_procedure(self):
        self.answers["POST", f"/v1/database/{IDENTITY}/call/ask"] = 200, JSON, '["World"]'
        self.assertTrue(self.good("call", "-s", self.url, "-y", "db", "ask").out.endswith('["World"]\n'))

    def test_errors(self):
        self.login()
        path = "POST", f"/v1/database/{IDENTITY}/call/add"
        self.answers[path] = 530, "text/plain", "oopsie"
        self.assertEqual(self.bad("call", "-s", self.url, "db", "add").err, BANNER +
                         "Error: Response text: oopsie\n\nCaused by:\n    HTTP status server error (530 <unknown status "
                         f"code>) for url ({self.url}/v1/database/{IDENTITY}/call/add)\n")
        self.answers[path] = 404, "text/plain", "no such reducer"
        result = self.bad("call", "-s", self.url, "db", "add")
        self.assertIn("Error: No such reducer OR procedure `add` for database `db` resolving to identity", result.err)
        self.assertIn("\n    0: Response text: no such reducer\n    1: HTTP status client error (404 Not Found)", result.err)
        self.answers["GET", "/v1/database/gone/identity"] = 404, "text/plain", ""
        self.assertIn("Error: failed to find database `gone`.\n", self.bad("call", "-s", self.url, "gone", "add").err)
        self.answers["GET", f"/v1/database/{IDENTITY}/schema"] = 404, "text/plain", "No such database."
        self.assertIn("Error: No such database.\n", self.bad("call", "-s", self.url, "db", "add").err)


class Others(Mocked):
    def test_delete_with_children(self):
        self.login()
        tree = {"root": {"database_identity": "01", "database_names": ["parent"]}, "children": [
            {"root": {"database_identity": "02", "database_names": ["child"]}, "children": [
                {"root": {"database_identity": "03", "database_names": ["grandchild"]}, "children": []},
                {"root": {"database_identity": "05", "database_names": []}, "children": []}]},
            {"root": {"database_identity": "04", "database_names": ["sibling", "bro"]}, "children": []}]}
        path = f"/v1/database/{IDENTITY}"
        self.answers["DELETE", path] = 428, JSON, json.dumps({"database_tree": tree, "confirmation_token": "0x1f"})
        self.answers["DELETE", path + "?token=0x1f"] = 200, None, ""
        refused = self.good("delete", "-s", self.url, "db", text="y\nn\n")
        self.assertIn(f"WARNING: Deleting the database {IDENTITY} will also delete its children!\n01: parent\n"
                      "├── 04: sibling, bro\n└── 02: child\n    ├── 05\n    └── 03: grandchild\nDo you want to proceed deleting "
                      "above databases? [y/N]Aborting\n", refused.out)
        self.assertNotIn(("DELETE", path + "?token=0x1f"), self.asked())
        self.good("delete", "-s", self.url, "db", "-y")
        self.assertEqual(self.asked()[-1], ("DELETE", path + "?token=0x1f"))

    def test_rename(self):
        self.login()
        path = "PUT", f"/v1/database/{IDENTITY}/names"
        self.answers[path] = 200, JSON, '"Success"'
        self.assertEqual(self.good("rename", "--to", "new", IDENTITY, "-s", self.url).out,
                         f"Name set to new for identity {IDENTITY}.\n")
        self.assertEqual(self.mock.requests[-1][3], b'["new"]')
        self.answers[path] = [
            (401, JSON, json.dumps({"NotYourDatabase": {"database": IDENTITY}})), (404, JSON, '"DatabaseNotFound"'),
            (400, JSON, '{"OtherError":"used"}'), (401, JSON, '{"PermissionDenied":{"domain":"d"}}'),
            (401, JSON, '{"PermissionDeniedOnAny":{"domains":["d"]}}')]
        for text in ("because it is owned by another identity", "not found", "Error: used\n", "for domain: d\n", 'domains: ["d"]'):
            self.assertIn(text, self.bad("rename", "--to", "new", IDENTITY, "-s", self.url).err)
        for name in ("", "a b", "a//b", "/a", "a/", "x" * 65, IDENTITY):
            self.bad("rename", f"--to={name}", IDENTITY, "-s", self.url)
        self.answers[path] = 200, JSON, '"Success"'
        self.good("rename", f"--to={'x' * 64}/b", IDENTITY, "-s", self.url)

    def test_fingerprint(self):
        self.answers["GET", "/v1/identity/public-key"] = 200, "application/pem-certificate-chain", "-----\nkey\n-----\n"
        result = self.good("server", "add", "--url", self.url, "mock", "-d")
        self.assertIn(f"For server {self.url}, got fingerprint:\n-----\nkey\n-----\n\nHost: ", result.out)
        self.assertEqual(self.good("server", "fingerprint", "mock").out,
                         "Fingerprint is unchanged for server mock:\n-----\nkey\n-----\n\n")
        self.answers["GET", "/v1/identity/public-key"] = 200, "text/plain", "other"
        changed = self.bad("server", "fingerprint", "mock", text="n\n")
        self.assertIn("Fingerprint has changed for server mock.\nWas:\n-----\nkey\n-----\n\nNew:\nother\nContinue? [y/N]",
                      changed.out)
        self.good("server", "fingerprint", "mock", "-y")
        self.assertIn('ecdsa_public_key = "other"\n', self.read_config())
        self.answers["GET", "/v1/ping"] = [(404, None, ""), (503, None, "")]
        self.assertEqual(self.good("server", "ping", "mock").out, f"Server returned 404 (Not Found): {self.url}\n")
        self.assertEqual(self.good("server", "ping", "mock").out,
                         f"Server could not be reached (503 Service Unavailable): {self.url}\n")

    def test_logs(self):
        self.login()
        lines = "".join(json.dumps({"level": level, "message": level.lower()}) + "\n"
                        for level in ("Trace", "Info", "Error", "Panic"))
        self.answers["GET", f"/v1/database/{IDENTITY}/logs"] = 200, "application/x-ndjson", lines
        log = ["logs", "-s", self.url, "db"]
        self.assertEqual(self.good(*log).out, "TRACE: trace\n INFO: info\nERROR: error\nPANIC: panic\n")
        self.assertEqual(self.asked()[-1], ("GET", f"/v1/database/{IDENTITY}/logs?follow=false"))
        self.assertEqual(self.good(*log, "--format=json").out, lines)
        self.assertEqual(self.good(*log, "--level", "error", "-n", "7").out, "ERROR: error\nPANIC: panic\n")
        self.assertEqual(self.asked()[-1], ("GET", f"/v1/database/{IDENTITY}/logs?num_lines=7&follow=false"))
        self.assertEqual(self.good(*log, "-l", "info", "--level-exact", "--format", "json", "-f").out,
                         lines.split("\n")[1] + "\n")
        self.assertEqual(self.asked()[-1], ("GET", f"/v1/database/{IDENTITY}/logs?num_lines=10&follow=true"))
        self.answers["GET", f"/v1/database/{IDENTITY}/logs"] = 200, "application/x-ndjson", "what\n"
        self.assertIn("a line of the log is not understood: what", self.bad(*log).err)
        self.answers["GET", f"/v1/database/{IDENTITY}/logs"] = 403, "text/plain", "not authorized"
        self.assertEqual(self.bad(*log).err, "Error: not authorized\n")

    def test_web_login(self):
        ok = lambda data: (200, JSON, json.dumps({"success": True, "data": data}))
        self.answers.update({
            ("POST", "/api/auth/cli/login/request-token"): ok({"token": "T/1"}),
            ("GET", "/api/auth/cli/status"): [ok({"approved": False}), ok({"approved": True, "sessionToken": "S"})],
            ("POST", "/api/spacetimedb-token"): ok({"token": TOKEN}),
            ("POST", "/auth/cli/logout"): (200, None, "")})
        result = self.good("login", "--auth-host", self.url + "/", "--no-browser")
        self.assertIn(f"Open {self.url}/login/cli?token=T%2F1 in your browser to finish logging in.\nWaiting to hear response "
                      "from the server...\nLogin successful!\nLogged in with identity c200", result.out)
        self.assertEqual(self.asked(), [
            ("POST", "/api/auth/cli/login/request-token"), ("GET", "/api/auth/cli/status?token=T%2F1"),
            ("GET", "/api/auth/cli/status?token=T%2F1"), ("POST", "/api/spacetimedb-token")])
        self.assertEqual(self.mock.requests[-1][2]["Authorization"], "Bearer S")
        self.assertIn(f'web_session_token = "S"\nspacetimedb_token = "{TOKEN}"\n', self.read_config())
        result = self.good("logout", "--auth-host", self.url)
        self.assertNotIn("Warning", result.err)
        self.assertEqual(self.asked()[-1], ("POST", "/auth/cli/logout"))
        self.assertNotIn("token", self.read_config())
        self.answers["POST", "/api/auth/cli/login/request-token"] = 200, JSON, '{"success":false,"error":"no"}'
        self.assertEqual(self.bad("login", "--auth-host", self.url).err, "Error: Failed to request token\n\nCaused by:\n    no\n")


class Sockets(Mocked):
    """A server that speaks WebSocket just as far as each test wants."""

    def setUp(self):
        super().setUp()
        self.login()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.frames = b""
        self.accept = None
        threading.Thread(target=self.serve, daemon=True).start()

    def tearDown(self):
        self.listener.close()
        super().tearDown()

    def serve(self):
        """Passes HTTP on to the mock; answers the upgrade itself."""
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            data = b""
            while b"\r\n\r\n" not in data:
                part = client.recv(65536)
                if not part:
                    break
                data += part
            if b"Upgrade: websocket" in data:
                self.upgrade(client, data.decode())
            elif data:
                with socket.create_connection(("127.0.0.1", self.mock.server_port)) as mock:
                    mock.sendall(data.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
                    while part := mock.recv(65536):
                        client.sendall(part)
            client.close()

    def upgrade(self, client, head):
        key = head.split("Sec-WebSocket-Key: ")[1].split("\r\n")[0]
        digest = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        accept = self.accept or base64.b64encode(digest).decode()
        self.request = head
        client.sendall(f"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: {accept}\r\nConnection: Upgrade\r\n"
                       "Upgrade: websocket\r\nsec-websocket-protocol: v3.bsatn.spacetimedb\r\n\r\n".encode() + self.frames)
        client.settimeout(5)
        try:
            while client.recv(4096):
                pass
        except OSError:
            pass

    def subscribe(self, *words, code=0):
        url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        result = self.cli("subscribe", "-s", url, "db", *words, "--", "SELECT * FROM t")
        self.assertEqual(result.code, code, result)
        return result

    @staticmethod
    def frame(first, payload):
        assert len(payload) < 126
        return bytes([first, len(payload)]) + payload

    APPLIED = bytes.fromhex("0001000000000000000001000000010000007401010000000000000000000000"
                            "0600000002000000416c")
    CHANGES = bytes.fromhex("000401000000000000000100000001000000740100000000010100000000000000000000"
                            "000600000002000000416c010000000000000000")
    CLOSE = bytes([0x88, 2, 3, 0xe8])
    LINE = '{"t":{"deletes":[],"inserts":[{"name":"Al"}]}}\n'

    def test_updates(self):
        changes = self.CHANGES[1:]
        self.frames = (self.frame(0x81, b"ignored") + self.frame(0x82, self.APPLIED) + self.frame(0x89, b"ping")
                       + self.frame(0x02, self.CHANGES[:20]) + self.frame(0x80, self.CHANGES[20:])
                       + self.frame(0x82, b"\0" + changes + changes) + self.CLOSE)
        result = self.subscribe("--print-initial-update", "--confirmed", "true")
        self.assertEqual(result.out, self.LINE * 4)
        self.assertEqual(result.err, BANNER + "disconnected by server\n")
        self.assertIn("GET /v1/database/" + IDENTITY + "/subscribe?compression=None&confirmed=true HTTP/1.1", self.request)
        self.assertIn("Sec-WebSocket-Protocol: v3.bsatn.spacetimedb\r\n", self.request)
        self.assertIn("Authorization: Bearer " + TOKEN, self.request)
        self.assertEqual(self.subscribe("-n", "2").out, self.LINE * 2)
        self.assertEqual(self.subscribe("-n0", "--print-initial-update").out, self.LINE)
        self.assertIn("Error: subscription closed after receiving 3/4 updates\n", self.subscribe("-n4", code=1).err)

    def test_time_out(self):
        self.frames = self.frame(0x82, self.APPLIED)
        self.assertIn("timed out after 1s\n", self.subscribe("-t", "1").err)
        self.assertIn("Error: subscription timed out after 1s after receiving 0/1 updates",
                      self.subscribe("-t1", "-n1", code=1).err)

    def test_errors(self):
        error = bytes.fromhex("00030000000000000000000a000000") + b"it is bad!"
        for frames, text in (
                (self.frame(0x82, error), "Error: encountered error in initial subscribe: it is bad!\n"),
                (self.frame(0x82, self.CHANGES), "received transaction update before initial"),
                (self.frame(0x82, b"\1x"), "compressed v3 subscribe payload is not supported"),
                (self.frame(0x82, self.APPLIED) * 2, "received a second initial subscription update"),
                (self.frame(0x82, self.APPLIED[:-1]), "error decoding BSATN websocket message"),
                (self.frame(0xc2, b""), "websocket error: the server sent what is no frame"),
                (struct.pack(">BBQ", 0x82, 127, 1 << 40), "websocket error: the server sent what is no frame")):
            self.frames = frames
            self.assertIn(text, self.subscribe(code=1).err)

    def test_handshake(self):
        self.accept = "x"
        self.assertIn("Error: v3 subscribe connection failed\n\nCaused by:\n    the server's handshake does not fit our key\n",
                      self.subscribe(code=1).err)


if __name__ == "__main__":
    command.main()
