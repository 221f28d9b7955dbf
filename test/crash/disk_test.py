#!/usr/bin/env python3
"""disk_test.py - the disk of one database is full: its calls are refused with a reason, in metrics and the log, too; what it
confirmed is there; other databases go on; with room again it writes again, without a restart.

    disk_test.py SPACETIME KINDS.wasm

The server runs in a mount name space of its own, where the replica of one database is a small tmpfs."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "server"))
from harness import Server  # noqa: E402

SPACETIME, WASM = (os.path.abspath(path) for path in sys.argv[1:3])
PATIENCE_SECONDS = 20
ROOM_BYTES = 3 << 20
SKIPPED = 77


class SmallDisk(Server):
    """A server for which one directory is a file system of its own."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.small = None

    def command(self):
        command = super().command()
        if self.small is None:
            return command
        # The kernel gives a user a mount name space in which it may do this. What is there is moved onto it.
        script = ('set -e; d="$1"; cp -a "$d" "$d.copy"; mount -t tmpfs -o size=' + str(ROOM_BYTES) + ' tmpfs "$d"; '
                  'cp -a "$d.copy/." "$d"; rm -rf "$d.copy"; shift; exec "$@"')
        return ["unshare", "-rm", "sh", "-c", script, "sh", self.small, *command]

    def inside(self, *names):
        """The small disk as the server sees it."""
        return os.path.join(f"/proc/{self.process.pid}/root", self.small.lstrip("/"), *names)


def add(user, database, n, text):
    began = time.monotonic()
    answer = user.request("POST", f"/v1/database/{database}/call/add_plain?confirmed=true", json.dumps([n, text]),
                          {"content-type": "application/json"})
    answer.seconds = time.monotonic() - began
    return answer


def write_until_refused(user, text, answers):
    for n in range(1000):
        answers.append(add(user, "small", n, text))
        if answers[-1].status != 200 or len(answers) > 1 and answers[-1].seconds > 1:
            break


def gauge(server, name, identity):
    text = server.request("GET", "/v1/metrics").text()
    return int(re.search(rf'^{name}{{db="{identity}"}} (\d+)$', text, re.MULTILINE).group(1))


def wait_for(what, holds):
    end = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def can_mount():
    return subprocess.run(["unshare", "-rm", "sh", "-c", "mount -t tmpfs tmpfs /tmp"], check=False,
                          stderr=subprocess.DEVNULL).returncode == 0


def run(server):
    server.start()
    user = server.new_user()
    with open(WASM, "rb") as file:
        program = file.read()
    for name in ("small", "large"):
        assert user.publish(name, program).status == 200
    identity = {name: user.request("GET", f"/v1/database/{name}/identity").text() for name in ("small", "large")}
    assert server.stop() == 0
    replicas = os.path.join(server.data, "replicas")
    server.small = os.path.join(replicas, min(os.listdir(replicas), key=int))
    server.start()
    text = "x" * 20000
    ballast = server.inside("ballast")  # leaves room for some calls only
    with open(ballast, "wb") as file:
        space = os.statvfs(server.inside())
        file.write(bytes(max(0, space.f_bavail * space.f_frsize - (400 << 10))))
    answers = []
    writer = threading.Thread(target=write_until_refused, args=(user, text, answers), daemon=True)
    writer.start()
    wait_for("the disk does not fill", lambda: gauge(server, "spacetime_disk_full", identity["small"]) == 1)
    confirmed = len(answers)  # the next one waits: it is kept in memory, and confirmed when there is room
    assert confirmed > 3 and all(answer.status == 200 for answer in answers), answers
    # Whoever comes now is refused with the reason, at once: a new client is a row, too.
    refused = add(user, "small", 5000, text)
    assert refused.status >= 500 and "room" in refused.text(), refused
    refused = user.sql("small", "INSERT INTO plain (n, text) VALUES (5001, 'x')")
    assert refused.status >= 400 and "room" in refused.text(), refused
    assert gauge(server, "spacetime_disk_full", identity["small"]) == 1
    assert gauge(server, "spacetime_disk_failed", identity["small"]) == 0
    assert "no room for the commitlog" in server.text()
    # The other one goes on.
    assert gauge(server, "spacetime_disk_full", identity["large"]) == 0
    for n in range(20):
        assert add(user, "large", n, text).status == 200
    # With room it goes on, too, and nothing was lost.
    time.sleep(1.5)
    os.remove(ballast)
    wait_for("it does not recover", lambda: gauge(server, "spacetime_disk_full", identity["small"]) == 0)
    assert add(user, "small", 6000, "x").status == 200
    wait_for("who waited is not answered", lambda: len(answers) > confirmed)
    assert answers[confirmed].status == 200, answers[confirmed]
    rows = [row[0] for row in user.rows("small", "SELECT n FROM plain")]
    assert set(range(confirmed + 1)) <= set(rows) and len(set(rows)) == len(rows), rows
    assert 5000 not in rows and 5001 not in rows and 6000 in rows, rows
    print(f"ok   {confirmed} calls until the disk was full; refused, then written again")


def main():
    if shutil.which("unshare") is None or not can_mount():
        print("skipped: no mount name space can be made here")
        sys.exit(SKIPPED)
    server = SmallDisk(SPACETIME)
    try:
        run(server)
    except AssertionError:
        print(server.text()[-4000:])
        raise
    finally:
        server.remove()


main()
