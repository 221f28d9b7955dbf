// request.h - the two sets of client messages behind request_read.
//
// Threads    any.        Format  websocket.md 5.1, 7.1; since-2.8.md 3.1.
#pragma once

#include "sync/sync.h"

// One message of v1 in BSATN; of v1.json after its JSON was turned into that, but the arguments are JSON.
Status request_v1_read(Reader *reader, Arena *arena, Request *ret_request, Error *error);
// One message of v2 and v3.
Status request_v2_read(Reader *reader, Arena *arena, Request *ret_request, Error *error);

// ---- what both consist of ----

// An array of strings into the set's queries.
void request_read_queries(Reader *reader, Arena *arena, RequestSet *ret_set);
// One set without queries yet, which the request gets.
RequestSet *request_add_set(Arena *arena, Request *request);
// The text about bytes that are no message of this type: what a general reader would say.
Status request_malformed(const Type *type, Bytes message, Error *error);
