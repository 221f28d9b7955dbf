#!/usr/bin/env python3
"""backup_test.py - backups of a server that runs, restored; damage repaired; a directory of upstream's taken over.

    backup_test.py SPACETIME KINDS.wasm GOLDEN

Backups are made while clients write, by HTTP and from the data directory, and are killed in between; each is restored (killed
in between, too) into a directory of its own and its rows are compared: what was acknowledged before the backup began is there, what is there
is the first rows of what was sent. STDB_KILL_SEED repeats a run."""

import glob
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tarfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "server"))
from harness import Server  # noqa: E402

CONFIG = "[commitlog]\nmax-segment-size = 100000\n"
SPACETIME, WASM, GOLDEN = (os.path.abspath(path) for path in sys.argv[1:4])
RNG = random.Random(int(os.environ.get("STDB_KILL_SEED", "1")))


class Files:
    """A directory for one test, and a user's configuration in it."""

    def __init__(self):
        self.path = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"spacetime-backup-test-{os.getpid()}")
        shutil.rmtree(self.path, ignore_errors=True)
        os.mkdir(self.path)

    def at(self, *names):
        return os.path.join(self.path, *names)

    def remove(self):
        shutil.rmtree(self.path)


def command(files, *words, check=True, **options):
    done = subprocess.run([SPACETIME, "--root-dir", files.at("root"), *words], stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=120, **options)
    if check and done.returncode != 0:
        raise AssertionError(f"{words}: {done.returncode}\n{done.stderr.decode()}")
    return done


class Writer(threading.Thread):
    """Adds 0, 1, 2 ... as fast as they are answered."""

    def __init__(self, user, first):
        super().__init__()
        self.user, self.sent, self.answered = user, first, first
        self.is_ending = False

    def run(self):
        while not self.is_ending:
            self.sent += 1
            answer = self.user.request("POST", "/v1/database/kinds/call/add_plain?confirmed=true",
                                       json.dumps([self.sent - 1, "x"]), {"content-type": "application/json"})
            assert answer.status == 200, answer
            self.answered = self.sent

    def end(self):
        self.is_ending = True
        self.join()


def started(files):
    server = Server(SPACETIME, config=CONFIG).start()
    user = server.new_user()
    with open(WASM, "rb") as file:
        answer = user.publish("kinds", file.read())
    assert answer.status == 200, answer
    command(files, "login", "--token", user.token)
    return server, user


def restored_rows(files, backup, *options):
    """The rows of `plain` in a restored backup; served by a real server."""
    server = Server(SPACETIME)
    try:
        words = ["restore", backup, "--data-dir", server.data, "--replace", *options]
        kill_soon(files, words, RNG.uniform(0, 0.04))  # then it goes on, or does it again
        command(files, *words)
        server.start()
        owner = server.new_user()
        answer = owner.sql("kinds", "SELECT n FROM plain")
        assert answer.status == 200, answer
        assert server.stop() == 0
        return sorted(row[0] for row in answer.json()[0]["rows"])
    finally:
        server.remove()


def check_prefix(rows, least, most):
    assert rows == list(range(len(rows))), f"not the first ones: {rows[:20]}"
    assert least <= len(rows) <= most, f"{len(rows)} rows, not {least} to {most}"


