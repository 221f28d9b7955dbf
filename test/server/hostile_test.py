#!/usr/bin/env python3
"""hostile_test.py - goal: whatever a module does ends its own call, undoes it, and tells the caller; the next call works.

    hostile_test.py PROGRAM [--table]

Method: the modules of test/modules/hostile_*.c, published to a server with small limits, one case a line of CASES. After
each the same module answers again, or what was refused left nothing, and another database's client is answered at
once. --table prints what happened as the table of docs/checklists/isolation.md."""

import glob
import json
import os
import subprocess
import sys
import time

from harness import CLANG, ROOT, Server, compile_module

CONFIG = "[wasm]\ncall-seconds = 1\nmemory-size = 268435456\n[logs]\nmodule-day-size = 1000000\n"
FATAL = "The instance encountered a fatal error."
CALM = "STDB_TABLE(Item, item, PUBLIC, (u32, id, PRIMARY_KEY, AUTO_INC));\n" \
       "STDB_REDUCER(add, ctx) { return item_insert(&(Item){0}); }\n"
SECONDS_MAX = 60  # of one case; most take milliseconds

# What is limited, module, -DCASE, what is published: status and words in the answer. (Nothing is left of it.)
PUBLISHES = [
    ("description: unknown version", "description", 0, 500, ""),
    ("description: ends within a section", "description", 1, 500, ""),
    ("description: more sections than bytes", "description", 2, 500, ""),
    ("description: unknown section", "description", 3, 500, ""),
    ("description: a type that contains itself", "description", 4, 500, ""),
    ("description: a row type that there is not", "description", 5, 500, ""),
    ("description: two reducers of one name", "description", 6, 500, ""),
    ("description: a name that is no text", "description", 7, 500, ""),
    ("description: a name that is no identifier", "description", 8, 500, ""),
    ("description: init that there is not", "description", 9, 500, ""),
    ("description: none at all", "description", 10, 500, ""),
    ("description: types nested a million deep", "description", 11, 500, ""),
    ("import of another module", "import", 0, 500, ""),
    ("import of WASI", "import", 1, 500, ""),
    ("import under an older minor version", "import", 2, 500, ""),
    ("import of a minor version to come", "import", 3, 500, "abi version 10.99 is not supported"),
    ("import of two major versions", "import", 4, 500, ""),
    ("import of no version", "import", 5, 500, ""),
    ("import with another signature", "import", 6, 500, ""),
    ("time: init", "init_loop", 0, 500, FATAL),
    ("time: a function that runs before the description", "start", 0, 500, ""),
]

# What is limited, module, reducer, arguments: status and words of the answer, words in the module's log afterwards.
CALLS = [
    ("time of a call", "loop", "spin", [], 402, "Module energy budget exhausted.", "spin"),
    ("time that suffices", "loop", "count_to", [1000], 200, "", None),
    ("memory: through the allocator", "memory", "allocate", [], 530, FATAL, "memory"),
    ("memory: from the engine, refusals ignored", "memory", "grow", [], 530, "refused at", None),
    ("a row of 64 MB", "memory", "large_row", [64 << 20], 200, "", None),
    ("100,000 rows of 1 KB", "memory", "many_rows", [100000, 1024], None, None, None),
    ("stack of the engine", "stack", "deep", [100000000], 530, FATAL, "call stack exhausted"),
    ("stack of the module", "stack", "large_frames", [1000000], 530, FATAL, None),
    ("trap: unreachable", "trap", "unreachable", [], 530, FATAL, "unreachable"),
    ("trap: division by zero", "trap", "divide", [0], 530, FATAL, "divide by zero"),
    ("trap: load behind the memory", "trap", "load", [0xFFFFFFF0], 530, FATAL, "out of bounds"),
    ("trap: call of what is no function", "trap", "call_pointer", [12345678], 530, FATAL, "backtrace"),
    ("panic", "trap", "panic", [], 530, FATAL, "with a text"),
    ("log: a record of 16 MB", "log", "long_log", [16 << 20], 200, "", None),
    ("log: 100,000 records", "log", "many_logs", [100000], 200, "", "the log of this day is full"),
    ("log: what is no text", "log", "odd_logs", [], 200, "", None),
    ("timers that are never ended", "log", "timers", [100000], 530, None, None),
    ("an error text of 16 MB", "log", "long_error", [16 << 20], 530, None, None),
    ("an error text that is no text", "log", "odd_error", [], 530, None, None),
    ("iterators that are never closed", "pointers", "leak_iters", [1000000], None, None, None),
]

# Each of the host calls of hostile_pointers.c with each of these as address, length and handle.
POKES = 34
ADDRESSES = [0, 1, 65536, 0x7FFFFFFF, 0xFFFFFFFF]
LENGTHS = [0, 1, 0xFFFFFFFF]
HANDLES = [0, 1, 4096, 0xFFFFFFFF]


