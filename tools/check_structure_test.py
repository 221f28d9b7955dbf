#!/usr/bin/env python3
"""check_structure_test.py - plants one violation of each rule into a small clean tree: each must be found, and
nothing else. The clean tree itself must pass."""

import io
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import check_structure

README = "# room\n"
CLEAN = {
    "src/LAYERS": "# top to bottom\ncli\nserver\ndb\nstore\nbase\n",
    "src/main.c": '// main.c - dispatch.\n#include "cli/cli.h"\n\nint main(void) {\n    return cli();\n}\n',
    "src/cli/cli.h": "// cli.h - commands.\n#pragma once\n\nint cli(void);\n",
    "src/cli/cli.c": '// cli.c - commands.\n#include "cli/cli.h"\n\n#include "store/store.h"\n\n#include <stdlib.h>\n\n'
                     'int cli(void) {\n    return getenv("X") ? store_get() : 0;\n}\n',
    "src/cli/README.md": README,
    "src/store/store.h": '// store.h - rows.\n#pragma once\n\n#include "base/bytes.h"\n\nint store_get(void);\n',
    "src/store/store.c": '// store.c - rows.\n#include "store/store.h"\n\n#include "store/page.h"\n\n'
                         "// malloc(1) in a comment, errno too\n"
                         'int store_get(void) {\n    return page_count("free(x)");\n}\n',
    "src/store/page.h": "// page.h - pages.\n#pragma once\n\nint page_count(const char *text);\n",
    "src/store/README.md": README,
    "src/base/bytes.h": "// bytes.h - bytes.\n#pragma once\n\nvoid *mem(unsigned long count);\n",
    "src/base/bytes.c": '// bytes.c - bytes.\n#include "base/bytes.h"\n\n#include <stdlib.h>\n\n'
                        "void *mem(unsigned long count) {\n    return malloc(count);\n}\n",
    "src/base/README.md": README,
}


def appended(path, text):
    return {path: CLEAN[path] + text}


def lines(count):
    return "\n".join("    (void)0;" for _ in range(count))


# name -> (changed files, what the problem must say)
VIOLATIONS = {
    "upward": (appended("src/store/store.c", '#include "cli/cli.h"\n'), "goes up: cli stands above store"),
    "private": (appended("src/cli/cli.h", '#include "store/page.h"\n'), "private to room store"),
    "not from src": (appended("src/store/store.h", '#include "page.h"\n'), "not spelled from src/"),
    "dots": (appended("src/store/store.h", '#include "store/../store/page.h"\n'), 'goes through ".."'),
    "no such file": (appended("src/store/page.h", '#include "store/none.h"\n'), "names no file"),
    "order": ({"src/store/page.h": "// page.h - pages.\n#pragma once\n#include <stdint.h>\n"
                                   '#include "base/bytes.h"\n'}, "project headers come before"),
    "own first": ({"src/store/store.c": '// store.c - rows.\n#include "base/bytes.h"\n#include "store/store.h"\n'},
                  "own header comes first"),
    "room not in layers": ({"src/new/new.c": "// new.c - new.\n", "src/new/README.md": README},
                           "is not in src/LAYERS"),
    "file cycle": (appended("src/store/page.h", '#include "store/store.h"\n') |
                   appended("src/store/store.h", '#include "store/page.h"\n'), "cycle of files"),
    "folder cycle": ({"src/store/a/x.h": '// x.h - x.\n#pragma once\n#include "store/b/y.h"\n',
                      "src/store/b/y.h": "// y.h - y.\n#pragma once\n",
                      "src/store/b/z.h": '// z.h - z.\n#pragma once\n#include "store/a/w.h"\n',
                      "src/store/a/w.h": "// w.h - w.\n#pragma once\n"}, "cycle of folders"),
    "header alone": (appended("src/store/page.h", "uint32_t page_size(void);\n"), "does not compile alone"),
    "no pragma": ({"src/store/page.h": "// page.h - pages.\nint page_count(const char *text);\n"},
                  "no #pragma once"),
    "long header": (appended("src/store/page.h", "//\n" * 400), "a header has at most"),
    "malloc": (appended("src/cli/cli.c", "void *f(void);\nvoid *f(void) {\n    return malloc(1);\n}\n"),
               "memory comes from base/"),
    "strdup": (appended("src/cli/cli.c", 'char *f(void) {\n    return strdup("x");\n}\n'), "memory comes from base/"),
    "getenv": (appended("src/store/store.c", 'char *f(void) {\n    return getenv("x");\n}\n'), "settings reach"),
    "time": (appended("src/store/store.c", "long f(void) {\n    return time(0);\n}\n"), "time comes from Os"),
    "rand": (appended("src/store/store.c", "int f(void) {\n    return rand();\n}\n"), "randomness comes from Os"),
    "open": (appended("src/store/store.c", 'int f(void) {\n    return open("x", 0);\n}\n'), "files are reached"),
    "pthread": (appended("src/store/store.c", "int f(void) {\n    return pthread_self();\n}\n"), "threads are"),
    "errno": (appended("src/cli/cli.c", "int f(void) {\n    return errno;\n}\n"), "errno is for"),
    "long function": (appended("src/cli/cli.c", "void f(void) {\n" + lines(69) + "\n}\n"),
                      "function f has 71 lines"),
    "long struct": (appended("src/cli/cli.c", "struct S {\n" + "int x;\n" * 40 + "} s;\n"), "struct s has 42 lines"),
    "long file": (appended("src/cli/cli.c", "//\n" * 1000), "lines, at most 1000"),
    "opening": ({"src/store/page.h": "// pages.h - pages.\n#pragma once\n"}, "does not open with"),
    "no readme": ({"src/store/README.md": None}, "is missing"),
    "long readme": ({"src/store/README.md": "x\n" * 61}, "61 lines, at most 60"),
}

