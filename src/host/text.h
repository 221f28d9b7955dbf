// text.h - texts as Rust writes them, which module logs show. Private to host/.
//
// Threads    any; no state.
#pragma once

#include "base/bytes.h"

// Appends the bytes with every maximal invalid part replaced by U+FFFD.
void text_write_lossy(Buffer *buffer, Bytes bytes);
// Appends valid UTF-8 in quotes with Rust's debug escapes: \t \n \r \0 \" \\ and \u{..} for control characters.
void text_write_debug(Buffer *buffer, Bytes text);
// Appends "1.23ms", "456ns", "2s": the largest unit that is at least 1, without trailing zeros.
void text_write_duration(Buffer *buffer, uint64_t nanos);
