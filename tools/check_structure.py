#!/usr/bin/env python3
"""check_structure.py - the rules of the house that a compiler does not know.

    tools/check_structure.py             prints what breaks a rule, exits with 1 if anything does
    tools/check_structure.py --stats     prints the yardstick instead
    tools/check_structure.py --only base prints only what concerns paths that contain "base"

Rules, for the C files of src/:
  includes  "x/y.h" is spelled from src/ and names a file of the same room, the public header of a lower room
            (src/LAYERS; a room's public header is ROOM/ROOM.h, all of base/ is public), and the own header comes
            first, then the project's, then the system's; no cycle of files, none of a room's inner folders
  headers   each compiles alone, twice over; at most HEADER_LINES_MAX lines; says #pragma once
  calls     BANNED_CALLS; errno
  rooms     each has a README.md of at most README_LINES_MAX lines
and for all C files of src/, include/, bench/ and test/:
  sizes     functions, structs, files
  opening   the first line is "// name - what it is"
  paths     no include goes through ".."
"""

import argparse
import glob
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 1000
HEADER_LINES_MAX = 400
STRUCT_LINES_MAX = 40
README_LINES_MAX = 60
COLUMNS_MAX = 100

FOLDERS = ["src", "include", "bench", "test"]
SKIPPED_FOLDERS = {"node_modules", "target", "build", "corpus", "__pycache__"}

# (calls, the rooms in which they are banned, why). "core" is db and what stands below it, except base.
BANNED_CALLS = [
    (r"malloc|calloc|realloc|reallocarray|free|strdup|strndup|asprintf|vasprintf|getline|"
     r"aligned_alloc|posix_memalign", "all", "memory comes from base/ (arena, mem_alloc, Buffer)"),
    (r"getenv|secure_getenv|setenv", "all but cli, server", "settings reach the rooms as arguments"),
    (r"time|clock|gettimeofday|clock_gettime|localtime|localtime_r", "core", "time comes from Os"),
    (r"rand|rand_r|srand|random|srandom|drand48|getrandom|getentropy", "core", "randomness comes from Os"),
    (r"open|openat|creat|fopen|freopen|opendir|mkstemp|tmpfile|unlink|rename|mkdir|rmdir|remove|"
     r"fsync|fdatasync|pread|pwrite", "core", "files are reached through Os"),
    (r"pthread_\w+|thrd_\w+|mtx_\w+|cnd_\w+", "core", "threads are base/thread.h's"),
    (r"sleep|usleep|nanosleep|fork|system|popen|exec[lv]p?e?", "core", "not in the core"),
]
ERRNO_ROOMS = {"base", "net"}
# What modules include is compiled as modules are.
WASM_HEADERS = "include/spacetime/module"
WASM_FLAGS = ["--target=wasm32", "-ffreestanding"]
# Where headers of the libraries are, besides the system's folders.
PKG_CONFIG_PACKAGES = ["libuv", "jansson", "cjose", "sqlite3", "libcurl", "javascriptcoregtk-4.1"]


# ---- reading C ----

TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", re.M)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.M)


def blank(match):
    """Spaces instead of the text, so that offsets and lines stay."""
    return re.sub(r"[^\n]", " ", match.group(0))


def without_comments(text):
    return TOKEN.sub(lambda m: blank(m) if m.group(0).startswith("/") else m.group(0), text)


def code_only(text):
    """The text without comments, literals and preprocessor lines."""
    return DIRECTIVE.sub(blank, TOKEN.sub(blank, text))


class Function:
    def __init__(self, name, line, lines, nesting, parameters, body):
        self.name = name
        self.line = line
        self.lines = lines
        self.nesting = nesting
        self.parameters = parameters
        self.body = body


def opening_parenthesis(code, at):
    """The offset of the '(' that the ')' at `at` closes."""
    depth = 0
    for i in range(at, -1, -1):
        if code[i] == ")":
            depth += 1
        elif code[i] == "(":
            depth -= 1
            if depth == 0:
                return i
    return 0


def count_parameters(text):
    text = text.strip()
    if text in ("", "void"):
        return 0
    depth = 0
    count = 1
    for letter in text:
        depth += (letter in "([{") - (letter in ")]}")
        count += letter == "," and depth == 0
    return count


