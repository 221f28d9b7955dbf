// json5.h - turns JSON5 (spacetime.json) into JSON.
//
// Threads    any.
// Lifetime   the output is the caller's buffer.
// Limits     that buffer's.
// Format     json5.org 1.0.0: comments, trailing commas, unquoted keys, single quotes, hexadecimal
//            numbers, signs, line continuations. Infinity and NaN have no JSON form and are refused.
#pragma once

#include "base/bytes.h"
#include "base/status.h"

// Copies the tokens one by one; whether they make sense together is for the JSON reader behind it.
// STATUS_INVALID with "line 3: ...", STATUS_LIMIT if the buffer was full.
Status json5_to_json(Bytes text, Buffer *json, Error *error);
