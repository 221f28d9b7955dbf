#!/usr/bin/env python3
"""module_test.py - does a module in the published crate find the host that it expects?

    module_test.py SPACETIME MODULE.wasm OTHER.wasm

Starts SPACETIME on an empty directory, publishes the module of src/lib.rs and exercises it over HTTP as its owner: calls,
SQL, logs, schedules, OTHER over it (the same source with another version of the crate), and restarts. Prints a line a
test; any failure fails the whole."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

import requests

PATIENCE_SECONDS = 20
DUPLICATE = "insertion error on table `item`:duplicate unique column"
FATAL = "The instance encountered a fatal error."


class Server:
    """One server on a directory, killed and started at will, and the database `warehouse` in it."""

    def __init__(self, program, directory):
        self.program, self.directory, self.port = program, directory, 0
        self.log = os.path.join(directory, "server.log")
        self.headers = {}

    def start(self):
        before = os.path.getsize(self.log) if os.path.exists(self.log) else 0
        data = os.path.join(self.directory, "data")
        command = [self.program, "start", "--data-dir", data, "--jwt-key-dir", data, "--non-interactive",
                   "--listen-addr", f"127.0.0.1:{self.port}"]
        with open(self.log, "a") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            with open(self.log) as log:
                log.seek(before)
                found = re.search(r"Starting SpacetimeDB listening on \S*:(\d+)", log.read())
            if found:
                break
            assert self.process.poll() is None and time.monotonic() < end, "the server did not start"
            time.sleep(0.02)
        self.port = int(found.group(1))
        self.url = f"http://127.0.0.1:{self.port}"

    def stop(self, how):
        self.process.send_signal(how)
        return self.process.wait(PATIENCE_SECONDS)

    def log_in(self):
        identity = requests.post(f"{self.url}/v1/identity").json()
        self.identity = identity["identity"]
        self.headers = {"Authorization": "Bearer " + identity["token"]}

    def publish(self, wasm, query=""):
        return requests.put(f"{self.url}/v1/database/warehouse{query}", data=wasm,
                            headers={**self.headers, "Content-Type": "application/wasm"})

    def call(self, reducer, *arguments, headers=None):
        """None if it went well, else the error's text."""
        answer = requests.post(f"{self.url}/v1/database/warehouse/call/{reducer}", data=json.dumps(arguments),
                               headers={**(headers or self.headers), "Content-Type": "application/json"})
        if answer.status_code == 200:
            return None
        assert answer.status_code in (400, 530), (answer.status_code, answer.text)
        return answer.text

    def sql(self, text):
        answer = requests.post(f"{self.url}/v1/database/warehouse/sql", data=text.encode(), headers=self.headers)
        assert answer.status_code == 200, f"{text}: {answer.status_code} {answer.text}"
        return answer.json()[0]["rows"]

    def answer(self, name):
        rows = self.sql(f"SELECT value FROM answer WHERE name = '{name}'")
        return rows[0][0] if rows else None

    def logs(self, count=None):
        query = "" if count is None else f"?num_lines={count}"
        answer = requests.get(f"{self.url}/v1/database/warehouse/logs{query}", headers=self.headers)
        assert answer.status_code == 200, (answer.status_code, answer.text)
        return [json.loads(line) for line in answer.text.splitlines()]


def until(what, condition):
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, f"{what}: not within {PATIENCE_SECONDS} s"
        time.sleep(0.02)


def equal(got, wanted):
    assert got == wanted, f"got {got!r}, wanted {wanted!r}"


# ---- the tests, in this order ----


def test_publish_runs_init_once(server, wasm):
    answer = server.publish(wasm)
    equal(answer.status_code, 200)
    equal((answer.json()["Success"]["op"], answer.json()["Success"]["domain"]), ("created", "warehouse"))
    server.database = answer.json()["Success"]["database_identity"]
    equal(server.answer("init by"), server.identity)
    equal([line["function"] for line in server.logs() if line["message"] == "ready"], ["init"])
    equal(server.publish(wasm).json()["Success"]["op"], "updated")
    equal(len([line for line in server.logs() if line["message"] == "ready"]), 1)