def function_at(code, start, open_brace, close_brace, nesting):
    """The function whose body is code[open_brace:close_brace], or None if those braces are something else."""
    head = code[start:open_brace].rstrip()
    head = re.sub(r"__attribute__\s*\(\(.*\)\)$", "", head).rstrip()
    if not head.endswith(")") or "=" in head.split("(", 1)[0]:
        return None
    close = start + len(head) - 1
    parenthesis = opening_parenthesis(code, close)
    name = re.search(r"(\w+)\s*$", code[start:parenthesis])
    if name is None:
        return None
    line = code.count("\n", 0, start + name.start()) + 1
    last = code.count("\n", 0, close_brace) + 1
    parameters = count_parameters(code[parenthesis + 1:close])
    return Function(name.group(1), line, last - line + 1, nesting, parameters, (open_brace, close_brace))


def top_level(code):
    """Walks the outermost statements: yields (start, end, open_brace, deepest nesting) of each."""
    depth = 0
    deepest = 0
    start = 0
    open_brace = -1
    for match in re.finditer(r"[{};]", code):
        at = match.start()
        letter = match.group(0)
        if letter == "{":
            if depth == 0:
                open_brace = at
                deepest = 0
            depth += 1
            deepest = max(deepest, depth)
        elif letter == "}":
            depth = max(depth - 1, 0)
            head = code[start:open_brace].rstrip() if open_brace >= 0 else ""
            if depth == 0 and (head.endswith(")") or head.endswith("))")) and "=" not in head:
                yield start, at, open_brace, deepest - 1
                start = at + 1
                open_brace = -1
        elif depth == 0:
            yield start, at, open_brace, deepest
            start = at + 1
            open_brace = -1


class Source:
    """One C file, read once."""

    def __init__(self, root, path):
        self.path = path
        with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
            self.text = file.read()
        self.lines = self.text.split("\n")
        if self.lines and self.lines[-1] == "":
            self.lines.pop()
        self.code = code_only(self.text)
        commentless = without_comments(self.text)
        self.includes = [(commentless.count("\n", 0, m.start()) + 1, m.group(1) == '"', m.group(2))
                         for m in INCLUDE.finditer(commentless)]
        self.functions = []
        self.structs = []  # (name, line, lines)
        self.mutables = []  # lines of mutable file-scope variables
        self.prototypes = []  # lines
        for start, end, open_brace, nesting in top_level(self.code):
            self.add_statement(start, end, open_brace, nesting)

    def add_statement(self, start, end, open_brace, nesting):
        head_end = open_brace if open_brace >= 0 else end
        head = self.code[start:head_end].strip()
        line = self.code.count("\n", 0, start + len(self.code[start:head_end]) -
                               len(self.code[start:head_end].lstrip())) + 1
        if open_brace >= 0 and self.code[end] == "}":
            function = function_at(self.code, start, open_brace, end, nesting)
            if function is not None:
                self.functions.append(function)
            return
        if open_brace >= 0 and re.match(r"(typedef\s+)?(struct|union)\b[^=]*$", head):
            lines = self.code.count("\n", open_brace, end) + 1
            name = re.search(r"(\w+)\s*$", self.code[:end])
            self.structs.append((name.group(1) if name else "?", line, lines))
        elif open_brace < 0 and head.endswith(")") and not re.match(r"(typedef|static_assert|_Static)", head):
            if "=" not in head and not re.match(r"\w+\s*\(", head):
                self.prototypes.append(line)
        elif self.is_mutable(head):
            self.mutables.append(line)

    @staticmethod
    def is_mutable(head):
        declaration = head.split("=")[0].strip()
        if not declaration or re.match(r"(typedef|struct|union|enum|extern)\b", declaration):
            return False
        if "(" in declaration or not re.match(r"[\w\s\*\[\]]+$", declaration):
            return False
        if len(re.findall(r"\w+", declaration)) < 2:
            return False
        return "const" not in declaration.split("*")[-1]

    @property
    def is_header(self):
        return self.path.endswith(".h")

    @property
    def room(self):
        parts = self.path.split("/")
        return parts[1] if parts[0] == "src" and len(parts) > 2 else None

    @property
    def name(self):
        """How others include it."""
        return self.path[len("src/"):] if self.path.startswith("src/") else self.path


class Tree:
    def __init__(self, root):
        self.root = root
        with open(os.path.join(root, "src/LAYERS"), encoding="utf-8") as file:
            self.layers = [line.strip() for line in file if re.match(r"^[a-z]+$", line.strip())]
        self.sources = [Source(root, path) for path in self.find()]
        self.by_name = {s.name: s for s in self.sources if s.path.startswith("src/")}
        self.problems = []

    def find(self):
        paths = []
        for folder in FOLDERS:
            for directory, children, files in os.walk(os.path.join(self.root, folder)):
                children[:] = sorted(c for c in children if c not in SKIPPED_FOLDERS and c[0] != ".")
                paths += [os.path.relpath(os.path.join(directory, f), self.root)
                          for f in sorted(files) if f.endswith((".c", ".h"))]
        return paths

    def report(self, path, line, text):
        self.problems.append((path, line, text))

    def in_src(self):
        return [s for s in self.sources if s.path.startswith("src/")]

    def core(self):
        """The rooms from db down, except base."""
        at = self.layers.index("db") if "db" in self.layers else 0
        return [room for room in self.layers[at:] if room != "base"]