# What must not be taken for a violation.
INNOCENT = {
    "function of 70 lines": appended("src/cli/cli.c", "void f(void) {\n" + lines(68) + "\n}\n"),
    "member calls": appended("src/store/store.c", "int f(struct X *x) {\n    x->open(x);\n    x->y.free(1);\n"
                                                  "    return mem_free(1) + store_open(2);\n}\n"),
    "base above the line": appended("src/base/bytes.c", "int f(void) {\n    return time(0) + open(errno);\n}\n"),
    "server's open": {"src/server/server.c": "// server.c - s.\nint f(void) {\n    return open(0) + time(0);\n}\n",
                      "src/server/README.md": README},
    "inner folder meets its room": {
        "src/store/a/x.c": '// x.c - x.\n#include "store/a/x.h"\n\n#include "store/store.h"\n',
        "src/store/a/x.h": "// x.h - x.\n#pragma once\n",
        "src/store/rows.c": '// rows.c - r.\n#include "store/a/x.h"\n'},
    "many short functions": appended("src/cli/cli.c", "void f(void) {\n    (void)0;\n}\n" * 60),
    "macros and tables": appended("src/cli/cli.c", "#define TWICE(x) do { x; x; } while (0)\n"
                                                   "static const int T[] = {\n" + "1,\n" * 90 + "};\n"),
}


class CheckStructure(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.root)

    def problems(self, changes):
        for path, text in (CLEAN | changes).items():
            path = os.path.join(self.root, path)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            if text is None:
                if os.path.exists(path):
                    os.remove(path)
                continue
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "check_structure.py")
        result = subprocess.run([sys.executable, script, "--root", self.root], capture_output=True, text=True,
                                check=False)
        self.assertEqual(result.stderr, "")
        found = result.stdout.strip().split("\n")
        self.assertEqual(result.returncode, 1 if len(found) > 1 else 0)
        return found[:-1]  # the last line is the summary

    def test_clean_tree(self):
        self.assertEqual(self.problems({}), [])

    def test_each_violation_is_found(self):
        for name, (changes, text) in VIOLATIONS.items():
            with self.subTest(name):
                shutil.rmtree(self.root)
                found = self.problems(changes)
                self.assertTrue(any(text in problem for problem in found), found)

    def test_innocent_trees(self):
        for name, changes in INNOCENT.items():
            with self.subTest(name):
                shutil.rmtree(self.root)
                self.assertEqual(self.problems(changes), [])

    def test_stats(self):
        self.problems({})
        tree = check_structure.Tree(self.root)
        before, sys.stdout = sys.stdout, io.StringIO()
        try:
            check_structure.stats(tree)
            text = sys.stdout.getvalue()
        finally:
            sys.stdout = before
        self.assertIn("lines per function                     3 / 3 / 3", text)


if __name__ == "__main__":
    unittest.main()
