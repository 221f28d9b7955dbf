// unicode_tables.h - Unicode beyond ASCII, printed by unicode_tables.py; for unicode.c only.
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

// XID_CONTINUE_ONLY: what may continue an identifier but not start it.
extern const UnicodeRange XID_START[653];
extern const UnicodeRange XID_CONTINUE_ONLY[361];
extern const CaseRun TO_UPPER[194];
extern const CaseRun TO_LOWER[181];
