#!/usr/bin/env python3
"""kill_test.py - SIGKILL at random moments: all that was acknowledged is there, and nothing that was never sent.

    kill_test.py SPACETIME KINDS.wasm

Rounds of: clients write as fast as they are answered (WebSocket with and without confirmed reads, SQL), observers watch,
the server is killed; then it is killed again a few times while it starts and replays its log, or publishes, clears or
deletes another database; then it is started and looked at:

  confirmed client     every call that it saw succeed is there
  SQL                  every statement that it saw succeed is there (`confirmed` is the default)
  confirmed observer   every row that it saw is there
  every client         what is there of its calls is a prefix of what it sent: no gap, no row twice
  batches              the rows of one call are all there or none
  earlier rounds       exactly as they were found before
  other databases      whose creation was acknowledged is there; a name that was half published can be published again

STDB_KILL_ROUNDS (default 10) and STDB_KILL_SEED from the environment; the seed is printed. Segments of the log are small
here, so that kills also meet rotations."""

import asyncio
import collections
import json
import os
import random
import re
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time

import requests
import websockets

PATIENCE_SECONDS = 30
CONFIG = "[commitlog]\nmax-segment-size = 300000\n"
KEYS_PER_CLIENT = 200_000  # a client writes n, n + 1, ...; the next one starts so far behind
BATCH_ROWS = 10


class Failure(Exception):
    pass


def require(condition, text):
    if not condition:
        raise Failure(text)


# ---- the server ----


class Server:
    def __init__(self, program, directory):
        self.program, self.directory, self.port = program, directory, 0
        self.data = os.path.join(directory, "data")
        self.log = os.path.join(directory, "server.log")
        os.mkdir(self.data)
        with open(os.path.join(self.data, "config.toml"), "w") as config:
            config.write(CONFIG)

    def spawn(self):
        """Starts it without waiting for anything."""
        self.log_start = os.path.getsize(self.log) if os.path.exists(self.log) else 0
        command = [self.program, "start", "--data-dir", self.data, "--jwt-key-dir", self.data, "--non-interactive",
                   "--listen-addr", f"127.0.0.1:{self.port}"]
        with open(self.log, "a") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)

    def is_listening(self):
        with open(self.log, errors="replace") as log:
            log.seek(self.log_start)
            found = re.search(r"Starting SpacetimeDB listening on \S*:(\d+)", log.read())
        if found:
            self.port = int(found.group(1))
        return found is not None

    def start(self):
        self.spawn()
        end = time.monotonic() + PATIENCE_SECONDS
        while not self.is_listening():
            require(self.process.poll() is None, f"the server ended by itself: {self.process.returncode}")
            require(time.monotonic() < end, "the server does not start")
            time.sleep(0.01)

    def kill(self):
        require(self.process.poll() is None, f"the server ended by itself: {self.process.returncode}")
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(PATIENCE_SECONDS)

    def request(self, method, path, body=None, headers=None):
        return requests.request(method, f"http://127.0.0.1:{self.port}{path}", data=body, timeout=PATIENCE_SECONDS,
                                headers={**self.owner, **(headers or {})})

    def log_in(self):
        self.owner = {}
        self.owner = {"Authorization": "Bearer " + self.request("POST", "/v1/identity").json()["token"]}

    def sql(self, text, database="kinds"):
        answer = self.request("POST", f"/v1/database/{database}/sql", text.encode())
        require(answer.status_code == 200, f"{database}: {text}: {answer.status_code} {answer.text[:300]}")
        return answer.json()[0]["rows"]

    def publish(self, name, wasm, query=""):
        return self.request("PUT", f"/v1/database/{name}{query}", wasm, {"Content-Type": "application/wasm"})


# ---- BSATN ----


def u32(value):
    return struct.pack("<I", value)


def string(text):
    data = text.encode()
    return u32(len(data)) + data


def call_message(request_id, reducer, arguments):
    return b"\x03" + u32(request_id) + b"\0" + string(reducer) + u32(len(arguments)) + arguments


def subscribe_message(query):
    return b"\0" + u32(1) + u32(1) + u32(1) + string(query)