def test_rows_with_every_kind_of_column(server, wasm):
    # The variants of an enum begin with a small letter outside the module.
    equal(server.call("add", "bolt", 5, 3, -2), None)
    equal(server.call("add", "nut", 3, 4, 1), None)
    equal(server.sql("SELECT * FROM item WHERE sku = 'bolt'"),
          [[1, "bolt", 5, [3, -2], [0, []], [1, []], 1.25, []]])
    equal(server.call("change", "bolt", {"lost": "in \"transit\" ✓"}, {"some": "look"}, ["a", ""]), None)
    equal(server.sql("SELECT * FROM item WHERE id = 1"),
          [[1, "bolt", 5, [3, -2], [2, "in \"transit\" ✓"], [0, "look"], 1.25, ["a", ""]]])
    equal(server.call("change", "bolt", {"spread": [{"aisle": 1, "level": -1}, [2, 2]]}, {"none": []}, []), None)
    equal(server.sql("SELECT state, note FROM item WHERE id = 1"), [[[3, [[1, -1], [2, 2]]], [1, []]]])
    equal(server.call("change", "bolt", {"sent": {"__timestamp_micros_since_unix_epoch__": 1234567}}, None, []), None)
    equal(server.sql("SELECT state FROM item WHERE id = 1"), [[[1, [1234567]]]])
    equal(server.call("change", "bolt", {"stored": []}, {"none": []}, ["x"]), None)
    assert "unknown variant" in server.call("change", "bolt", {"Lost": "x"}, {"none": []}, [])


def test_unique_columns(server, wasm):
    equal(server.call("add", "bolt", 9, 9, 9), DUPLICATE)
    equal(server.call("rename", "nut", "bolt"), FATAL)
    equal(server.call("add_or_panic", "nut"), FATAL)
    equal(server.sql("SELECT id, sku, weight FROM item"), [[1, "bolt", 5], [2, "nut", 3]])
    equal(server.answer("must not stay"), None)
    equal(server.call("rename", "nut", "screw"), None)
    equal(server.call("rename", "screw", "screw"), None)
    equal(server.call("rename", "nut", "x"), "no such item")
    equal(server.call("add", "nut", 4, 0, 0), None)
    # The values of what was rolled back are given out again, as since 2.14; 2.8 went on behind them.
    equal(server.sql("SELECT id FROM item WHERE sku = 'nut'"), [[3]])
    equal(server.call("remove", "nut"), None)
    equal(server.call("remove", "nut"), "no item nut")


def test_ranges_of_one_column(server, wasm):
    for weight in (10, 11, 12, 12, 13, 70000, 4294967295):
        sku = f"w{weight}-{server.sql('SELECT COUNT(*) AS n FROM item')[0][0]}"
        equal(server.call("add", sku, weight, 0, 0), None)
    equal(server.call("weigh", 11, 13), None)
    equal(server.answer("weights exactly"), "11")
    equal(server.answer("weights between"), "11 12 12")
    equal(server.answer("weights through"), "11 12 12 13")
    equal(server.answer("weights from"), "11 12 12 13 70000 4294967295")
    equal(server.answer("weights below"), "3 5 10 11 12 12")
    equal((server.answer("items"), server.answer("items seen")), ("9", "9"))
    equal(server.call("weigh", 12, 12), None)
    equal((server.answer("weights between"), server.answer("weights through")), ("", "12 12"))
    equal(server.call("weigh", 13, 11), None)
    equal((server.answer("weights between"), server.answer("weights through")), ("", ""))
    equal(sorted(server.sql("SELECT weight FROM item WHERE weight > 12 AND weight <= 70000")), [[13], [70000]])


