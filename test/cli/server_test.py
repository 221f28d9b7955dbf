#!/usr/bin/env python3
"""server_test.py - goal: the life of a database by the command line alone, against the real server.

    server_test.py PROGRAM KINDS_WASM [unittest arguments]

Method: one server; every module is C, built by `publish` itself, except the golden module."""

import json
import os
import re
import signal
import subprocess
import time

import command
from command import BANNER, KINDS, PROGRAM, Case
from harness import ROOT, Server

FIRST = """#define STDB_SHORT_NAMES
#include <spacetime/module.h>
STDB_TABLE(Item, item, PUBLIC, (u32, id, PRIMARY_KEY), (String, name));
STDB_REDUCER(add, ctx, (u32, id), (String, name)) {
    stdb_log_info("adding %s", name.data);
    return item_insert(&(Item){.id = id, .name = name});
}
STDB_REDUCER(fail_always, ctx) { return stdb_fail("oopsie :("); }
"""
# compatible: one more table
SECOND = FIRST + "STDB_TABLE(Extra, extra, PUBLIC, (u32, n));\n"
# breaks clients: one more column
THIRD = FIRST.replace("(String, name));\nSTDB_REDUCER(add", "(String, name), (u8, more, DEFAULT(7)));\nSTDB_REDUCER(add")
# needs a manual migration
FOURTH = FIRST.replace("(u32, id, PRIMARY_KEY), (String, name));", "(u64, id, PRIMARY_KEY), (String, name));")


