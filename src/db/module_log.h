// module_log.h - the log of one database: JSON lines, one file a UTC day; the tail, and followers.
//
// Threads    the executor writes; any thread may read the tail, whatever runs meanwhile.
// Lifetime   module_log_done ends all followers.
// Errors     a log that cannot be written drops its lines and says so once in the server log.
// Limits     MODULE_LOG_*: a module that logs in a loop fills neither the disk nor memory.
// Format     spec: http-api.md 9.
#pragma once

#include "base/thread.h"
#include "base/vec.h"
#include "db/db.h"

VEC(FollowerVec, follower_vec, LogFollower *)

typedef struct ModuleLog {
    // ---- constant ----
    Os *os;
    char *directory;  // NULL: in memory
    uint64_t day_bytes_max;
    // ---- executor ----
    File file;
    uint64_t file_bytes;
    int64_t file_day;  // days since 1970
    bool is_full;      // the day's file is
    bool complained;
    Buffer line;
    FollowerVec followers;
    // ---- shared, under mutex: what readers see; the executor alone writes, and reads without it ----
    Mutex mutex;
    LogPosition end;
    Buffer memory;  // in memory: the newest lines
} ModuleLog;

// day_bytes_max: 0 for MODULE_LOG_DAY_BYTES_MAX.
void module_log_init(ModuleLog *log, Os *os, const char *directory, uint64_t day_bytes_max);
void module_log_done(ModuleLog *log);
void module_log_append(ModuleLog *log, const ModuleLogRecord *record, int64_t now_micros);

// The two halves of it, for who has a record but not the log. Any thread: a line of a record.
void module_log_write(Buffer *line, const ModuleLogRecord *record, int64_t now_micros);
void module_log_append_line(ModuleLog *log, Bytes line, int64_t now_micros);
