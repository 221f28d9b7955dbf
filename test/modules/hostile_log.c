// hostile_log.c - logs too much, too long, and what is no text.
#include <spacetime/module.h>

// One record of `length` bytes.
STDB_REDUCER(long_log, ctx, (uint32_t, length)) {
    char *text = stdb_alloc(length);
    memset(text, 'x', length);
    stdb_host_console_log(STDB_LOG_INFO, NULL, 0, NULL, 0, UINT32_MAX, text, length);
    return STDB_OK;
}

STDB_REDUCER(many_logs, ctx, (uint32_t, count)) {
    for (uint32_t i = 0; i < count; i++) stdb_log_info("record %u", i);
    return STDB_OK;
}

// Bytes that are not UTF-8, quotes, line ends and zero bytes in text and file name; odd levels.
STDB_REDUCER(odd_logs, ctx) {
    static const char odd[] = "\xff\xfe\xed\xa0\x80 \"quoted\" \\ \n\r\t\x00 end";
    for (uint32_t level = 0; level < 300; level += 50) {
        stdb_host_console_log(level, odd, sizeof odd, odd, sizeof odd, level, odd, sizeof odd);
    }
    return STDB_OK;
}

// Timers that are never ended, and ended without having been started.
STDB_REDUCER(timers, ctx, (uint32_t, count)) {
    for (uint32_t i = 0; i < count; i++) stdb_timer_start("\xff forgotten");
    return stdb_fail("ending one that is none: %u", stdb_host_console_timer_end(1u << 30));
}

// An error text of `length` bytes for the caller, and one that is not UTF-8.
STDB_REDUCER(long_error, ctx, (uint32_t, length)) {
    char *text = stdb_alloc((size_t)length + 1);
    memset(text, 'e', length);
    return stdb_fail("%s", text);
}

STDB_REDUCER(odd_error, ctx) {
    return stdb_fail("%s", "\xff\xc0\x80 is no text");
}
