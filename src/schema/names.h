// names.h - identifiers and case conversion as validation needs them. Private to schema/.
//
// Threads    any.        Format  spec: sats.md 10.1, 12.3.
#pragma once

#include "schema/schema.h"

// The order is the one errors are sorted by.
typedef enum IdentifierProblem {
    IDENTIFIER_RESERVED = 1,  // upstream's list is empty; the number keeps the order
    IDENTIFIER_BAD_START,
    IDENTIFIER_BAD_CHARACTER,
    IDENTIFIER_EMPTY,
    IDENTIFIER_FINE,
} IdentifierProblem;

// ret_character: the one that is wrong, for BAD_START and BAD_CHARACTER.
IdentifierProblem identifier_problem(Bytes name, uint32_t *ret_character);
// Appends upstream's text.
void identifier_problem_write(Buffer *buffer, IdentifierProblem problem, Bytes name,
                              uint32_t character);
