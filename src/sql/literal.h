// literal.h - the text of a literal as a value of the type that is wanted.
//
// Threads    any; no state.
// Limits     the text is bounded by SQL_TEXT_BYTES_MAX; exponents by what the type can hold.
// Format     sql.md 5.1.
#pragma once

#include "sats/sats.h"

// Types that literals can be written for, and that can be compared.
bool type_is_comparable(const Type *type);
// The BSATN of the text read as that type, in the arena; false if it cannot be.
bool literal_read(Bytes text, const Type *type, Arena *arena, Bytes *ret_value);
