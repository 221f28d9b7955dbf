// hostile_import.c - imports what no host offers; -DCASE=n chooses what.
#include <spacetime/module.h>

#ifndef CASE
#define CASE 0
#endif
#if CASE == 0  // a function of somebody else
#define MODULE "env"
#define NAME "system"
#elif CASE == 1  // a file system
#define MODULE "wasi_snapshot_preview1"
#define NAME "fd_write"
#elif CASE == 2  // a host call under the wrong version
#define MODULE "spacetime_10.0"
#define NAME "get_jwt"
#elif CASE == 3  // a version to come
#define MODULE "spacetime_10.99"
#define NAME "teleport"
#elif CASE == 4  // another major version
#define MODULE "spacetime_9.0"
#define NAME "table_id_from_name"
#elif CASE == 5  // a version that is none
#define MODULE "spacetime_x"
#define NAME "table_id_from_name"
#elif CASE == 6  // a host call with other parameters
#define MODULE "spacetime_10.0"
#define NAME "identity"
#endif

__attribute__((import_module(MODULE), import_name(NAME))) int64_t wrong(int64_t, double);

STDB_REDUCER(use, ctx) {
    return wrong(1, 2.0) == 0 ? STDB_OK : stdb_fail("it worked");
}