def build(name, directory, case=None):
    """The bytes of test/modules/hostile_NAME.c."""
    output = os.path.join(directory, f"{name}-{case}.wasm")
    source = os.path.join(ROOT, f"test/modules/hostile_{name}.c")
    library = [] if name == "description" else sorted(glob.glob(os.path.join(ROOT, "sdk/c/*.c")))
    subprocess.run([CLANG, "@sdk/c/flags", "-Iinclude", *([] if case is None else [f"-DCASE={case}"]), *library,
                    source, "-o", output], cwd=ROOT, check=True)
    with open(output, "rb") as file:
        return file.read()


class Hostile:
    def __init__(self, program):
        self.server = Server(program, config=CONFIG).start()
        self.owner = self.server.new_user()
        self.rows, self.failures = [], []
        calm = compile_module(CALM, self.server.directory)
        assert self.owner.publish("calm", calm).status == 200

    def note(self, what, answer, seconds):
        text = answer.text() if len(answer.body) < 300 else f"({len(answer.body)} bytes)"
        self.rows.append((what, answer.status, " ".join(text.split())[:160], seconds))

    def check(self, holds, *what):
        if not holds:
            self.failures.append(" ".join(map(str, what)))

    def still_well(self):
        answer = self.owner.call("calm", "add")
        assert answer.status == 200, answer

    def publish(self, what, module, case, status, words):
        begin = time.monotonic()
        answer = self.owner.publish("refused", build(module, self.server.directory, case))
        self.note(what, answer, time.monotonic() - begin)
        self.check(answer.status == status and words in answer.text(), what, answer)
        self.check(self.owner.sql("refused", "SELECT * FROM st_table").status == 404, what, "is there")
        self.still_well()

    def call(self, what, module, reducer, arguments, status, words, logged):
        name = f"hostile-{module}"
        if self.owner.sql(name, "SELECT * FROM st_table").status == 404:
            answer = self.owner.publish(name, build(module, self.server.directory))
            assert answer.status == 200, answer
        begin = time.monotonic()
        answer = self.owner.call(name, reducer, *arguments)
        seconds = time.monotonic() - begin
        self.note(what, answer, seconds)
        self.check(seconds < SECONDS_MAX, what, seconds)
        self.check(answer.status in ((200, 530, 402) if status is None else (status,)), what, answer)
        self.check(words is None or words in answer.text(), what, answer)
        if logged:
            log = self.owner.request("GET", f"/v1/database/{name}/logs").text()
            self.check(logged in log, what, log[-1000:])
            for line in log.splitlines():
                json.loads(line)
        self.still_well()

    def poke_everything(self):
        name = "hostile-pointers"
        begin = time.monotonic()
        outcomes = {}
        for poke in range(POKES):
            for address in ADDRESSES:
                for length in LENGTHS:
                    for handle in HANDLES:
                        answer = self.owner.call(name, "poke", poke, address, length, handle)
                        assert answer.status in (200, 530), answer
                        outcomes[answer.status] = outcomes.get(answer.status, 0) + 1
        count = sum(outcomes.values())
        text = f"{outcomes.get(200, 0)} ended with an error number, {outcomes.get(530, 0)} as a fatal error"
        self.rows.append((f"any address, length and handle: {count} host calls", "200, 530", text,
                          time.monotonic() - begin))
        assert outcomes[200] > 0 and outcomes[530] > 0
        self.still_well()

    def traps_leave_nothing(self):
        assert self.owner.rows("hostile-trap", "SELECT * FROM mark") == []
        answer = self.owner.call("hostile-trap", "count_calls")
        assert answer.status == 530 and answer.text() == "call 1", answer  # a fresh instance
        assert self.owner.call("hostile-trap", "count_calls").text() == "call 2"

    def print_table(self):
        print("| what the module does | answer | what the caller reads | ms |\n|---|---|---|---|")
        for what, status, text, seconds in self.rows:
            print(f"| {what} | {status} | {text.replace('|', '&#124;')} | {seconds * 1000:.0f} |")


def main():
    hostile = Hostile(sys.argv[1])
    try:
        for line in PUBLISHES:
            hostile.publish(*line)
        for line in CALLS:
            hostile.call(*line)
        hostile.traps_leave_nothing()
        hostile.poke_everything()
        log_bytes = sum(os.path.getsize(path) for path in
                        glob.glob(os.path.join(hostile.server.data, "replicas/*/module_logs/*.log")))
        assert log_bytes < 8 * (1000000 + 4096), log_bytes
        assert hostile.server.stop() == 0
        if "--table" in sys.argv:
            hostile.print_table()
        assert not hostile.failures, "\n".join(hostile.failures)
        print(f"{len(hostile.rows)} cases")
    finally:
        hostile.server.remove()


main()