# ---- the rules ----

def check_includes(tree):
    for source in tree.sources:
        for line, quoted, name in source.includes:
            if ".." in name.split("/"):
                tree.report(source.path, line, f"include \"{name}\" goes through \"..\"")
            elif quoted and source.path.startswith("src/"):
                check_include(tree, source, line, name)
        if source.path.startswith("src/"):
            check_include_order(tree, source)


def check_include(tree, source, line, name):
    parts = name.split("/")
    if len(parts) < 2:
        tree.report(source.path, line, f"include \"{name}\" is not spelled from src/")
        return
    if name not in tree.by_name:
        tree.report(source.path, line, f"include \"{name}\" names no file of src/")
        return
    room = parts[0]
    if room == source.room:
        return
    is_public = room == "base" or name == f"{room}/{room}.h"
    if not is_public:
        tree.report(source.path, line, f"include \"{name}\" is private to room {room}")
    if source.room is None:  # main.c stands above all
        return
    if source.room not in tree.layers or room not in tree.layers:
        missing = source.room if source.room not in tree.layers else room
        tree.report(source.path, line, f"include \"{name}\": room {missing} is not in src/LAYERS")
    elif tree.layers.index(room) < tree.layers.index(source.room):
        tree.report(source.path, line, f"include \"{name}\" goes up: {room} stands above {source.room}")


def check_include_order(tree, source):
    own = source.name[:-2] + ".h"
    seen_system = False
    for at, (line, quoted, name) in enumerate(source.includes):
        if quoted and name == own and at > 0:
            tree.report(source.path, line, "the own header comes first")
        if quoted and seen_system:
            tree.report(source.path, line, f"include \"{name}\": project headers come before the system's")
            return
        seen_system = seen_system or not quoted


def find_cycles(graph):
    """Cycles of a graph {node: [nodes]}, each as the list of its nodes."""
    cycles = []
    state = {}

    def visit(node, path):
        state[node] = "open"
        for to in graph.get(node, []):
            if state.get(to) == "open":
                cycles.append(path[path.index(to):] + [to])
            elif to not in state:
                visit(to, path + [to])
        state[node] = "done"

    for node in sorted(graph):
        if node not in state:
            visit(node, [node])
    return cycles


def check_cycles(tree):
    files = {s.name: [n for _, quoted, n in s.includes if quoted and n in tree.by_name]
             for s in tree.in_src()}
    for cycle in find_cycles(files):
        tree.report("src/" + cycle[0], 1, "cycle of files: " + " -> ".join(cycle))
    folders = {}
    for name, included in files.items():
        folder = os.path.dirname(name)
        for other in map(os.path.dirname, included):
            # A room's inner folder and the room itself are one: its headers are how the parts meet.
            if other != folder and not inside(other, folder) and not inside(folder, other):
                folders.setdefault(folder, set()).add(other)
    for cycle in find_cycles({k: sorted(v) for k, v in folders.items()}):
        tree.report("src/" + cycle[0], 1, "cycle of folders: " + " -> ".join(cycle))


def inside(folder, outer):
    return folder == outer or folder.startswith(outer + "/")


def check_headers(tree, include_folders):
    headers = [s for s in tree.sources if s.is_header and s.path.split("/")[0] in ("src", "include")]
    for header in headers:
        if len(header.lines) > HEADER_LINES_MAX:
            tree.report(header.path, HEADER_LINES_MAX, f"{len(header.lines)} lines, a header has at most "
                        f"{HEADER_LINES_MAX}")
        if "#pragma once" not in header.text:
            tree.report(header.path, 1, "no #pragma once")
    flags = compiler_flags(tree.root, include_folders)
    with ThreadPoolExecutor(max_workers=2) as pool:
        for header, failure in zip(headers, pool.map(lambda h: compile_header(tree.root, h, flags), headers)):
            if failure:
                tree.report(header.path, 1, "does not compile alone:\n    " + failure)