class Reader:
    def __init__(self, data, at=0):
        self.data, self.at = data, at

    def number(self, size):
        self.at += size
        return int.from_bytes(self.data[self.at - size:self.at], "little")

    def take(self, count):
        self.at += count
        require(self.at <= len(self.data), "a message is too short")
        return self.data[self.at - count:self.at]

    def plain_rows(self):
        """The n of each row in a BsatnRowList of the table plain: rows begin with it."""
        if self.number(1) == 0:
            size = self.number(2)
            count = self.number(4)
            require(count == 0, f"rows of {count} bytes and one size {size} in a table with strings") if size == 0 else None
            data = self.take(count)
            return [int.from_bytes(data[at:at + 4], "little") for at in range(0, count, size or 1)]
        offsets = [self.number(8) for _ in range(self.number(4))]
        data = self.take(self.number(4))
        return [int.from_bytes(data[at:at + 4], "little") for at in offsets]

    def inserted(self):
        """The n of each row inserted by a TransactionUpdate of queries on plain alone."""
        found = []
        for _ in range(self.number(4)):
            self.number(4)  # the query set
            for _ in range(self.number(4)):
                require(self.take(self.number(4)) == b"plain", "an update of a table that nobody asked for")
                for _ in range(self.number(4)):
                    require(self.number(1) == 0, "an event of a table that is none")
                    found += self.plain_rows()
                    require(self.plain_rows() == [], "a row of plain was deleted")
        return found


# ---- who writes and who watches ----


class Client:
    """What one client did: keys base + 0, 1, 2 ..., each in one call."""

    def __init__(self, kind, base, window):
        self.kind, self.base, self.window = kind, base, window
        self.sent = self.answered = 0
        self.found = None  # how many were there after the kill

    def __str__(self):
        return f"{self.kind} client at {self.base} (window {self.window}, sent {self.sent}, answered {self.answered})"

    def is_confirmed(self):
        return self.kind != "unconfirmed"

    def message(self, index):
        if self.kind == "batch":
            return call_message(index, "fill_fixed", u32(self.base + index * BATCH_ROWS) + u32(BATCH_ROWS))
        return call_message(index, "add_plain", u32(self.base + index) + string(f"{self.kind} {index}"))


def socket(server, token=None, confirmed=None):
    query = "compression=None" + ("" if confirmed is None else f"&confirmed={str(confirmed).lower()}")
    headers = {"Authorization": "Bearer " + token} if token else {}
    return websockets.connect(f"ws://127.0.0.1:{server.port}/v1/database/kinds/subscribe?{query}", max_size=None,
                              subprotocols=["v2.bsatn.spacetimedb"], additional_headers=headers, compression=None)


async def write(server, client):
    """Calls with at most `window` unanswered, until the connection ends."""
    try:
        async with socket(server, confirmed=None if client.is_confirmed() else False) as connection:
            await connection.recv()  # InitialConnection
            while True:
                while client.sent - client.answered < client.window:
                    client.sent += 1
                    await connection.send(client.message(client.sent - 1))
                message = await connection.recv()
                require(message[:2] == b"\0\x06", f"{client}: an answer that is none: {message[:20].hex()}")
                request_id, outcome = struct.unpack_from("<I", message, 2)[0], message[14]
                require(request_id == client.answered, f"{client}: answer to {request_id}")
                require(outcome in (0, 1), f"{client}: the call failed: {message[14:200]}")
                client.answered += 1
    except (websockets.ConnectionClosed, OSError, websockets.InvalidHandshake, EOFError):
        return


async def write_sql(server, client):
    def insert(index):
        statement = f"INSERT INTO plain (n, s) VALUES ({client.base + index}, 'sql {index}')"
        return server.request("POST", "/v1/database/kinds/sql", statement)

    try:
        while True:
            client.sent += 1
            answer = await asyncio.to_thread(insert, client.sent - 1)
            require(answer.status_code == 200, f"{client}: {answer.status_code} {answer.text[:200]}")
            client.answered += 1
    except requests.RequestException:
        return


async def watch(server, seen, confirmed):
    try:
        async with socket(server, confirmed=confirmed) as connection:
            await connection.recv()
            await connection.send(subscribe_message("SELECT * FROM plain WHERE s <> ''"))
            async for message in connection:
                if message[:2] == b"\0\x04":
                    seen.update(Reader(message, 2).inserted())
    except (websockets.ConnectionClosed, OSError, websockets.InvalidHandshake):
        return


# ---- a round ----


async def write_until_killed(server, clients, seen, seconds):
    tasks = [asyncio.create_task((write_sql if client.kind == "sql" else write)(server, client)) for client in clients]
    tasks += [asyncio.create_task(watch(server, seen[confirmed], confirmed)) for confirmed in (True, False)]
    await asyncio.sleep(seconds)
    server.kill()
    done, pending = await asyncio.wait(tasks, timeout=PATIENCE_SECONDS)
    require(not pending, "a client does not notice that the server is gone")
    for task in done:
        task.result()


