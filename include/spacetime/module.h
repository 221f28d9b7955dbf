// spacetime/module.h - write a SpacetimeDB module in C: the one file to include.
//
//     #define STDB_SHORT_NAMES  // String, Identity, u32 beside StdbString, StdbIdentity, uint32_t
//     #include <spacetime/module.h>
//
//     STDB_TABLE(Person, person, PUBLIC,
//         (u32,    id, PRIMARY_KEY, AUTO_INC),
//         (String, name, INDEX));
//
//     STDB_REDUCER(add, ctx, (String, name)) {
//         if (name.length == 0) return stdb_fail("A person needs a name");
//         return person_insert(&(Person){.name = name});
//     }
//
// A declaration says everything once: it makes the C type, its encoding, the typed row functions
// and the module's description. What each one makes is listed where it is defined:
//
//     module/declare.h   STDB_STRUCT, STDB_ENUM, STDB_SUM, STDB_OPTION, STDB_RESULT, STDB_ARRAY,
//                        STDB_ALIAS
//     module/table.h     STDB_TABLE, STDB_EVENT_TABLE, STDB_TABLE_OF, STDB_INDEX, STDB_UNIQUE
//     module/reducer.h   STDB_REDUCER, STDB_INIT, STDB_CLIENT_CONNECTED, STDB_CLIENT_DISCONNECTED,
//                        STDB_SCHEDULE
//     module/function.h  STDB_VIEW, STDB_ANONYMOUS_VIEW, STDB_QUERY, STDB_PROCEDURE,
//                        STDB_SCHEDULE_PROCEDURE, STDB_VISIBILITY, STDB_ENVIRONMENT
//     module/http.h      STDB_HTTP_HANDLER, STDB_HTTP_ROUTE, stdb_http_send
//     module/types.h     String, Bytes, Identity, Timestamp, ScheduleAt and what they can do
//     module/runtime.h   errors, logs, memory, text, random numbers
//
// Language   C17 with clang for wasm32; no libc. The library is these headers and the sources in
//            sdk/c/.
// Memory     whatever a call reads or allocates lives until that call ends. Nobody frees.
// Threads    none: a module runs one call at a time.
// Format     the module ABI 10.x and BSATN; docs/modules-in-c.md is the guide.
#pragma once

#include "module/bsatn.h"
#include "module/declare.h"
#include "module/each.h"
#include "module/function.h"
#include "module/host.h"
#include "module/http.h"
#include "module/reducer.h"
#include "module/runtime.h"
#include "module/table.h"
#include "module/types.h"

#ifdef STDB_SHORT_NAMES
#include "module/short_names.h"
#endif
