// programs.h - the program store: what databases were created with, by hash.
//
// Threads    any.
// Format     spec: http-api.md 11.2: program-bytes/ab/cdef..., Keccak-256 in digest order.
#pragma once

#include "base/hash.h"
#include "base/os.h"

// directory: of the store; created if missing. On disk when it returns.
Status program_store(Os *os, const char *directory, const Hash *hash, Bytes program, Error *error);
// STATUS_NOT_FOUND if it is absent or its bytes no longer have that hash (the file is removed then).
Status program_load(Os *os, const char *directory, const Hash *hash, Arena *arena,
                    Bytes *ret_program, Error *error);
