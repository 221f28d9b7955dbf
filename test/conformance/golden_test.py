#!/usr/bin/env python3
"""golden_test.py - does the server answer what an unmodified one answered?

    golden_test.py SPACETIME [GOLDEN] [-v]

Starts SPACETIME on an empty directory and a free port, drives it with GOLDEN/capture.py through the golden scenarios and
compares with GOLDEN/compare.py. GOLDEN is ../shared/golden beside the repository unless it, or the environment's
STDB_GOLDEN, says otherwise; without the data this test fails. What must differ is listed in expected_failures.txt beside
this file, one name a line: what fails without being listed fails the test, and so does what is listed but does not.
-v prints each difference in full."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
DEFAULT_GOLDEN = os.path.join(HERE, "..", "..", "..", "shared", "golden")
EXPECTED = os.path.join(HERE, "expected_failures.txt")
START_SECONDS = 60
CAPTURE_SECONDS = 400
# capture.py, except that a WebSocket scenario which cannot go on does not end the ones behind it: what it did not
# get differs.
TOLERANT_CAPTURE = """
import asyncio, runpy, sys
run = asyncio.run
def run_to_the_end(scenario):
    try:
        return run(scenario)
    except Exception as error:
        print("a scenario ended early:", repr(error), file=sys.stderr)
asyncio.run = run_to_the_end
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def golden_directory(arguments):
    directory = os.environ.get("STDB_GOLDEN") or (arguments[1] if len(arguments) > 1 else DEFAULT_GOLDEN)
    directory = os.path.abspath(directory)
    if not os.path.isfile(os.path.join(directory, "capture.py")):
        sys.exit(f"golden_test.py: there are no golden data in {directory}; set STDB_GOLDEN to where they are")
    return directory


class Server:
    """A server on a directory of its own; its output goes to a file."""

    def __init__(self, program, directory):
        self.log = os.path.join(directory, "server.log")
        data = os.path.join(directory, "data")
        command = [program, "start", "--data-dir", data, "--jwt-key-dir", data, "--listen-addr", "127.0.0.1:0"]
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)

    def url(self):
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            found = re.search(r"listening on (127\.0\.0\.1:\d+)", self.text())
            if found:
                return "http://" + found.group(1)
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        sys.exit("golden_test.py: the server did not start:\n" + self.text())

    def text(self):
        with open(self.log) as log:
            return log.read()

    def stop(self):
        """The exit status; a server that does not end is killed."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return "a timeout"


def expected_failures():
    """Name -> which later work covers it."""
    failures = {}
    with open(EXPECTED) as lines:
        for line in lines:
            line = line.rstrip("\n")
            if line and not line.startswith("#"):
                name, _, reason = line.partition("\t")
                failures[name] = reason.strip()
    return failures


def differences(text):
    """Names of what failed, from compare.py's lines."""
    names = []
    for line in text.splitlines():
        found = re.match(r"(?:DIFF: |MISSING |UNREADABLE )(\S+(?: \[.*?\](?=$|\s\sgolden))?)", line)
        if found:
            names.append(found.group(1))
    return names


def compare(golden, capture, verbose):
    command = [sys.executable, os.path.join(golden, "compare.py"), golden, capture]
    result = subprocess.run(command + (["-v"] if verbose else []), capture_output=True, text=True)
    if verbose:
        print(result.stdout)
    found = re.search(r"^(\d+) passed, (\d+) failed$", result.stdout, re.M)
    if not found:
        sys.exit("golden_test.py: compare.py did not finish:\n" + result.stdout[-4000:] + result.stderr[-4000:])
    return result.stdout, int(found.group(1)), int(found.group(2))


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "-v"]
    if not arguments:
        sys.exit(__doc__)
    golden = golden_directory(arguments)
    with tempfile.TemporaryDirectory(prefix="golden-") as directory:
        server = Server(os.path.abspath(arguments[0]), directory)
        capture = os.path.join(directory, "capture")
        try:
            kinds = os.path.join(golden, "modules", "kinds", "kinds.wasm")
            script = os.path.join(golden, "capture.py")
            command = [sys.executable, "-c", TOLERANT_CAPTURE, script, server.url(), kinds, capture]
            result = subprocess.run(command, capture_output=True, text=True, timeout=CAPTURE_SECONDS)
        finally:
            status = server.stop()
        if result.returncode != 0:
            sys.exit(f"golden_test.py: capture.py failed:\n{result.stderr[-4000:]}\nserver:\n{server.text()[-4000:]}")
        text, passed, failed = compare(golden, capture, "-v" in sys.argv)
        log = server.text()

    expected = expected_failures()
    failures = differences(text)
    surprises = [name for name in failures if name not in expected]
    recovered = [name for name in expected if name not in failures]
    for name in surprises:
        print("DIFFERS     ", name)
    for name in recovered:
        print("NOW EQUAL   ", name, "(take it out of expected_failures.txt)")
    if len(failures) != failed:
        print(f"compare.py counts {failed} failures, {len(failures)} were understood")
    if status != 0:
        print(f"the server ended with {status}:\n{log[-4000:]}")
    print(f"{passed} of {passed + failed}")
    sys.exit(bool(surprises or recovered or len(failures) != failed or status != 0))


if __name__ == "__main__":
    main()
