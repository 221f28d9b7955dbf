// status.c - error texts. Every text is built beside the Error and copied in last, so that a caller may use
// the old text as an argument of the new one.
#include "base/status.h"

#include "base/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// Copies a text whose first ERROR_TEXT_MAX - 1 bytes at most are in `text`, cut on a UTF-8 boundary.
static void error_store(Error *error, const char *text) {
    Bytes bytes = bytes_of(text, strnlen(text, ERROR_TEXT_MAX - 1));
    if (bytes.count == ERROR_TEXT_MAX - 1) {
        // vsnprintf may have cut a sequence in the middle; the bytes that would tell are gone.
        const uint8_t *lead = bytes.data + bytes.count - 1;
        for (int i = 0; i < 3 && (*lead & 0xc0) == 0x80; i++) lead--;
        uint32_t at = (uint32_t)(lead - bytes.data);
        Bytes last = bytes_slice(bytes, at, bytes.count - at);
        if (*lead >= 0xc0 && !utf8_is_valid(last)) bytes.count = at;
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
