// fetch.h - one GET over HTTP, bounded in size and time.
//
// Threads    any; blocks for up to AUTH_FETCH_MS_MAX.
// Limits     AUTH_DOCUMENT_BYTES_MAX, AUTH_FETCH_MS_MAX, AUTH_REDIRECTS_MAX.
#pragma once

#include "base/arena.h"
#include "base/status.h"

// http and https only, a status of 2xx. The body goes to the arena.
Status fetch_document(const char *url, Arena *arena, Bytes *ret_body, Error *error);
