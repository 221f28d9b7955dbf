"""Prints unicode_tables.c and .h: what str.isidentifier (XID) and the one-to-one case mappings of this Python say.
usage: python3 unicode_tables.py > unicode_tables.c; python3 unicode_tables.py header > unicode_tables.h"""
import sys
import unicodedata
LAST = 0x110000


def is_character(c):
    return c < LAST and not 0xD800 <= c < 0xE000


def ranges(accepts):
    out, first = [], None
    for c in range(0x80, LAST + 1):
        ok = is_character(c) and accepts(chr(c))
        if ok and first is None:
            first = c
        if not ok and first is not None:
            out.append(f'{{0x{first:x}, 0x{c - 1:x}}}')
            first = None
    return out


def runs(convert):
    pairs = {c: ord(convert(chr(c))) for c in range(0x80, LAST)
             if is_character(c) and len(convert(chr(c))) == 1 and convert(chr(c)) != chr(c)}
    out, used = [], set()
    for first in sorted(pairs):
        if first in used:
            continue
        best = None
        for step in (1, 2):
            last = first
            while pairs.get(last + step, -1) == pairs[first] + last + step - first and last + step not in used:
                last += step
            if best is None or (last - first) // step > (best[0] - first) // best[1]:
                best = (last, step)
        used.update(range(first, best[0] + 1, best[1]))
        out.append(f'{{0x{first:x}, 0x{best[0]:x}, {best[1]}, {pairs[first] - first}}}')
    return out


def table(kind, name, items):
    if HEADER:
        print(f'extern const {kind} {name}[{len(items)}];')
        return
    print(f'\n// clang-format off\nconst {kind} {name}[] = {{')
    line = '   '
    for item in items:
        if len(line) + len(item) + 2 > 100:
            print(line)
            line = '   '
        line += f' {item},'
    print(line + '\n};\n// clang-format on')


HEADER = sys.argv[1:] == ['header']
if HEADER:
    print('''// unicode_tables.h - Unicode beyond ASCII, printed by unicode_tables.py; for unicode.c only.
//
// Threads    constant.
#pragma once

#include <stdint.h>

// All of first .. last.
typedef struct UnicodeRange {
    uint32_t first, last;
} UnicodeRange;

// Every step-th of first .. last maps to itself plus delta.
typedef struct CaseRun {
    uint32_t first, last;
    int32_t step, delta;
} CaseRun;

// XID_CONTINUE_ONLY: what may continue an identifier but not start it.''')
else:
    print(f'''// unicode_tables.c - Unicode {unicodedata.unidata_version} beyond ASCII, printed by unicode_tables.py.

#include "schema/unicode_tables.h"''')
table('UnicodeRange', 'XID_START', ranges(str.isidentifier))
table('UnicodeRange', 'XID_CONTINUE_ONLY', ranges(lambda c: ('a' + c).isidentifier() and not c.isidentifier()))
table('CaseRun', 'TO_UPPER', runs(str.upper))
table('CaseRun', 'TO_LOWER', runs(str.lower))
