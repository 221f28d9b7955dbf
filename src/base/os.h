// os.h - time, randomness and files reach the core only through this table of functions.
//
// Threads    os_real() may be used from any thread; a simulated one says so itself.
// Lifetime   a File is closed by os_file_close, which accepts FILE_NONE.
// Modes      files are created with 0666 and directories with 0777, less the process's umask.
// Errors     STATUS_IO with the path and the system's text; STATUS_NOT_FOUND where a file is missing; STATUS_FULL
//            where there is no room (of a write, a part may be there). A failed sync is always STATUS_IO.
#pragma once

#include "base/arena.h"
#include "base/status.h"

typedef struct File {
    int descriptor;
} File;
#define FILE_NONE ((File){-1})

typedef enum OsOpen {
    OS_OPEN_READ,        // must exist
    OS_OPEN_READ_WRITE,  // must exist
    OS_OPEN_CREATE,      // created if missing, kept if there
    OS_OPEN_CREATE_NEW,  // STATUS_CONFLICT if it is there
} OsOpen;

typedef struct Os Os;
// What a directory holds; called once per name, without "." and "..".
typedef void (*OsListEntry)(void *user, const char *name, bool is_directory);

struct Os {
    void *user;
    int64_t (*time_micros)(Os *os);      // wall clock since 1970
    int64_t (*monotonic_nanos)(Os *os);  // for durations
    void (*random)(Os *os, void *bytes, size_t count);
    Status (*file_open)(Os *os, const char *path, OsOpen how, File *ret_file, Error *error);
    void (*file_close)(Os *os, File file);
    // Whole ranges: a short read is STATUS_CORRUPT, a short write is retried inside.
    Status (*file_read)(Os *os, File file, uint64_t at, void *bytes, size_t count, Error *error);
    Status (*file_write)(Os *os, File file, uint64_t at, const void *bytes, size_t count,
                         Error *error);
    Status (*file_size)(Os *os, File file, uint64_t *ret_size, Error *error);
    Status (*file_truncate)(Os *os, File file, uint64_t size, Error *error);
    Status (*file_sync)(Os *os, File file, Error *error);  // fdatasync
    Status (*rename)(Os *os, const char *from, const char *to, Error *error);
    // A second name for a file; STATUS_CONFLICT if `to` is there.
    Status (*link)(Os *os, const char *from, const char *to, Error *error);
    Status (*remove)(Os *os, const char *path, Error *error);  // a file or an empty directory
    // Parents too; one that is there already is fine.
    Status (*directory_create)(Os *os, const char *path, Error *error);
    Status (*directory_sync)(Os *os, const char *path, Error *error);
    Status (*directory_list)(Os *os, const char *path, OsListEntry entry, void *user, Error *error);
};

// The machine's own. One per process.
Os *os_real(void);

// ---- helpers over the table ----

void os_file_close(Os *os, File file);
// The whole file, in the arena; STATUS_LIMIT if it is larger than bytes_max.
Status os_file_read_all(Os *os, const char *path, size_t bytes_max, Arena *arena, Bytes *ret_bytes,
                        Error *error);
// Temporary file beside it, write, sync, rename over `path`, sync of the directory.
Status os_file_replace(Os *os, const char *path, Bytes bytes, Error *error);
// A file or directory. True also if it cannot be told (no permission): what may be there is not absent.
bool os_path_exists(Os *os, const char *path);

// Gives back what only starting up needed: free heap pages, and code pages until they are used again. Any thread; costs a
// few page faults afterwards.
void os_trim(void);
// Gives memory back that was freed: after something large. Costs milliseconds. Any thread.
void os_trim_memory(void);