def kill_soon(files, words, seconds):
    process = subprocess.Popen([SPACETIME, "--root-dir", files.at("root"), *words], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    time.sleep(seconds)
    process.kill()
    process.wait()


def test_backups_while_it_is_written(files):
    server, user = started(files)
    writer = Writer(user, 0)
    writer.start()
    try:
        url = f"http://127.0.0.1:{server.port}"
        for turn in range(4):
            time.sleep(0.5)
            to = files.at(f"backup-{turn}")
            source = ["--server", url] if turn % 2 == 0 else ["--data-dir", server.data]
            words = ["backup", "kinds", to, *source]
            for _ in range(turn):
                kill_soon(files, words, RNG.uniform(0, 0.05))
            least = writer.answered
            out = command(files, *words).stdout.decode()
            most = writer.sent
            assert re.search(r"\d+ transactions", out), out
            assert not os.path.exists(os.path.join(to, "incoming"))
            check_prefix(restored_rows(files, to), least, most)
            # The same call again takes what came meanwhile.
            least = writer.answered
            command(files, *words)
            check_prefix(restored_rows(files, to), least, writer.sent)
        least = writer.answered
        archive = command(files, "backup", "kinds", "-", "--server", url).stdout
        with open(files.at("backup.tar"), "wb") as file:
            file.write(archive)
        with tarfile.open(files.at("backup.tar")) as tar:
            tar.extractall(files.at("extracted"))
        check_prefix(restored_rows(files, files.at("extracted")), least, writer.sent)
    finally:
        writer.end()
        server.remove()


def test_points_in_time(files):
    server, user = started(files)
    try:
        for n in range(50):
            assert user.call("kinds", "add_plain", n, "x").status == 200
        time.sleep(0.05)
        moment = time.time()
        time.sleep(0.05)
        for n in range(50, 80):
            assert user.call("kinds", "add_plain", n, "x").status == 200
        assert server.stop() == 0
        to = files.at("backup")
        out = command(files, "backup", "kinds", to, "--data-dir", server.data).stdout.decode()
        count = int(re.search(r"(\d+) transactions", out).group(1))
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + f".{int(moment % 1 * 1e6):06d}Z"
        check_prefix(restored_rows(files, to, "--time", text), 50, 50)
        seen = set()
        for transactions in range(2, count + 1, max(1, count // 6)):
            rows = restored_rows(files, to, "--transactions", str(transactions))
            check_prefix(rows, 0, 80)
            seen.add(len(rows))
        assert len(seen) > 3, seen
        check_prefix(restored_rows(files, to), 80, 80)
    finally:
        server.remove()


def test_only_the_owner(files):
    server, user = started(files)
    try:
        path = "/v1/database/kinds/backup"
        listed = user.request("GET", path)
        assert listed.status == 200, listed
        name = listed.text().split()[1]
        other = server.new_user()
        assert other.request("GET", path).status == 403
        assert server.request("GET", f"{path}?file={name}&at=0&of=1").status == 403
        assert user.request("GET", f"{path}?file={name}&at=0&of=1").status == 200
        assert user.request("GET", f"{path}?file={name}&at=0&of=99999999999").status == 409
        for bad in ("../../control.db", "clog/../../../control.db", "clog", "/etc/passwd", "clog/.x", "snapshots/"):
            assert user.request("GET", f"{path}?file={bad}&at=0&of=1").status == 400, bad
    finally:
        server.remove()


def test_restore_does_not_overwrite(files):
    server, user = started(files)
    try:
        assert user.call("kinds", "add_plain", 0, "x").status == 200
        to = files.at("backup")
        command(files, "backup", "kinds", to, "--data-dir", server.data)
        refused = command(files, "restore", to, "--data-dir", server.data, check=False)
        assert refused.returncode == 1 and b"owned by pid" in refused.stderr, refused.stderr
        assert user.call("kinds", "add_plain", 1, "x").status == 200
        assert server.stop() == 0
        refused = command(files, "restore", to, "--data-dir", server.data, check=False)
        assert refused.returncode == 1 and b"--replace" in refused.stderr, refused.stderr
        out = command(files, "restore", to, "--data-dir", server.data, "--replace").stdout
        assert b"The files that it replaces stay" in out, out
        server.start()
        assert server.request("POST", "/v1/database/kinds/sql", "SELECT n FROM plain",
                              token=user.token).json()[0]["rows"] == [[0]]
    finally:
        server.remove()


def test_repair(files):
    server, user = started(files)
    try:
        for n in range(60):
            assert user.call("kinds", "add_plain", n, "x").status == 200
        segments = glob.glob(os.path.join(server.data, "replicas/*/clog"))
        refused = command(files, "repair", segments[0], "--keep", "5", "--yes", check=False)
        assert refused.returncode == 1 and b"locked by a server" in refused.stderr, refused.stderr
        assert server.stop() == 0
        newest = sorted(glob.glob(os.path.join(segments[0], "*.stdb.log")))[-1]
        with open(newest, "r+b") as file:  # in the last third, which no snapshot holds
            file.seek(os.path.getsize(newest) * 9 // 10)
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ 4]))
        server.start()
        answer = user.sql("kinds", "SELECT n FROM plain")
        assert answer.status >= 500, answer
        text = answer.text()
        advice = re.search(r"spacetime repair (\S+) --keep (\d+)", text)
        assert advice and os.path.basename(newest) in text and "byte position" in text, text
        assert server.request("GET", "/v1/ping").status == 200  # others go on
        assert server.stop() == 0
        asked = command(files, "repair", advice.group(1), "--keep", advice.group(2))
        assert b"Aborting" in asked.stdout, asked.stdout
        command(files, "repair", advice.group(1), "--keep", advice.group(2), "--yes")
        assert glob.glob(newest + ".damaged")
        server.start()
        rows = sorted(row[0] for row in user.sql("kinds", "SELECT n FROM plain").json()[0]["rows"])
        check_prefix(rows, 30, 59)
        assert user.call("kinds", "add_plain", len(rows), "x").status == 200
    finally:
        server.remove()


# Of the golden session: what was asked before anything but `init` had changed, which is what its log holds.
SAME_TABLES = ("secret", "adults", "st_scheduled", "st_row_level_security", "st_view", "st_view_column",
               "st_event_table", "st_column_accessor", "st_table_accessor", "st_index_accessor")
# Here later versions have rows of system tables that 2.8.3 did not have.
GROWN_TABLES = ("st_table", "st_column", "st_index", "st_constraint")


def check_golden_answers(user, database):
    seen = set()
    for path in sorted(glob.glob(os.path.join(GOLDEN, "http", "*-sql-*.json"))):
        with open(path) as file:
            golden = json.load(file)
        table = str(golden["request"].get("body")).removeprefix("SELECT * FROM ")
        if golden["response"]["status"] != 200 or table not in SAME_TABLES + GROWN_TABLES:
            continue
        expected = golden["response"]["body"]
        expected = (json.loads(expected) if isinstance(expected, str) else expected)[0]
        answer = user.sql(database, f"SELECT * FROM {table}").json()[0]
        assert answer["schema"] == expected["schema"], table
        if table in SAME_TABLES:
            assert answer["rows"] == expected["rows"], table
        else:
            missing = [row for row in expected["rows"] if row not in answer["rows"]]
            assert not missing and len(expected["rows"]) > 30, (table, missing)
        seen.add(table)
    assert seen == {*SAME_TABLES, *GROWN_TABLES}, seen


def test_upstreams_directory(files):
    shutil.copytree(os.path.join(GOLDEN, "data"), files.at("upstream"))
    server = Server(SPACETIME)
    try:
        out = command(files, "import", files.at("upstream"), "golden", "--data-dir", server.data).stdout.decode()
        identity = re.search(r"Its identity is ([0-9a-f]{64})", out).group(1)
        again = command(files, "import", files.at("upstream"), "golden", "--data-dir", server.data, check=False)
        assert again.returncode == 1 and b"already" in again.stderr, again.stderr
        server.start()
        stranger = server.new_user()
        assert server.request("GET", "/v1/database/golden/identity").text() == identity
        answer = stranger.sql("golden", "SELECT * FROM fixed")
        assert answer.status == 200 and answer.json()[0]["rows"] == [], answer
        assert stranger.request("POST", "/v1/database/golden/call/add_plain", json.dumps([1, "x"]),
                                {"content-type": "application/json"}).status == 200
        assert stranger.rows("golden", "SELECT n FROM plain") == [[1]]
        assert server.stop() == 0
        # With another owner, which is then in the database itself.
        owner = server.start().new_user()
        assert server.stop() == 0
        command(files, "import", files.at("upstream", "replicas", "1"), "golden", "--data-dir", server.data,
                "--owner", owner.identity, "--replace")
        server.start()
        check_golden_answers(owner, "golden")
        assert stranger.sql("golden", "SELECT id FROM secret").status != 200
    finally:
        server.remove()


def main():
    failed = 0
    tests = [value for name, value in sorted(globals().items()) if name.startswith("test_")]
    for test in tests:
        if len(sys.argv) > 4 and sys.argv[4] not in test.__name__:
            continue
        files = Files()
        try:
            test(files)
            print(f"ok   {test.__name__[5:]}", flush=True)
        except Exception as failure:  # pylint: disable=broad-except
            failed += 1
            print(f"FAIL {test.__name__[5:]}: {type(failure).__name__}: {failure}", flush=True)
            if os.environ.get("STDB_TRACE"):
                raise
        finally:
            files.remove()
    sys.exit(1 if failed else 0)


main()