def test_ranges_of_three_columns(server, wasm):
    equal(server.call("fill", 3, 2, 4), None)  # aisles 0..2, levels -2..1, amounts 0..3; ids count up in that order
    ids = lambda *span: " ".join(str(i) for i in range(*span))
    equal(server.call("look", 1, -1, 2), None)
    equal(server.answer("stock aisle"), ids(16, 32))
    equal(server.answer("stock aisles below"), ids(0, 16))
    equal(server.answer("stock level"), ids(20, 24))
    equal(server.answer("stock levels up to"), ids(16, 24))
    equal(server.answer("stock amount"), "22")
    equal(server.answer("stock amounts from"), "22 23")
    equal(server.answer("stock crossed"), "")
    equal(server.call("clear", 1, -1), None)
    equal((server.answer("cleared from"), server.answer("cleared rest")), ("3", "1"))
    equal((server.answer("cleared row"), server.answer("cleared other row")), ("true", "false"))
    equal(server.sql("SELECT COUNT(*) AS n FROM stock"), [[43]])
    equal(server.call("look", 1, -1, 0), None)
    equal((server.answer("stock level"), server.answer("stock aisle")), ("", ids(16, 20) + " " + ids(24, 32)))
    equal(server.call("fill", 1, 2, 1), FATAL)  # ids that are taken
    equal(server.sql("SELECT COUNT(*) AS n FROM stock"), [[43]])


def test_sequences(server, wasm):
    equal(server.call("count_up", 5, False), None)
    equal(server.answer("last id"), "5")
    equal(server.call("count_up", 3, True), "as asked")
    equal(server.call("count_up", 1, False), None)
    equal(server.answer("last id"), "6")
    equal(server.call("explicit_id", 8), None)
    equal(server.answer("explicit id"), "8")
    equal(server.call("count_up", 1, False), None)
    assert "duplicate unique column" in server.call("count_up", 1, False)  # 8 is taken
    equal(server.call("explicit_id", 8), None)  # the very same row: tables are sets
    equal(server.sql("SELECT id, why FROM counter"), [[8, "explicit"]])


def test_errors_and_panics(server, wasm):
    equal(server.call("fail", "of course ✓"), "of course ✓")
    equal(server.call("fail", ""), "")
    equal(server.call("panics", "oh no"), FATAL)
    panic = [line for line in server.logs() if line["level"] == "Panic"][-1]
    equal((panic["message"], panic["function"]), ("oh no", "panics"))
    assert panic["filename"].endswith("lib.rs") and panic["line_number"] > 0, panic
    assert isinstance(panic["trace"], list), panic
    equal(server.answer("must not stay"), None)
    equal(server.call("context"), None)
    assert "invalid arguments for reducer" in server.call("add", "x", -1, 0, 0)
    assert "invalid arguments for reducer" in server.call("add", "x")


def test_log_lines(server, wasm):
    equal(server.call("log_all", "word"), None)
    lines = [line for line in server.logs() if line.get("function") == "log_all"]
    equal([(line["level"], line["message"]) for line in lines[:6]], [
        ("Error", "word error"), ("Warn", "word warn"), ("Info", "word info"), ("Debug", "word debug"),
        ("Trace", "word trace"), ("Info", "word first line\nsecond ✓ \"quoted\" \\ line")])
    equal([line["target"] for line in lines[4:8]], ["warehouse", "warehouse", "elsewhere", "warehouse"])
    equal(lines[7]["message"], "word long " + "x" * 5000)
    assert re.fullmatch(r"Timing span \"measured\": \S+", lines[8]["message"]), lines[8]
    for line in lines[:8]:
        assert line["filename"].endswith("src/lib.rs"), line
        assert abs(line["ts"] / 1e6 - time.time()) < 60, line
    numbers = [line["line_number"] for line in lines[:8]]
    equal(numbers, list(range(numbers[0], numbers[0] + 8)))
    equal(server.logs(2)[-1], lines[8] if len(lines) == 9 else lines[-1])


def test_the_context(server, wasm):
    equal(server.call("context"), None)
    equal((server.answer("sender"), server.answer("database")), (server.identity, server.database))
    equal(server.answer("connection"), "true")  # an HTTP call is a connection of its own
    assert abs(int(server.answer("timestamp")) / 1e6 - time.time()) < 60
    first, uuid = server.answer("random"), server.answer("uuid")
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", uuid), uuid
    equal(server.call("context"), None)
    assert server.answer("random") != first and server.answer("uuid") > uuid
    other = requests.post(f"{server.url}/v1/identity").json()
    equal(server.call("context", headers={"Authorization": "Bearer " + other["token"]}), None)
    equal(server.answer("sender"), other["identity"])
    came = server.sql(f"SELECT came, left FROM visit WHERE who = 0x{other['identity']}")
    equal(came, [[1, 1]])


