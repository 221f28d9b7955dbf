"""command.py - runs the command line with a configuration of its own."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "server"))

PROGRAM = os.path.abspath(sys.argv[1])
KINDS = os.path.abspath(sys.argv[2])
BANNER = "WARNING: This command is UNSTABLE and subject to breaking changes.\n\n"
SECONDS = 120


class Result:
    def __init__(self, process):
        self.code = process.returncode
        self.out = process.stdout
        self.err = process.stderr

    def __repr__(self):
        return f"exit code {self.code}\n--- out\n{self.out}\n--- err\n{self.err}"


class Case(unittest.TestCase):
    """Each test has a directory, which is the working directory of its commands, and a cli.toml in it."""

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="cli-test-")
        self.work = os.path.join(self.directory, "work")
        os.mkdir(self.work)
        self.config = os.path.join(self.directory, "cli.toml")

    def tearDown(self):
        shutil.rmtree(self.directory, ignore_errors=True)

    def environment(self, **more):
        return {**os.environ, "XDG_CACHE_HOME": os.path.join(self.directory, "cache"), **more}

    def run_raw(self, *words, text="", cwd=None, env=None):
        process = subprocess.run([PROGRAM, *words], input=text, capture_output=True, text=True, timeout=SECONDS,
                                 cwd=cwd or self.work, env=env or self.environment(), check=False)
        return Result(process)

    def cli(self, *words, **how):
        return self.run_raw("--config-path", self.config, *words, **how)

    def good(self, *words, **how):
        result = self.cli(*words, **how)
        self.assertEqual(result.code, 0, result)
        return result

    def bad(self, *words, code=1, **how):
        result = self.cli(*words, **how)
        self.assertEqual(result.code, code, result)
        return result

    def write(self, name, text):
        path = os.path.join(self.work, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
        return path

    def read_config(self):
        with open(self.config) as file:
            return file.read()


def main():
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