def stored_of(server, client):
    """How many of the client's calls are there; fails unless they are the first ones, whole and once."""
    if client.kind == "batch":
        keys = server.sql(f"SELECT id FROM fixed WHERE id >= {client.base} AND id < {client.base + KEYS_PER_CLIENT}")
        keys = [row[0] - client.base for row in keys]
        require(len(keys) % BATCH_ROWS == 0, f"{client}: a part of a call is there: {len(keys)} rows")
        calls = len(keys) // BATCH_ROWS
    else:
        rows = server.sql(f"SELECT * FROM plain WHERE n >= {client.base} AND n < {client.base + KEYS_PER_CLIENT}")
        keys = [row[0] - client.base for row in rows]
        for key, (_, text) in zip(keys, rows):
            require(text == f"{client.kind} {key}", f"{client}: row {key} says {text!r}")
        calls = len(keys)
    require(len(set(keys)) == len(keys), f"{client}: rows twice")
    gaps = sorted(set(range(len(keys))) - set(keys))
    require(not gaps, f"{client}: {len(keys)} rows, but not {gaps[:5]}")
    require(calls <= client.sent, f"{client}: {calls} calls are there, which is more than were sent")
    return calls


def check(server, clients, seen, before):
    for client in clients:
        client.found = stored_of(server, client)
        if client.is_confirmed():
            require(client.found >= client.answered, f"{client}: only {client.found} calls are there")
    bases = {client.base: client for client in clients}
    for key in seen[True]:
        client = bases[key - key % KEYS_PER_CLIENT]
        require(key - client.base < client.found, f"a confirmed observer saw row {key}, which is gone: {client}")
    everything = before + clients
    rows = collections.Counter()
    for client in everything:
        rows[client.kind == "batch"] += client.found * (BATCH_ROWS if client.kind == "batch" else 1)
    require(server.sql("SELECT COUNT(*) AS n FROM plain") == [[rows[False]]], "rows of earlier rounds came or went")
    require(server.sql("SELECT COUNT(*) AS n FROM fixed") == [[rows[True]]], "rows of earlier rounds came or went")


def kill_while_starting(server, rng, seconds):
    """Killed again while it starts or while it replays, which it does for the first request; returns which it was."""
    server.spawn()
    if rng.random() < 0.3:
        time.sleep(rng.uniform(0, seconds["start"]))
        stage = "listening" if server.is_listening() else "starting"
        server.kill()
        return stage
    while not server.is_listening():
        require(server.process.poll() is None, f"the server ended by itself: {server.process.returncode}")
        time.sleep(0.001)
    answers = []
    count = "SELECT COUNT(*) AS n FROM plain"
    asked = threading.Thread(target=lambda: answers.append(quiet(server.sql, count)))
    asked.start()
    time.sleep(rng.uniform(0, 1.2 * seconds["replay"]))
    stage = "replayed" if answers else "replaying"
    server.kill()
    asked.join(PATIENCE_SECONDS)
    require(not asked.is_alive(), "a request does not notice that the server is gone")
    return stage


def quiet(function, *arguments):
    try:
        return function(*arguments)
    except (requests.RequestException, Failure):
        return None


def kill_while_publishing(server, rng, wasm, others, seconds):
    """Killed while it creates a database, or clears or deletes one that was."""
    server.start()
    known = sorted(others)
    action = rng.choice(["create", "create", "clear", "delete"]) if known else "create"
    name = f"other-{len(others)}-{rng.randrange(10**6)}" if action == "create" else rng.choice(known)
    answers = []

    thread = threading.Thread(target=lambda: answers.append(quiet(ACTIONS[action], server, name, wasm)))
    thread.start()
    time.sleep(rng.uniform(0, 1.2 * seconds[action]))
    server.kill()
    thread.join(PATIENCE_SECONDS)
    require(not thread.is_alive(), f"{action} {name}: the request does not notice that the server is gone")
    answer = answers[0]
    acknowledged = answer is not None and answer.status_code == 200
    require(answer is None or acknowledged, f"{action} {name}: {answer is not None and answer.text}")
    return action, name, acknowledged


def check_published(server, wasm, others, happened):
    action, name, acknowledged = happened
    status = server.request("GET", f"/v1/database/{name}").status_code
    if action != "delete" and (acknowledged or action == "clear"):
        require(status == 200, f"{action} {name} was acknowledged: {acknowledged}, but it is gone: {status}")
    if action == "delete" and acknowledged:
        require(status == 404, f"{name} was deleted, but it is there: {status}")
    if action != "delete" and acknowledged:
        require(server.sql("SELECT COUNT(*) AS n FROM plain", name) == [[0]], f"{action} {name}: rows")
    answer = server.publish(name, wasm)
    require(answer.status_code == 200, f"{name} cannot be published again after {action}: {answer.text[:300]}")
    rows = server.sql("SELECT n FROM plain", name)
    # Cleared, deleted or not at all; never in between.
    require(rows in ([], [[n] for n in range(others.get(name, 0))]), f"{action} {name}: {rows}")
    require(server.sql("SELECT id FROM secret", name) == [[1]], f"{action} {name}: init did not run once")
    count = len(rows)
    answer = server.request("POST", f"/v1/database/{name}/call/add_plain", json.dumps([count, "x"]),
                            {"Content-Type": "application/json"})
    require(answer.status_code == 200, f"{name}: a call fails after {action}: {answer.text[:300]}")
    require(len(server.sql("SELECT n FROM plain", name)) == count + 1, f"{name}: the row of a call")
    others[name] = count + 1