def compiler_flags(root, include_folders):
    flags = ["-std=gnu17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror",
             "-I" + os.path.join(root, "src"), "-I" + os.path.join(root, "include")]
    if not include_folders:
        cache = os.environ.get("STDB_CACHE") or os.path.join(
            os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "spacetime-c")
        include_folders = glob.glob(os.path.join(cache, "deps-*", "include"))
    flags += [f for folder in include_folders for f in ("-isystem", folder)]
    for package in PKG_CONFIG_PACKAGES if shutil.which("pkg-config") else []:
        found = subprocess.run(["pkg-config", "--cflags-only-I", package], capture_output=True, text=True,
                               check=False)
        flags += [f.replace("-I", "-isystem", 1) for f in found.stdout.split()]
    return flags


def compile_header(root, header, flags):
    """The compiler's first error about the header alone, included twice; empty if it is content."""
    compiler = os.environ.get("CC", "cc").split()
    if header.path.startswith(WASM_HEADERS):
        compiler = [os.environ.get("CLANG") or shutil.which("clang-19") or shutil.which("clang")]
        flags = WASM_FLAGS + flags
        if compiler[0] is None:
            print(f"{header.path}: not compiled, no clang was found")
            return ""
    path = os.path.join(root, header.path)
    with tempfile.NamedTemporaryFile("w", suffix=".c") as file:
        file.write(f'#include "{path}"\n#include "{path}"\n')
        file.flush()
        result = subprocess.run(compiler + flags + ["-fsyntax-only", file.name], capture_output=True,
                                text=True, check=False)
    if result.returncode == 0:
        return ""
    lines = result.stderr.strip().split("\n")
    return next((line for line in lines if "error:" in line), lines[0])


def check_calls(tree):
    rules = []
    for calls, rooms, why in BANNED_CALLS:
        banned = set(tree.layers) - {"base"}
        if rooms == "core":
            banned = set(tree.core())
        elif rooms.startswith("all but"):
            banned -= set(re.findall(r"\w+", rooms[len("all but"):]))
        rules.append((re.compile(r"(?<![\w.>])(?:" + calls + r")\s*\("), banned, why))
    for source in tree.in_src():
        for pattern, banned, why in rules:
            if source.room not in banned:
                continue
            for match in pattern.finditer(source.code):
                tree.report(source.path, line_of(source, match.start()),
                            f"call of {match.group(0)}): {why}")
        if source.room is not None and source.room not in ERRNO_ROOMS:
            for match in re.finditer(r"\berrno\b", source.code):
                tree.report(source.path, line_of(source, match.start()), "errno is for base/ and net/")


def line_of(source, offset):
    return source.code.count("\n", 0, offset) + 1


def check_sizes(tree):
    for source in tree.sources:
        if len(source.lines) > FILE_LINES_MAX:
            tree.report(source.path, FILE_LINES_MAX, f"{len(source.lines)} lines, at most {FILE_LINES_MAX}")
        for function in source.functions:
            if function.lines > FUNCTION_LINES_MAX:
                tree.report(source.path, function.line, f"function {function.name} has {function.lines} "
                            f"lines, at most {FUNCTION_LINES_MAX}")
        for name, line, lines in source.structs:
            if lines > STRUCT_LINES_MAX:
                tree.report(source.path, line, f"struct {name} has {lines} lines, at most {STRUCT_LINES_MAX}")


def check_opening(tree):
    for source in tree.sources:
        first = source.lines[0] if source.lines else ""
        base = os.path.basename(source.path)
        if not re.match(r"// (?:[\w./-]*/)?" + re.escape(base) + r" - \S", first):
            tree.report(source.path, 1, f"does not open with \"// {base} - ...\"")


def check_rooms(tree):
    rooms = sorted({s.room for s in tree.in_src() if s.room})
    for room in rooms:
        path = f"src/{room}/README.md"
        if room not in tree.layers:
            tree.report(f"src/{room}", 1, "is not in src/LAYERS")
        try:
            with open(os.path.join(tree.root, path), encoding="utf-8") as file:
                count = len(file.read().splitlines())
        except FileNotFoundError:
            tree.report(path, 1, "is missing")
            continue
        if count > README_LINES_MAX:
            tree.report(path, README_LINES_MAX, f"{count} lines, at most {README_LINES_MAX}")


# ---- the yardstick ----

def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))] if values else 0


def median(values):
    return int(statistics.median(values)) if values else 0


def seen_lines(tree, source, cache):
    """Project header lines that a file sees."""
    seen = set()
    waiting = [n for _, quoted, n in source.includes if quoted and n in tree.by_name]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += [n for _, quoted, n in tree.by_name[name].includes if quoted and n in tree.by_name]
    return sum(len(tree.by_name[name].lines) for name in seen)


