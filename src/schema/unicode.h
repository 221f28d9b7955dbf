// unicode.h - what names need of Unicode: identifier classes and one-to-one case mappings. Private
// to schema/.
//
// Threads    any.
// Limits     mappings to several characters ("ß" to "SS") are not known: such characters have no
// case here.
#pragma once

#include "base/bytes.h"

// The character at *at, which moves behind it. The text is valid UTF-8 and *at is inside.
uint32_t unicode_next(Bytes text, uint32_t *at);
void unicode_append(Buffer *buffer, uint32_t character);

bool unicode_is_xid_start(uint32_t character);
bool unicode_is_xid_continue(uint32_t character);
uint32_t unicode_to_upper(uint32_t character);
uint32_t unicode_to_lower(uint32_t character);
