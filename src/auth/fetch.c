// fetch.c - see fetch.h.

#include "auth/fetch.h"

#include <curl/curl.h>

static size_t take_part(char *data, size_t item_bytes, size_t count, void *user);
static void set_options(CURL *curl, const char *url, Buffer *body);

Status fetch_document(const char *url, Arena *arena, Bytes *ret_body, Error *error) {
    CURL *curl = curl_easy_init();
    ASSERT(curl != NULL);
    Buffer body;
    buffer_init(&body, AUTH_DOCUMENT_BYTES_MAX);
    set_options(curl, url, &body);
    CURLcode code = curl_easy_perform(curl);
    long http_status = 0;
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &http_status);
    Status status = STATUS_OK;
    if (body.failed) {
        status = error_set(error, STATUS_LIMIT, "%s: the answer is larger than %u bytes", url,
                           AUTH_DOCUMENT_BYTES_MAX);
    } else if (code != CURLE_OK) {
        status = error_set(error, STATUS_IO, "%s: %s", url, curl_easy_strerror(code));
    } else if (http_status < 200 || http_status > 299) {
        status = error_set(error, STATUS_IO, "%s: HTTP status %ld", url, http_status);
    } else {
        *ret_body = arena_copy(arena, buffer_bytes(&body));
    }
    buffer_done(&body);
    curl_easy_cleanup(curl);
    return status;
}

static void set_options(CURL *curl, const char *url, Buffer *body) {
    CURLcode code = curl_easy_setopt(curl, CURLOPT_URL, url);
    code |= curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    code |= curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    code |= curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    code |= curl_easy_setopt(curl, CURLOPT_MAXREDIRS, (long)AUTH_REDIRECTS_MAX);
    code |= curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)AUTH_FETCH_MS_MAX);
    code |= curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    code |= curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_part);
    code |= curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
    ASSERT(code == CURLE_OK);
}

// Less than `count` tells curl to stop.
static size_t take_part(char *data, size_t item_bytes, size_t count, void *user) {
    Buffer *body = user;
    buffer_append(body, data, item_bytes * count);
    return body->failed ? 0 : item_bytes * count;
}