def has_contract(source, line):
    """Whether a comment stands on, above, or above the run of prototypes that `line` belongs to."""
    if "//" in source.lines[line - 1]:
        return True
    at = line - 2
    while at >= 0 and source.lines[at].strip() != "":
        if source.lines[at].lstrip().startswith("//"):
            return True
        at -= 1
    return False


def stats(tree):
    product = [s for s in tree.sources if s.path.split("/")[0] in ("src", "include")]
    tests = [s for s in tree.sources if s.path.startswith("test/")]
    functions = [(f, s) for s in product for f in s.functions]
    code_lines = sum(len(s.lines) for s in product)
    row("lines per function", f"{median([f.lines for f, _ in functions])} / "
        f"{percentile([f.lines for f, _ in functions], .95)} / "
        f"{max([f.lines for f, _ in functions], default=0)}", "12 / 45 / 70")
    row("nesting, 95%", percentile([f.nesting for f, _ in functions], .95), "3")
    row("parameters, 95%", percentile([f.parameters for f, _ in functions], .95), "5")
    for suffix, wanted in ((".c", "350 / 1000"), (".h", "120 / 400")):
        counts = [len(s.lines) for s in product if s.path.endswith(suffix)]
        row(f"lines per {suffix}", f"{median(counts)} / {max(counts, default=0)}", wanted)
    row("longest struct", max([n for s in product for _, _, n in s.structs], default=0), "40")
    prototypes = [has_contract(s, line) for s in product if s.is_header for line in s.prototypes]
    row("prototypes with a contract", f"{100 * sum(prototypes) // max(len(prototypes), 1)}%", "95%")
    row("assertions per function (core)", f"{assertions_per_function(tree):.2f}", "1.5")
    mutables = sum(len(s.mutables) for s in product)
    row("mutable globals per 1000 lines", f"{1000 * mutables / max(code_lines, 1):.2f}", "0.2")
    macros = sum(m.group(0).count("\n") > 4 for s in product
                 for m in re.finditer(r"^#define(?:[^\n\\]|\\.|\\\n)*", s.text, re.M))
    row("macros over 5 lines per 1000 lines", f"{1000 * macros / max(code_lines, 1):.2f}", "0.2")
    row("header lines a .c file sees", median([seen_lines(tree, s, {}) for s in product
                                               if not s.is_header]), "1500")
    test_lines = sum(len(s.lines) for s in tests)
    row("test lines per product line", f"{test_lines / max(code_lines, 1):.2f}", "1")
    row("product lines, test lines", f"{code_lines}, {test_lines}", "")
    row("lines over 100 columns", sum(len(line) > COLUMNS_MAX for s in tree.sources for line in s.lines), "0")
    print("\nlongest functions")
    for function, source in sorted(functions, key=lambda p: -p[0].lines)[:10]:
        print(f"  {function.lines:5}  {source.path}:{function.line} {function.name}")
    print("\nlongest files")
    for source in sorted(product, key=lambda s: -len(s.lines))[:10]:
        print(f"  {len(source.lines):5}  {source.path}")


def row(what, value, wanted):
    print(f"{what:38} {str(value):18} {wanted}")


def assertions_per_function(tree):
    rooms = {"store", "log", "query", "sync", "db"}
    sources = [s for s in tree.in_src() if s.room in rooms and not s.is_header]
    functions = sum(len(s.functions) for s in sources)
    assertions = sum(len(re.findall(r"\bASSERT(?:_SLOW)?\s*\(", s.code)) for s in sources)
    return assertions / functions if functions else 0.0


def main():
    parser = argparse.ArgumentParser(description="Checks the structure of the tree.")
    parser.add_argument("--root", default=os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    parser.add_argument("--stats", action="store_true", help="print the yardstick")
    parser.add_argument("--only", default="", help="only problems whose path contains this")
    parser.add_argument("--include", action="append", default=[], help="a folder of library headers")
    options = parser.parse_args()
    tree = Tree(options.root)
    if options.stats:
        stats(tree)
        return 0
    check_includes(tree)
    check_cycles(tree)
    check_headers(tree, options.include)
    check_calls(tree)
    check_sizes(tree)
    check_opening(tree)
    check_rooms(tree)
    problems = [p for p in sorted(set(tree.problems)) if options.only in p[0]]
    for path, line, text in problems:
        print(f"{path}:{line}: {text}")
    print(f"{len(tree.sources)} files, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
