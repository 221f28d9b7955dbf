#!/usr/bin/env python3
"""spacetime_test.py - goal: `spacetime test` runs what a module's author wrote, in steps and in C, and says truly what passed
and what failed; every example is tested by its own tests and every template builds. Method: folders of the tree are copied
into a temporary directory and the product is run on them; outbound HTTP goes to a server of this file."""
import http.server
import os
import shutil
import subprocess
import sys
import tempfile
import threading

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SPACETIME = os.path.abspath(sys.argv[1])
TEMP = tempfile.mkdtemp(prefix="spacetime-test-")


def run(*args, cwd=None, code=0):
    command = [SPACETIME, "--root-dir", os.path.join(TEMP, "root"), *args]
    result = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300)
    output = result.stdout + result.stderr
    assert result.returncode == code, f"{args}: exit code {result.returncode}\n{output}"
    return output


def copied(folder):
    target = os.path.join(TEMP, folder)
    if not os.path.exists(target):
        shutil.copytree(os.path.join(ROOT, folder), target, ignore=shutil.ignore_patterns("build"))
    return target


def write(folder, name, text):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


class Echo(http.server.BaseHTTPRequestHandler):
    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        text = f"{self.command} {self.path} {self.headers.get('X-Test')} {body.decode()}".encode()
        self.send_response(418)
        self.send_header("Content-Type", "text/tea")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = answer

    def log_message(self, *_):
        pass


def test_everything_of_the_sdk():
    module = copied("test/sdk_c/functions")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    write(module, "tests/http.test", f"""
test outbound HTTP with and without a body
call fetch ["{url}/a?b=1", ""]
expect [0, "418 text/tea GET /a?b=1 yes "]
call fetch ["{url}/c", "body"]
expect [0, "418 text/tea POST /c yes body"]
""")
    output = run("test", "-p", module)
    server.shutdown()
    assert "FAIL" not in output and ", 0 failed" in output, output
    for part in ("views of a sender", "outbound HTTP with and without", "calls_and_rows"):
        assert f"  ok    {part}" in output, output


def test_failures_are_told_with_file_and_line():
    module = copied("test/sdk_c/functions")
    failing = os.path.join(TEMP, "failing")
    write(failing, "steps.test", """
test an unexpected error
call join ["", 1]

test an unexpected reply
call add [1, 2]
expect 4

test an error that did not come
call add [1, 2]
expect error no

test something else

test no such step
jump
""")
    write(failing, "code.c", """#include <spacetime/test.h>
#include <stdio.h>
#include <stdlib.h>
STDB_TEST(refused) { stdb_call("join", "[\\"\\", 1]"); }
STDB_TEST(not_refused) { stdb_refused("x", "add", "[1, 2]"); }
STDB_TEST(untrue) { STDB_EXPECT(1 == 2); }
STDB_TEST(crash) { abort(); }
STDB_TEST(chatty) { for (int i = 0; i < 100000; i++) fputs("0123456789", stderr); exit(1); }
""")
    output = run("test", "-p", module, "--tests", failing, code=1)
    for part in ("1 passed, 9 failed", "steps.test:3: a name is needed", "steps.test:7: expected 4",
                 "steps.test:11: it did not fail: 3", "steps.test:16: there is no step jump", "code.c:4: ",
                 "code.c:5: add did not fail: 3", "code.c:6: expected: 1 == 2", "ended by signal 6"):
        assert part in output, f"{part}\n{output[:4000]}"
    tap = run("test", "-p", module, "--tests", failing, "--tap", "something", code=0)
    assert "TAP version 14" in tap and "ok 1 - " in tap and "1..1" in tap, tap


def test_a_built_program_in_any_language():
    module = copied("test/sdk_c/functions")
    program = os.path.join(module, "build/module.wasm")
    output = run("test", "-b", program, "--tests", os.path.join(module, "tests"), "claims of a token")
    assert "1 passed, 0 failed" in output, output
    write(TEMP, "none/x.txt", "")
    assert "No test was run" in run("test", "-b", program, "--tests", os.path.join(TEMP, "none"), code=1)
    assert "There are no tests" in run("test", "-b", program, "--tests", os.path.join(TEMP, "nowhere"), code=1)
    write(TEMP, "empty/a.test", "call add [1, 2]\n")
    assert "no test: a line `test NAME`" in run("test", "-b", program, "--tests", os.path.join(TEMP, "empty"), code=1)


def test_limits():
    program = os.path.join(copied("test/sdk_c/functions"), "build/module.wasm")
    persons = "".join(f"as person{i}\n" for i in range(63))  # the owner is the 64th
    headers = "".join(f"header X-{i} v\n" for i in range(32))
    values = "".join(f"environment K{i} v\n" for i in range(256))
    longest = 1024 * 1024
    write(TEMP, "limits/limits.test", f"""
test persons
{persons}as one_too_many
expect error too many persons
identity @{{another}}
expect error too many persons

test headers
{headers}header X-Last v
expect error too many headers

test environment
{values}environment LAST v
expect error too many values

test names
as {"n" * 64}
as {"n" * 65}
expect error 1 to 64 bytes

test steps
claims {"x" * (longest - len("claims "))}
claims {"x" * (longest - len("claims ") + 1)}
expect error at most

test days
advance 3650d
advance 3651d
expect error at most 3650 days
""")
    output = run("test", "-b", program, "--tests", os.path.join(TEMP, "limits"))
    assert "6 passed, 0 failed" in output, output
    write(TEMP, "lines/lines.test", "test t\n" + "now\n" * 65535)
    assert "1 passed" in run("test", "-b", program, "--tests", os.path.join(TEMP, "lines"))
    write(TEMP, "lines/lines.test", "test t\n" + "now\n" * 65536)
    assert "more than 65536 lines" in run("test", "-b", program, "--tests", os.path.join(TEMP, "lines"), code=1)


def test_a_rust_module():
    if len(sys.argv) < 3 or not os.path.exists(sys.argv[2]):
        print("        (no golden data: no Rust module to test)")
        return
    write(TEMP, "rust/kinds.test", """
test a module in Rust
sql SELECT COUNT(*) AS n FROM kinds
expect [[0]]
call add_kind [1]
sql SELECT COUNT(*) AS n FROM kinds
expect [[1]]
call schedule ["tea", 5000, false]
advance 4999ms
sql SELECT label FROM timer
expect [["tea"]]
advance 1ms
expect log tick 1 tea
sql SELECT label FROM timer
expect []
call no_such_reducer
expect error No such
""")
    output = run("test", "-b", sys.argv[2], "--tests", os.path.join(TEMP, "rust"))
    assert "1 passed, 0 failed" in output, output


def test_examples():
    names = sorted(name for name in os.listdir(os.path.join(ROOT, "examples")) if not name.startswith("."))
    assert len(names) >= 4, names
    for name in names:
        output = run("test", "-p", copied(os.path.join("examples", name)))
        assert ", 0 failed" in output and "  ok    " in output, f"{name}\n{output}"


def test_the_template():
    run("init", "--lang", "c", "shop", "--project-path", os.path.join(TEMP, "shop"))
    output = run("test", "-p", os.path.join(TEMP, "shop/spacetimedb"))
    assert ", 0 failed" in output and "  ok    " in output, output


def main():
    failed = 0
    for name, test in list(globals().items()):
        if not name.startswith("test_"):
            continue
        try:
            test()
            print(f"ok      {name}")
        except Exception as problem:  # pylint: disable=broad-except
            failed += 1
            print(f"FAILED  {name}\n{problem}")
    shutil.rmtree(TEMP)
    return 1 if failed else 0


sys.exit(main())