def kill_after_publishing(server, wasm, others):
    """Killed right after the answer to a publish, which promises that the database is there."""
    for query in ("", "?clear=true"):
        name = f"answered-{len(others)}"
        for step in ["", query] if query else [""]:
            answer = server.publish(name, wasm, step)
            require(answer.status_code == 200, f"publish {name}{step}: {answer.text[:300]}")
        server.kill()
        server.start()
        require(server.sql("SELECT n FROM plain", name) == [], f"{name}: rows")
        others[name] = 0


ACTIONS = {
    "create": lambda server, name, wasm: server.publish(name, wasm),
    "clear": lambda server, name, wasm: server.publish(name, wasm, "?clear=true"),
    "delete": lambda server, name, wasm: server.request("DELETE", f"/v1/database/{name}"),
}


def measure(server, wasm):
    """Publishes the database that is written to, and sees how long things take, for delays that hit their middle."""
    seconds = {"replay": 0.01}
    began = time.monotonic()
    server.start()
    seconds["start"] = time.monotonic() - began
    server.log_in()
    answer = server.publish("kinds", wasm)
    require(answer.status_code == 200, f"publish: {answer.text[:300]}")
    for action, act in ACTIONS.items():
        began = time.monotonic()
        answer = act(server, "measured", wasm)
        seconds[action] = time.monotonic() - began
        require(answer.status_code == 200, f"{action}: {answer.text[:300]}")
    return seconds


def run_round(server, rng, wasm, state):
    kinds = ["confirmed", "confirmed", "unconfirmed", "unconfirmed", "batch", "sql"]
    clients = []
    for kind in kinds:
        state.next_base += KEYS_PER_CLIENT
        clients.append(Client(kind, state.next_base, rng.choice([1, 4, 32, 256])))
    seen = {True: set(), False: set()}
    asyncio.run(write_until_killed(server, clients, seen, rng.uniform(0.02, 1.2)))
    again = [kill_while_starting(server, rng, state.seconds) for _ in range(rng.randrange(4))]
    happened = kill_while_publishing(server, rng, wasm, state.others, state.seconds)
    server.start()
    began = time.monotonic()
    server.sql("SELECT COUNT(*) AS n FROM plain")
    state.seconds["replay"] = time.monotonic() - began
    check(server, clients, seen, state.clients)
    check_published(server, wasm, state.others, happened)
    kill_after_publishing(server, wasm, state.others)
    state.clients += clients
    sent, answered, found = (sum(getattr(client, what) for client in clients) for what in ("sent", "answered", "found"))
    print(f"ok   {sent} calls sent, {answered} answered, {found} there; {len(seen[True])} rows seen; killed again when "
          f"{' '.join(again) or 'nothing'}, in {happened[0]} ({'answered' if happened[2] else 'not answered'})", flush=True)


class State:
    def __init__(self, seconds):
        self.seconds = seconds
        self.next_base = 0
        self.clients = []  # of all rounds so far
        self.others = {}   # databases besides kinds: how many rows of plain they have


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    program, wasm = os.path.abspath(sys.argv[1]), open(sys.argv[2], "rb").read()
    rounds = int(os.environ.get("STDB_KILL_ROUNDS", "10"))
    seed = int(os.environ.get("STDB_KILL_SEED", str(random.randrange(2**32))))
    print(f"seed {seed}", flush=True)
    rng = random.Random(seed)
    passed, failed = 0, 0
    with tempfile.TemporaryDirectory(prefix="spacetime-kill-") as directory:
        server = Server(program, directory)
        try:
            state = State(measure(server, wasm))
            for _ in range(rounds):
                run_round(server, rng, wasm, state)
                passed += 1
            for client in state.clients:  # and nothing moved in the end
                require(stored_of(server, client) == client.found, f"{client}: was {client.found}")
        except (Failure, requests.RequestException) as failure:
            failed = 1
            print(f"FAIL round {passed + 1}: {type(failure).__name__}: {failure}")
            print(open(server.log, errors="replace").read()[-6000:])
            keep = os.environ.get("STDB_KILL_KEEP")
            if keep:
                subprocess.run(["cp", "-a", directory, keep], check=True)
        finally:
            if server.process.poll() is None:
                server.kill()
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed)


main()
