// log.h - the server's own log lines (a database's module log is db/'s business).
//
// Threads    any; a line is written with one system call.
// Limits     LOG_LINE_MAX bytes a line; longer ones are cut.
#pragma once

typedef enum LogLevel { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG } LogLevel;

// Lines above this level are dropped. Default LOG_INFO. Set once, before threads start.
void log_set_level(LogLevel level);
// Also appends every line to this file descriptor (the log file of the data directory); -1: no file.
void log_set_file(int descriptor);
// "2026-11-25T02:00:00.000000Z  INFO room: text" to standard error.
void log_line(LogLevel level, const char *room, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