class Live(Case):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(PROGRAM).start()
        cls.url = f"http://127.0.0.1:{cls.server.port}"

    @classmethod
    def tearDownClass(cls):
        assert cls.server.stop() == 0
        cls.server.remove()

    def setUp(self):
        super().setUp()
        self.name = "t-" + os.path.basename(self.directory).lower().replace("_", "0").replace("cli-test-", "")
        self.module = os.path.join(self.work, "module")

    def on(self, words):
        """The words with --server behind the command."""
        return (words[0], "--server", self.url, *words[1:])

    def do(self, *words, **how):
        return self.good(*self.on(words), **how)

    def fail_to(self, *words, **how):
        return self.bad(*self.on(words), **how)

    def publish(self, source, *words, code=0, **how):
        self.write("module/module.c", source)
        result = self.cli(*self.on(("publish", "--module-path", self.module, *words, self.name)), **how)
        self.assertEqual(result.code, code, result)
        return result

    def sql(self, query):
        return [line.rstrip() for line in self.do("sql", self.name, query).out.split("\n")]

    def start_subscribe(self, *words):
        """A running `subscribe` whose initial update has been seen."""
        process = subprocess.Popen(
            [PROGRAM, "--config-path", self.config, "subscribe", "--server", self.url, self.name, "-t", "60", *words,
             "--print-initial-update", "--", "SELECT * FROM item"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=self.work)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        return process, process.stdout.readline()


class Databases(Live):
    def test_life(self):
        created = self.publish(FIRST)
        self.assertIn("You are not logged in. Would you like to log in with spacetimedb.com? [y/N]We have logged in directly",
                      created.out)
        self.assertIn("Build finished successfully.\n", created.out)
        identity = re.search(r"Created new database with name: %s, identity: ([0-9a-f]{64})\n" % self.name, created.out).group(1)
        self.assertEqual(self.do("call", self.name, "add", "1", "Ada").out, "")
        self.do("call", "--", identity, "add", "2", '"B C"')
        self.assertEqual(self.sql("SELECT * FROM item WHERE id = 2"), [" id | name", "----+-------", ' 2  | "B C"', ""])
        unchanged = self.publish(FIRST)
        self.assertIn(f"Updated database with name: {self.name}, identity: {identity}\n", unchanged.out)
        self.publish(SECOND)
        self.assertEqual(self.sql("SELECT * FROM extra"), [" n", "---", ""])

        refused = self.publish(THIRD, code=1)
        self.assertIn("The above changes will BREAK existing clients. Do you want to proceed? [y/N]Aborting\n", refused.out)
        self.assertEqual(refused.err, "Error: Publishing aborted by user\n")
        self.publish(THIRD + "STDB_TABLE(Extra, extra, PUBLIC, (u32, n));\n", text="y\n")
        self.assertEqual(self.sql("SELECT id, more FROM item WHERE id = 1"), [" id | more", "----+------", " 1  | 7", ""])

        refused = self.publish(FOURTH, "--yes=all", code=1)
        self.assertIn("manual migration", refused.err)
        cleared = self.publish(FOURTH, "--delete-data=on-conflict", "--yes=all")
        self.assertIn("This will DESTROY the current", cleared.out)
        self.assertEqual(self.sql("SELECT * FROM item"), [" id | name", "----+------", ""])

        self.do("lock", self.name)
        self.assertIn("Error: HTTP status client error (403 Forbidden) for url", self.fail_to("delete", self.name, "-y").err)
        self.assertIn("unlock", self.fail_to("delete", self.name, "-y").err)
        self.assertEqual(self.do("unlock", self.name).out, f"Database {identity} is now unlocked.\n")
        kept = self.do("delete", self.name)
        self.assertEqual(kept.out, f"Are you sure you want to delete database {self.name} ({identity})? This action cannot be "
                                   "undone. [y/N]Aborting\n")
        self.assertEqual(self.do("delete", self.name, "--yes").out, "Skipping confirmation due to --yes\n")
        self.assertIn("No such database", self.fail_to("sql", identity, "SELECT * FROM item").err)

    def test_names(self):
        self.publish(FIRST, "-y")
        listed = self.do("list").out
        self.assertRegex(listed, r"Associated databases for user c200[0-9a-f]{60}:\n\n Database Name\(s\) +\| Identity +\n-+\+-+\n "
                                 + self.name + r" +\| c200[0-9a-f]{60} \n$")
        identity = listed.split()[-1]
        renamed = self.name + "x"
        self.assertEqual(self.do("rename", "--to", renamed, identity).out, f"Name set to {renamed} for identity {identity}.\n")
        self.assertIn(f"failed to find database `{self.name}`", self.fail_to("describe", self.name, "--json").err)
        self.do("describe", renamed, "--json")
        without = self.good("publish", "-s", self.url, "-y", "-b", os.path.join(self.module, "build", "module.wasm"))
        self.assertRegex(without.out, r"Created new database with identity: [0-9a-f]{64}\n")
        self.good("logout")
        self.assertIn("No databases found for c200", self.do("list", "-y").out)
        self.assertIn("is not authorized", self.fail_to("delete", renamed, "-y").err)
        self.assertIn("is not authorized", self.fail_to("logs", renamed).err)

    def test_failing_module(self):
        broken = self.publish(FIRST + "int x = y;\n", "-y", code=1)
        self.assertIn("module.c:9:9: error: use of undeclared identifier 'y'", broken.err)
        self.assertIn("Error: The module did not compile", broken.err)
        failing = self.publish(FIRST + 'STDB_INIT(ctx) { return stdb_fail("init says no"); }\n', "-y", code=1)
        self.assertIn("init says no", failing.err)

    def test_golden_module(self):
        self.good("publish", "-s", self.url, "-y", "--bin-path", KINDS, self.name)
        described = self.do("describe", self.name, "--json").out
        self.assertIn('"sql": "SELECT * FROM mail WHERE to = :sender"', described)
        self.assertEqual(list(json.loads(described)), ["sections"])
        reducer = json.loads(self.do("describe", self.name, "reducer", "add_plain", "--json").out)
        self.assertEqual(reducer["source_name"], "add_plain")
        table = json.loads(self.do("describe", self.name, "table", "plain", "--json").out)
        self.assertEqual(table["source_name"], "plain")
        self.assertIn("Error: no such reducer\n", self.fail_to("describe", self.name, "reducer", "x", "--json").err)
        self.assertIn("Error: no such table\n", self.fail_to("describe", self.name, "table", "x", "--json").err)
        self.assertIn("Invalid entity_type 'view'", self.fail_to("describe", self.name, "view", "x", "--json").err)
        self.do("call", self.name, "add_kind", "7")
        self.do("sql", self.name, "SELECT * FROM kinds")


class Calls(Live):
    def test_errors(self):
        self.publish(FIRST, "-y")
        failed = self.fail_to("call", self.name, "fail_always")
        self.assertTrue(failed.err.startswith(BANNER + "Error: Response text: oopsie :(\n\nCaused by:\n    HTTP status server "
                                                       "error (530 <unknown status code>) for url ("), failed)
        wrong = self.fail_to("call", self.name, "add", "x", "y").err
        self.assertIn("Error: Invalid arguments provided for reducer `add` for database", wrong)
        self.assertIn("The reducer has the following signature:\n\tadd(id: u32, name: String)\n\nCaused by:\n", wrong)
        self.assertIn("A reducer with a similar name exists: `add`", self.fail_to("call", self.name, "ad").err)
        unknown = self.fail_to("call", self.name, "nothing_like_it").err
        self.assertIn("\n\nHere are some existing reducers:\n- ", unknown)
        self.assertIn("\n\nThe database has no procedures.\n", unknown)

    def test_sql(self):
        self.publish(FIRST, "-y")
        self.assertEqual(self.do("sql", self.name, "INSERT INTO item (id, name) VALUES (1, 'x')").out, "\n")
        result = json.loads(self.do("sql", "--format", "json", "--confirmed", "true", self.name, "SELECT", "*", "FROM",
                                    "item").out)
        self.assertEqual(result[0]["rows"], [[1, "x"]])
        self.assertEqual(self.do("sql", self.name, "SELECT * FROM item").out, ' id | name \n----+------\n 1  | "x"  \n')
        self.assertTrue(self.fail_to("sql", self.name, "SELECT * FROM nothing").err.startswith(BANNER + "Error: "))

    def test_logs(self):
        self.publish(FIRST, "-y")
        self.do("call", self.name, "add", "1", "x")
        self.assertRegex(self.do("logs", self.name, "-n", "1").out,
                         r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z  INFO: add module\.c:5: adding x\n$")
        self.assertEqual(json.loads(self.do("logs", "--format=json", "-n", "1", "--", self.name).out)["message"], "adding x")
        self.assertEqual(self.do("logs", self.name, "--level", "error").out, "")
        follow = subprocess.Popen([PROGRAM, "--config-path", self.config, "logs", "-f", "-s", self.url, "--format=json",
                                   self.name, "-n", "1"], stdout=subprocess.PIPE, text=True, cwd=self.work)
        self.addCleanup(follow.stdout.close)
        self.assertIn("adding x", follow.stdout.readline())
        self.do("call", self.name, "add", "2", "y")
        self.assertIn("adding y", follow.stdout.readline())
        follow.terminate()
        follow.wait(10)


class Subscriptions(Live):
    def test_updates(self):
        self.publish(FIRST, "-y")
        self.do("call", self.name, "add", "1", "a")
        process, first = self.start_subscribe("-n", "2")
        self.assertEqual(first, '{"item":{"deletes":[],"inserts":[{"id":1,"name":"a"}]}}\n')
        self.do("call", self.name, "add", "2", "b")
        self.assertEqual(process.stdout.readline(), '{"item":{"deletes":[],"inserts":[{"id":2,"name":"b"}]}}\n')
        self.do("sql", self.name, "DELETE FROM item WHERE id = 1")
        self.assertEqual(process.stdout.readline(), '{"item":{"deletes":[{"id":1,"name":"a"}],"inserts":[]}}\n')
        self.assertEqual(process.wait(30), 0)

    def test_ends(self):
        self.publish(FIRST, "-y")
        endless, _ = self.start_subscribe()
        counted, _ = self.start_subscribe("-n", "5")
        self.do("delete", self.name, "-y")
        self.assertEqual(endless.wait(30), 0)
        self.assertEqual(endless.stderr.read(), BANNER + "disconnected by server\n")
        self.assertEqual(counted.wait(30), 1)
        self.assertIn("Error: subscription closed after receiving 0/5 updates\n", counted.stderr.read())

    def test_errors(self):
        self.publish(FIRST, "-y")
        self.assertIn("Error: encountered error in initial subscribe: ",
                      self.fail_to("subscribe", self.name, "SELECT * FROM nothing").err)
        self.assertEqual(self.do("subscribe", self.name, "SELECT * FROM item", "-n", "0").out, "")
        self.assertIn("timed out after 1s\n", self.do("subscribe", self.name, "SELECT * FROM item", "-t", "1").err)


class Logins(Live):
    def test_direct(self):
        first = self.good("login", "--server-issued-login", self.url)
        self.assertIn("WARNING: This login will NOT work for any other servers.\n", first.out)
        identity = first.out.split()[-1]
        self.assertEqual(self.good("login", "show").out, f"You are logged in as {identity}\n")
        second = self.good("login", "--server-issued-login", self.url)
        self.assertTrue(second.out.startswith(f"Logged out (identity {identity}).\n"), second)
        self.assertNotEqual(second.out.split()[-1], identity)

    def test_token_of_another_server(self):
        other = Server(PROGRAM).start()
        self.addCleanup(other.remove)
        self.good("login", "--server-issued-login", f"http://127.0.0.1:{other.port}")
        self.assertIn("401 Unauthorized", self.fail_to("publish", "-b", KINDS, "-y", self.name).err)

    def test_ping(self):
        self.assertEqual(self.good("server", "ping", self.url).out, f"Server is online: {self.url}\n")
        self.assertIn("got fingerprint:\n-----BEGIN PUBLIC KEY-----\n", self.good("server", "add", "--url", self.url, "n").out)
        self.assertIn("Fingerprint is unchanged for server n:\n", self.good("server", "fingerprint", "n").out)


class Start(Case):
    """`start` with the settings of cli.toml and --root-dir."""

    def test_settings(self):
        root = os.path.join(self.directory, "root")
        os.makedirs(os.path.join(root, "config"))
        with open(os.path.join(root, "config", "cli.toml"), "w") as file:
            file.write('listen_addr = "127.0.0.1:0"\n')
        for words in ([], ["--listen-addr", "nowhere", "--listen-addr", "127.0.0.1:0"]):
            with open(os.path.join(self.directory, "log"), "w+") as log:
                process = subprocess.Popen([PROGRAM, "--root-dir", root, "start", *words], stdout=log,
                                           stderr=subprocess.STDOUT)
                end = time.monotonic() + 60
                text = ""
                while "Starting SpacetimeDB listening on 127.0.0.1:" not in text and time.monotonic() < end:
                    self.assertIsNone(process.poll(), text)
                    time.sleep(0.05)
                    log.seek(0)
                    text = log.read()
                second = self.run_raw("--root-dir", root, "start")
                self.assertEqual(second.code, 1, second)
                self.assertIn("Error: ", second.err)
                process.send_signal(signal.SIGINT)
                self.assertEqual(process.wait(60), 0)
            self.assertTrue(os.path.exists(os.path.join(root, "data", "control-db")) or os.listdir(os.path.join(root, "data")))
            self.assertTrue(os.path.exists(os.path.join(root, "config", "id_ecdsa.pub")))
        self.assertEqual(self.run_raw("start", "--page_pool_max_size").code, 2)


class Quickstart(Live):
    """The commands of README.md."""

    def test_chat(self):
        self.module = os.path.join(ROOT, "examples", "quickstart-chat")
        chat = ["--server", self.url, "quickstart-chat"]
        self.good("publish", "--server", self.url, "--module-path", self.module, "--yes", "quickstart-chat")
        self.good("call", *chat, "set_name", "Ada")
        self.good("call", *chat, "send_message", "Hello, world")
        self.assertIn('| "Hello, world" \n', self.good("sql", *chat, "SELECT * FROM message").out)
        self.good("init", "--lang", "c", "my-app")
        self.good("build", cwd=os.path.join(self.work, "my-app"))


if __name__ == "__main__":
    command.main()
