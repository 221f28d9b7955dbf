// scalar_text.h - strings, booleans and numbers as display and SATN show them; private to sats/.
//
// Threads    any; nothing is shared.
#pragma once

#include "sats/sats.h"

// Appends a value that has no parts (a kind from TYPE_STRING on) and returns the place behind it:
// integers in decimal, floats positional, strings between quotes and not escaped.
const uint8_t *scalar_write_text(Buffer *buffer, TypeKind kind, const uint8_t *at);
