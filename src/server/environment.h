// environment.h - environment variables as clients send them: two headers of a publish, or a JSON object (since-2.8.md 6.1).
//
// Threads    any; everything lies in the request's arena.
// Limits     ENVIRONMENT_* in base/limits.h; what is beyond them is refused when the change is planned.
#pragma once

#include "server/web.h"

// The headers `spacetime-environment` and `spacetime-environment-remove`. False: malformed, and answered with 400.
bool web_environment(WebRequest *request, EnvironmentChange *ret_change);
// Parses the value of one header of the first kind: KEY=VALUE, ... with values bare, 'verbatim' or "as in JSON". Appends to
// entries, which has room for ENVIRONMENT_ITEMS_MAX + 1; *count says how many are there.
Status environment_read_header(Bytes value, Arena *arena, EnvironmentEntry *entries,
                               uint32_t *count, Error *error);
// 400 with the body that upstream's tools understand. keys: a JSON array
void web_refuse_environment(WebRequest *request, const char *keys);
