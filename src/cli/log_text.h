// log_text.h - records of a module's log: choosing by level, writing as text.
//
// Threads    any.
// Lifetime   nothing is kept.
// Limits     the buffer's.        Format  spec: cli.md 7 ("log record"), 8.11.
#pragma once

#include "base/bytes.h"
#include "base/status.h"

typedef enum LogRecordLevel {
    LOG_RECORD_TRACE,
    LOG_RECORD_DEBUG,
    LOG_RECORD_INFO,
    LOG_RECORD_WARN,
    LOG_RECORD_ERROR,
    LOG_RECORD_PANIC,
    LOG_RECORD_LEVEL_COUNT,
} LogRecordLevel;

typedef enum LogTextColour { LOG_TEXT_PLAIN, LOG_TEXT_COLOURED } LogTextColour;

// "trace" ... "panic", and "Trace" ... "Panic"; false: neither.
bool log_record_level(const char *name, LogRecordLevel *ret_level);
// The level of one line of the log.
Status log_record_read_level(Bytes line, LogRecordLevel *ret_level, Error *error);
// One line of the log as one or more lines of text, with line ends.
Status log_record_write_text(Bytes line, LogTextColour colour, Buffer *text, Error *error);
