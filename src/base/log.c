// log.c - the server's log lines. A line is built on the stack and written at once, so that lines of several
// threads never mix.
#include "base/log.h"

#include "base/bytes.h"
#include "base/limits.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *const LEVEL_NAMES[] = {
    [LOG_ERROR] = "ERROR",
    [LOG_WARN] = " WARN",
    [LOG_INFO] = " INFO",
    [LOG_DEBUG] = "DEBUG",
};

// Written by the main thread, read by any; relaxed: a line more or less in the old place does no harm.
static _Atomic LogLevel log_level = LOG_INFO;
static _Atomic int log_descriptor = -1;

static size_t log_head(char *line, size_t line_bytes, LogLevel level, const char *room);
static size_t log_clean(char *text, size_t count);

void log_set_level(LogLevel level) {
    atomic_store_explicit(&log_level, level, memory_order_relaxed);
}

void log_set_file(int descriptor) {
    atomic_store_explicit(&log_descriptor, descriptor, memory_order_relaxed);
}

void log_line(LogLevel level, const char *room, const char *format, ...) {
    if (level > atomic_load_explicit(&log_level, memory_order_relaxed)) return;
    char line[LOG_LINE_MAX + 1];  // the zero of vsnprintf is not part of the line
    size_t count = log_head(line, sizeof line, level, room);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line + count, sizeof line - count, format, arguments);
    va_end(arguments);
    count = log_clean(line, strlen(line));
    line[count++] = '\n';

    // A log that cannot be written has nobody left to tell.
    int descriptor = atomic_load_explicit(&log_descriptor, memory_order_relaxed);
    ssize_t ignored = write(STDERR_FILENO, line, count);
    if (descriptor >= 0) ignored = write(descriptor, line, count);
    (void)ignored;
}

static size_t log_head(char *line, size_t line_bytes, LogLevel level, const char *room) {
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t count = strftime(line, line_bytes, "%Y-%m-%dT%H:%M:%S", &utc);
    int more = snprintf(line + count, line_bytes - count, ".%06ldZ %s %.32s: ", now.tv_nsec / 1000,
                        LEVEL_NAMES[level], room);
    return count + (size_t)more;
}

// One line stays one line, whatever a client put into it: control bytes become spaces. Leaves room for the
// line feed; returns the new count.
static size_t log_clean(char *text, size_t count) {
    count = utf8_cut(bytes_of(text, count), LOG_LINE_MAX - 1);
    for (size_t i = 0; i < count; i++) {
        uint8_t byte = (uint8_t)text[i];
        if (byte < 0x20 || byte == 0x7f) text[i] = ' ';
    }
    return count;
}
