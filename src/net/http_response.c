// http_response.c - answers to bytes.
#include "net/http_response.h"

#include "base/os.h"
#include "net/http_head.h"

#include <time.h>

typedef struct StatusText {
    uint32_t status;
    const char *text;
} StatusText;

static const StatusText STATUS_TEXTS[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Payload Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {418, "I'm a teapot"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Entity"},
    {423, "Locked"},
    {424, "Failed Dependency"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
    {530, "Site is frozen"},
};
#define STATUS_TEXT_COUNT (sizeof STATUS_TEXTS / sizeof *STATUS_TEXTS)

// Written by us, whatever the response says.
static const char *const OWN_HEADERS[] = {"content-length", "transfer-encoding", "date"};
#define OWN_HEADER_COUNT (sizeof OWN_HEADERS / sizeof *OWN_HEADERS)

static const char *status_text(uint32_t status);
static bool header_is_own(Bytes name);
static bool text_is_clean(Bytes text);

void http_response_write(Buffer *out, const HttpResponse *response,
                         const HttpResponseStyle *style) {
    ASSERT(response->status >= 100 && response->status <= 999);
    buffer_append_format(out, "HTTP/1.1 %u %s\r\n", response->status,
                         status_text(response->status));
    if (response->content_type.data != NULL) {
        http_header_write(out, BYTES_LITERAL("content-type"), response->content_type);
    }
    for (uint32_t i = 0; i < response->header_count; i++) {
        const HttpHeader *header = &response->headers[i];
        if (!header_is_own(header->name)) http_header_write(out, header->name, header->value);
    }
    bool has_body = http_status_has_body(response->status);
    if (has_body && style->length == HTTP_LENGTH_KNOWN) {
        buffer_append_format(out, "content-length: %u\r\n", response->body.count);
    } else if (has_body && style->length == HTTP_LENGTH_CHUNKED) {
        buffer_append_text(out, "transfer-encoding: chunked\r\n");
    }
    if (style->will_close) {
        buffer_append_text(out, "connection: close\r\n");
    } else if (style->says_keep_alive) {
        buffer_append_text(out, "connection: keep-alive\r\n");
    }
    http_date_write(out);
    buffer_append_text(out, "\r\n");
    if (has_body && style->length == HTTP_LENGTH_KNOWN && !style->without_body) {
        buffer_append_bytes(out, response->body);
    }
}

bool http_status_has_body(uint32_t status) {
    return status >= 200 && status != 204 && status != 304;
}

static const char *status_text(uint32_t status) {
    for (size_t i = 0; i < STATUS_TEXT_COUNT; i++) {
        if (STATUS_TEXTS[i].status == status) return STATUS_TEXTS[i].text;
    }
    return "Unknown";
}

void http_header_write(Buffer *out, Bytes name, Bytes value) {
    if (name.count == 0 || !text_is_clean(name) || !text_is_clean(value)) return;
    buffer_append_bytes(out, name);
    buffer_append_text(out, ": ");
    buffer_append_bytes(out, value);
    buffer_append_text(out, "\r\n");
}

static bool header_is_own(Bytes name) {
    for (size_t i = 0; i < OWN_HEADER_COUNT; i++) {
        if (http_text_equal(name, OWN_HEADERS[i])) return true;
    }
    return false;
}

static bool text_is_clean(Bytes text) {
    for (uint32_t i = 0; i < text.count; i++) {
        if (text.data[i] == '\r' || text.data[i] == '\n' || text.data[i] == 0) return false;
    }
    return true;
}

void http_date_write(Buffer *out) {
    static const char *const DAYS[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const MONTHS[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    Os *os = os_real();
    time_t seconds = (time_t)(os->time_micros(os) / 1000000);
    struct tm date;
    (void)gmtime_r(&seconds, &date);  // fails for years beyond int only
    buffer_append_format(out, "date: %s, %02d %s %d %02d:%02d:%02d GMT\r\n", DAYS[date.tm_wday],
                         date.tm_mday, MONTHS[date.tm_mon], date.tm_year + 1900, date.tm_hour,
                         date.tm_min, date.tm_sec);
}

void http_chunk_write(Buffer *out, Bytes bytes) {
    if (bytes.count == 0) return;
    buffer_append_format(out, "%x\r\n", bytes.count);
    buffer_append_bytes(out, bytes);
    buffer_append_text(out, "\r\n");
}

void http_chunk_write_end(Buffer *out) {
    buffer_append_text(out, "0\r\n\r\n");
}
