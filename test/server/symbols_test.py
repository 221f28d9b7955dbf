#!/usr/bin/env python3
"""symbols_test.py - no function of ours stands in for a library's.

    symbols_test.py PROGRAM

The linker exports a function of the program if a shared library it is linked with refers to that name; the library then
calls ours. (It happened: json_string, which jansson and cjose call.) What the program may export is data of the C library."""

import subprocess
import sys

ALLOWED = {"stdin", "stdout", "stderr", "environ", "__environ", "_environ", "optarg", "optind", "opterr", "optopt"}
# Sanitizers replace functions of the C library: that is their work.
SANITIZED = "__asan_init"


def main():
    listing = subprocess.run(["nm", "-D", "--defined-only", sys.argv[1]], capture_output=True, text=True, check=True)
    names = {line.split()[-1].split("@")[0] for line in listing.stdout.splitlines()}
    if SANITIZED in names or "__tsan_init" in names or "__ubsan_handle_add_overflow" in names:
        print("a sanitizer build exports what it replaces; nothing to check")
        return
    exported = sorted(names - ALLOWED)
    for name in exported:
        print(f"{name}: a library that is linked calls this name and would get ours")
    sys.exit(bool(exported))


if __name__ == "__main__":
    main()
