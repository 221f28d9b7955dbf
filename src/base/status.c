// status.c - error texts. Every text is built beside the Error and copied in last, so that a caller may use
// the old text as an argument of the new one.
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"

// Copies a text whose first ERROR_TEXT_MAX - 1 bytes at most are in `text`, cut on a UTF-8 boundary.
static void error_store(Error *error, const char *text) {
    Bytes bytes = bytes_of(text, strnlen(text, ERROR_TEXT_MAX - 1));
    bool is_full = bytes.count == ERROR_TEXT_MAX - 1;
    if (is_full) {
        // vsnprintf may have cut a sequence in the middle; the bytes that would tell are gone.
        uint32_t start = bytes.count;
        while (start > 0 && bytes.count - start < 3 && (bytes.data[start - 1] & 0xc0) == 0x80) start--;
        bool is_lead = start > 0 && bytes.data[start - 1] >= 0xc0;
        Bytes tail = is_lead ? bytes_slice(bytes, start - 1, bytes.count - start + 1) : BYTES_NONE;
        if (!utf8_is_valid(tail)) bytes.count = start - 1;
    }
    memmove(error->text, bytes.data, bytes.count);
    error->text[bytes.count] = 0;
}

Status error_set(Error *error, Status status, const char *format, ...) {
    if (error == NULL) return status;
    char text[ERROR_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    error->status = status;
    error_store(error, text);
    return status;
}

void error_prefix(Error *error, const char *format, ...) {
    if (error == NULL) return;
    char text[ERROR_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    size_t count = strlen(text);
    snprintf(text + count, sizeof text - count, "%s", error->text);
    error_store(error, text);
}

Status error_set_errno(Error *error, int error_number, const char *format, ...) {
    if (error == NULL) return STATUS_IO;
    char text[ERROR_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    char system_text[128];
    size_t count = strlen(text);
    snprintf(text + count, sizeof text - count, ": %s",
             strerror_r(error_number, system_text, sizeof system_text));
    error->status = STATUS_IO;
    error_store(error, text);
    return STATUS_IO;
}