def test_schedules(server, wasm):
    reminded = lambda: server.sql("SELECT text, by_database, has_connection FROM reminded")
    count = lambda text: len([row for row in reminded() if row[0] == text])
    start = time.monotonic()
    equal(server.call("remind_in", 300, "once"), None)
    equal(server.call("remind_in", 0, "now"), None)
    until("both reminders", lambda: count("now") == 1 and count("once") == 1)
    assert time.monotonic() - start > 0.29
    equal(sorted(reminded()), [["now", True, False], ["once", True, False]])
    until("an empty schedule", lambda: server.sql("SELECT * FROM reminder") == [])  # done for good
    equal(server.call("remind_every", 30, "tick"), None)
    until("three ticks", lambda: count("tick") >= 3)
    equal(server.call("forget", "tick"), None)
    equal(server.answer("forgotten"), "1")
    ticks = count("tick")
    time.sleep(0.2)
    equal(count("tick"), ticks)
    equal(server.call("remind", [7, {"Interval": [1]}, "by hand"]), "not the scheduler")
    equal(count("by hand"), 0)


def test_another_program_over_it(server, wasm):
    other = server.publish(server.other)
    equal((other.status_code, other.json()["Success"]["op"]), (200, "updated"))
    equal(len([line for line in server.logs() if line["message"] == "ready"]), 1)
    equal(server.publish(b"\0asm\1\0\0\0").status_code, 500)  # a program, but not a module
    equal(server.sql("SELECT COUNT(*) AS n FROM item"), [[9]])
    equal(server.call("weigh", 11, 11), None)


def test_restarts(server, wasm):
    tables = ("item", "stock", "counter", "visit", "answer", "reminded", "reminder")
    everything = lambda: {table: sorted(server.sql(f"SELECT * FROM {table}"), key=str) for table in tables if table != "visit"}
    equal(server.call("remind_in", 700, "after the restart"), None)
    before = everything()
    equal(server.stop(signal.SIGKILL), -signal.SIGKILL)
    server.start()
    after = everything()
    due = lambda rows: [row for row in rows if "after the restart" not in row]
    equal({**after, "reminded": due(after["reminded"]), "reminder": []}, {**before, "reminder": []})
    until("the reminder of before", lambda: ["after the restart"] in server.sql("SELECT text FROM reminded"))
    equal(server.call("add", "last", 1, 1, 1), None)
    ids = [row[0] for row in server.sql("SELECT id FROM item")]
    equal(len(ids), len(set(ids)))
    equal(server.sql("SELECT id FROM item WHERE sku = 'last'"), [[max(ids)]])
    equal(server.call("weigh", 11, 13), None)
    equal(server.answer("weights through"), "11 12 12 13")
    equal(server.stop(signal.SIGINT), 0)
    server.start()
    equal(server.call("add", "last", 1, 1, 1), DUPLICATE)


def test_clearing_the_database(server, wasm):
    answer = server.publish(wasm, "?clear=true")
    equal(answer.status_code, 200)
    equal(server.sql("SELECT COUNT(*) AS n FROM item"), [[0]])
    equal(server.call("add", "first", 1, 1, 1), None)
    equal(server.sql("SELECT id FROM item"), [[1]])


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    wasm = open(sys.argv[2], "rb").read()
    failed = passed = 0
    with tempfile.TemporaryDirectory(prefix="spacetime-rust-module-") as directory:
        server = Server(sys.argv[1], directory)
        server.other = open(sys.argv[3], "rb").read()
        server.start()
        try:
            server.log_in()
            for name, test in [item for item in globals().items() if item[0].startswith("test_")]:
                try:
                    test(server, wasm)
                    print("ok  ", name)
                    passed += 1
                except Exception as error:
                    at = error.__traceback__
                    while at.tb_next and at.tb_frame.f_code is not test.__code__:
                        at = at.tb_next
                    print("FAIL", name, f"line {at.tb_lineno}:", f"{type(error).__name__}: {error}"[:2000])
                    failed += 1
        finally:
            if server.process.poll() is None:
                server.stop(signal.SIGKILL)
        if failed:
            print(open(server.log).read()[-4000:])
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
