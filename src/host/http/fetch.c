// fetch.c - one exchange through libcurl: checks, redirects, limits.
//
// Redirects are followed here and not by libcurl, because they change the method as upstream's client does, and drop
// credentials on the way to another host. Every address is looked at when its socket is made: it makes no difference
// whether it came from the URI, from DNS or from a redirect, and there is no time between looking and connecting.
#include "host/http/http.h"

#include "base/limits.h"
#include "base/os.h"
#include "base/reader.h"
#include "base/status.h"

#include <curl/curl.h>
#include <stdio.h>
#include <strings.h>
#include <sys/socket.h>

typedef struct Fetch {
    const HttpRequest *request;
    const HttpPolicy *policy;
    HttpReply *reply;
    CURL *curl;
    CURLU *url;               // of the hop at hand
    struct curl_slist *list;  // its header lines
    const char *method;
    char extension[MODULE_HTTP_METHOD_BYTES_MAX + 1];
    bool has_body;           // false once a redirect dropped it
    bool has_credentials;    // likewise
    bool decodes;            // the module did not ask for an encoding of its own
    bool is_encoded;         // the response came encoded
    uint32_t refused_count;  // private addresses of the hop
    uint32_t socket_count;   // others
    bool is_too_large;
    bool is_ended;
    int64_t deadline_nanos;
    Buffer fields;  // BSATN of the response's headers, one after the other
    uint32_t field_count;
    char error[CURL_ERROR_SIZE];
} Fetch;

static bool fetch_check(Fetch *fetch);
static bool field_is_valid(const HttpField *field);
static bool name_is_token(Bytes name);
static bool uri_is_printable(Bytes uri);
static bool fetch_set_uri(Fetch *fetch, const char *uri);
static int64_t timeout_nanos(const HttpRequest *request);
static HttpOutcome fetch_run(Fetch *fetch);
static bool fetch_prepare(Fetch *fetch);
static void add_fields(Fetch *fetch);
static void add_line(Fetch *fetch, Bytes name, Bytes value);
static bool is_redirect(long status);
static bool follow(Fetch *fetch, long status, const char *location);
static void describe_failure(Fetch *fetch, CURLcode code);
static void write_head(Fetch *fetch, long status);
static curl_socket_t open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *address);
static size_t take_header(char *data, size_t size, size_t count, void *user);
static size_t take_body(char *data, size_t size, size_t count, void *user);
static int take_progress(void *user, curl_off_t total, curl_off_t now, curl_off_t up_total,
                         curl_off_t up_now);
static bool name_is_one_of(Bytes name, const char *const *names);

static const char *const METHODS[] = {"GET",     "HEAD",    "POST",  "PUT",  "DELETE",
                                      "CONNECT", "OPTIONS", "TRACE", "PATCH"};
// What says how long the body is, is libcurl's to write.
static const char *const FRAMING[] = {"content-length", "transfer-encoding", NULL};
static const char *const CREDENTIALS[] = {"authorization",       "cookie",           "cookie2",
                                          "proxy-authorization", "www-authenticate", NULL};
static const char *const BODY_FIELDS[] = {"content-type", "content-encoding", NULL};

HttpOutcome http_fetch(const HttpRequest *request, const HttpPolicy *policy, HttpReply *reply) {
    Os *os = os_real();
    Fetch fetch = {.request = request,
                   .policy = policy,
                   .reply = reply,
                   .has_body = request->body.count > 0,
                   .has_credentials = true,
                   .decodes = true,
                   .deadline_nanos = os->monotonic_nanos(os) + timeout_nanos(request)};
    buffer_init(&fetch.fields, MODULE_HTTP_HEAD_BYTES_MAX);
    fetch.url = curl_url();
    fetch.curl = curl_easy_init();
    ASSERT(fetch.url != NULL);
    ASSERT(fetch.curl != NULL);
    HttpOutcome outcome = fetch_check(&fetch) ? fetch_run(&fetch) : HTTP_FAILED;
    curl_easy_cleanup(fetch.curl);
    curl_slist_free_all(fetch.list);
    curl_url_cleanup(fetch.url);
    buffer_done(&fetch.fields);
    return outcome;
}

static int64_t timeout_nanos(const HttpRequest *request) {
    int64_t micros = request->has_timeout ? request->timeout_micros
                                          : MODULE_HTTP_TIMEOUT_DEFAULT_MS * 1000ll;
    if (micros < 0) micros = 0;
    if (micros > MODULE_HTTP_TIMEOUT_MS_MAX * 1000ll) micros = MODULE_HTTP_TIMEOUT_MS_MAX * 1000ll;
    return micros * 1000;
}

// ---- checks ----

static bool fetch_check(Fetch *fetch) {
    const HttpRequest *request = fetch->request;
    if (request->body.count > MODULE_HTTP_BODY_BYTES_MAX) {
        http_reply_fail(fetch->reply, "the body is larger than %u bytes",
                        MODULE_HTTP_BODY_BYTES_MAX);
        return false;
    }
    if (request->method == HTTP_EXTENSION) {
        if (!name_is_token(request->extension) ||
            request->extension.count > MODULE_HTTP_METHOD_BYTES_MAX) {
            http_reply_fail(fetch->reply, "invalid HTTP method");
            return false;
        }
        memcpy(fetch->extension, request->extension.data, request->extension.count);
        fetch->method = fetch->extension;
    } else if (request->method == HTTP_CONNECT) {
        http_reply_fail(fetch->reply, "CONNECT requests are not supported");
        return false;
    } else {
        fetch->method = METHODS[request->method];
    }
    for (uint32_t i = 0; i < request->field_count; i++) {
        const HttpField *field = &request->fields[i];
        if (!name_is_token(field->name)) {
            http_reply_fail(fetch->reply, "invalid HTTP header name");
            return false;
        }
        if (!field_is_valid(field)) {
            http_reply_fail(fetch->reply, "failed to parse header value");
            return false;
        }
        static const char *const ENCODING[] = {"accept-encoding", NULL};
        if (name_is_one_of(field->name, ENCODING)) fetch->decodes = false;
    }
    if (!uri_is_printable(request->uri)) {
        http_reply_fail(fetch->reply, "invalid uri character");
        return false;
    }
    char *uri = mem_copy_text(request->uri);
    bool is_set = fetch_set_uri(fetch, uri);
    mem_free(uri);
    return is_set;
}

// Letters, digits and some marks, as in RFC 9110: nothing that could end a line or a word.
static bool name_is_token(Bytes name) {
    for (uint32_t i = 0; i < name.count; i++) {
        uint8_t at = name.data[i];
        bool is_letter = (at | 0x20) >= 'a' && (at | 0x20) <= 'z';
        bool is_digit = at >= '0' && at <= '9';
        if (!is_letter && !is_digit && (at == 0 || !strchr("!#$%&'*+-.^_`|~", at))) return false;
    }
    return name.count > 0;
}

static bool field_is_valid(const HttpField *field) {
    for (uint32_t i = 0; i < field->value.count; i++) {
        uint8_t at = field->value.data[i];
        if ((at < 0x20 && at != '\t') || at == 0x7F) return false;
    }
    return true;
}

static bool uri_is_printable(Bytes uri) {
    for (uint32_t i = 0; i < uri.count; i++) {
        if (uri.data[i] <= 0x20 || uri.data[i] >= 0x7F) return false;
    }
    return uri.count > 0;
}

// False after http_reply_fail.
static bool fetch_set_uri(Fetch *fetch, const char *uri) {
    char *scheme = NULL;
    bool is_http = false;
    if (curl_url_set(fetch->url, CURLUPART_URL, uri, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK ||
        curl_url_get(fetch->url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK) {
        http_reply_fail(fetch->reply, "builder error: invalid or relative URL");
    } else if (strcasecmp(scheme, "http") != 0 && strcasecmp(scheme, "https") != 0) {
        http_reply_fail(fetch->reply, "builder error: URL scheme is not allowed");
    } else {
        is_http = true;
    }
    curl_free(scheme);
    return is_http;
}

static bool name_is_one_of(Bytes name, const char *const *names) {
    for (; *names; names++) {
        if (name.count == strlen(*names) &&
            strncasecmp((const char *)name.data, *names, name.count) == 0)
            return true;
    }
    return false;
}

// ---- hops ----

static HttpOutcome fetch_run(Fetch *fetch) {
    for (uint32_t hop = 0; hop <= MODULE_HTTP_REDIRECTS_MAX; hop++) {
        if (!fetch_prepare(fetch)) return HTTP_FAILED;
        CURLcode code = curl_easy_perform(fetch->curl);
        if (fetch->is_ended) return HTTP_ENDED;
        if (code != CURLE_OK) {
            describe_failure(fetch, code);
            return HTTP_FAILED;
        }
        long status = 0;
        const char *location = NULL;
        curl_easy_getinfo(fetch->curl, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(fetch->curl, CURLINFO_REDIRECT_URL, &location);
        if (!is_redirect(status) || location == NULL) {
            write_head(fetch, status);
            return HTTP_DONE;
        }
        if (!follow(fetch, status, location)) return HTTP_FAILED;
    }
    http_reply_fail(fetch->reply, "error following redirect: too many redirects");
    return HTTP_FAILED;
}

static bool fetch_prepare(Fetch *fetch) {
    CURL *curl = fetch->curl;
    Os *os = os_real();
    int64_t left_ms = (fetch->deadline_nanos - os->monotonic_nanos(os)) / 1000000;
    if (left_ms <= 0) {
        describe_failure(fetch, CURLE_OPERATION_TIMEDOUT);
        return false;
    }
    curl_easy_reset(curl);
    buffer_clear(&fetch->fields);
    buffer_clear(&fetch->reply->body);
    fetch->field_count = 0;
    fetch->refused_count = 0;
    fetch->socket_count = 0;
    fetch->is_encoded = false;
    fetch->error[0] = '\0';
    curl_easy_setopt(curl, CURLOPT_CURLU, fetch->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");  // a proxy of the environment would connect for us
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)left_ms);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, fetch->error);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, fetch);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, fetch);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, fetch);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, take_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, fetch);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    bool is_old = fetch->request->version == HTTP_10;
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION,
                     is_old ? (long)CURL_HTTP_VERSION_1_0 : (long)CURL_HTTP_VERSION_2TLS);
    if (fetch->decodes) curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "gzip, br");
    bool is_head = strcmp(fetch->method, "HEAD") == 0;
    bool sends_length = strcmp(fetch->method, "POST") == 0 || strcmp(fetch->method, "PUT") == 0 ||
                        strcmp(fetch->method, "PATCH") == 0;
    if (is_head) {
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    } else if (fetch->has_body || sends_length) {
        Bytes body = fetch->has_body ? fetch->request->body : BYTES_LITERAL("");
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.count);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, (const char *)body.data);
    }
    if (!is_head) curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, fetch->method);
    add_fields(fetch);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, fetch->list);
    return true;
}

static void add_fields(Fetch *fetch) {
    curl_slist_free_all(fetch->list);
    fetch->list = NULL;
    static const char *const TYPE[] = {"content-type", NULL};
    static const char *const EXPECT[] = {"expect", NULL};
    bool has_type = false;
    bool has_expect = false;
    for (uint32_t i = 0; i < fetch->request->field_count; i++) {
        const HttpField *field = &fetch->request->fields[i];
        if (name_is_one_of(field->name, FRAMING)) continue;
        if (!fetch->has_credentials && name_is_one_of(field->name, CREDENTIALS)) continue;
        bool lost_body = !fetch->has_body && fetch->request->body.count > 0;
        if (lost_body && name_is_one_of(field->name, BODY_FIELDS)) continue;
        if (name_is_one_of(field->name, TYPE)) has_type = true;
        if (name_is_one_of(field->name, EXPECT)) has_expect = true;
        add_line(fetch, field->name, field->value);
    }
    // What libcurl would add of its own accord.
    if (!has_type) fetch->list = curl_slist_append(fetch->list, "Content-Type:");
    if (!has_expect) fetch->list = curl_slist_append(fetch->list, "Expect:");
    ASSERT(fetch->list != NULL);
}

static void add_line(Fetch *fetch, Bytes name, Bytes value) {
    Buffer line;
    buffer_init(&line, 2 * MODULE_HTTP_HEAD_BYTES_MAX);
    buffer_append_bytes(&line, name);
    // libcurl writes "name;" as a header without a value, and "name:" not at all.
    buffer_append_text(&line, value.count > 0 ? ": " : ";");
    buffer_append_bytes(&line, value);
    buffer_u8(&line, '\0');
    ASSERT(!line.failed);
    fetch->list = curl_slist_append(fetch->list, (const char *)line.data);
    buffer_done(&line);
}

static bool is_redirect(long status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// The origin: scheme, host and port. Compared as texts, which the URL parser has made canonical.
static bool url_part_equal(CURLU *a, CURLU *b, CURLUPart part) {
    char *left = NULL;
    char *right = NULL;
    bool has_left = curl_url_get(a, part, &left, CURLU_DEFAULT_PORT) == CURLUE_OK;
    bool has_right = curl_url_get(b, part, &right, CURLU_DEFAULT_PORT) == CURLUE_OK;
    bool is_equal = has_left && has_right && strcasecmp(left, right) == 0;
    curl_free(left);
    curl_free(right);
    return is_equal;
}

// False after http_reply_fail.
static bool follow(Fetch *fetch, long status, const char *location) {
    CURLU *before = curl_url_dup(fetch->url);
    ASSERT(before != NULL);
    bool is_set = fetch_set_uri(fetch, location);
    if (is_set && (!url_part_equal(before, fetch->url, CURLUPART_HOST) ||
                   !url_part_equal(before, fetch->url, CURLUPART_PORT)))
        fetch->has_credentials = false;
    curl_url_cleanup(before);
    if (status == 307 || status == 308) return is_set;
    fetch->has_body = false;
    if (strcmp(fetch->method, "HEAD") != 0) fetch->method = "GET";
    return is_set;
}

// ---- answers ----

static void describe_failure(Fetch *fetch, CURLcode code) {
    if (fetch->refused_count > 0 && fetch->socket_count == 0) {
        http_reply_fail(fetch->reply, "%s", HTTP_PRIVATE_TEXT);
        return;
    }
    char *where = NULL;
    CURLU *url = curl_url_dup(fetch->url);
    ASSERT(url != NULL);
    static const CURLUPart SECRETS[] = {CURLUPART_QUERY, CURLUPART_FRAGMENT, CURLUPART_USER,
                                        CURLUPART_PASSWORD, CURLUPART_OPTIONS};
    for (size_t i = 0; i < sizeof SECRETS / sizeof *SECRETS; i++)
        (void)curl_url_set(url, SECRETS[i], NULL, 0);
    (void)curl_url_get(url, CURLUPART_URL, &where, 0);
    const char *cause = fetch->error[0] ? fetch->error : curl_easy_strerror(code);
    if (code == CURLE_OPERATION_TIMEDOUT) cause = "operation timed out";
    if (fetch->is_too_large) cause = "the response is too large";
    http_reply_fail(fetch->reply, "error sending request for url (%.512s): %s", where ? where : "",
                    cause);
    curl_free(where);
    curl_url_cleanup(url);
}

// HttpResponse: headers, version, code.
static void write_head(Fetch *fetch, long status) {
    long used = 0;
    curl_easy_getinfo(fetch->curl, CURLINFO_HTTP_VERSION, &used);
    HttpVersion version = used == CURL_HTTP_VERSION_1_0   ? HTTP_10
                          : used == CURL_HTTP_VERSION_2_0 ? HTTP_2
                          : used == CURL_HTTP_VERSION_3   ? HTTP_3
                                                          : HTTP_11;
    Buffer *head = &fetch->reply->head;
    size_t count_at = head->count;
    buffer_u32(head, 0);
    uint32_t count = 0;
    static const char *const DECODED[] = {"content-encoding", "content-length", NULL};
    Reader reader = reader_of(buffer_bytes(&fetch->fields));
    for (uint32_t i = 0; i < fetch->field_count; i++) {
        Bytes name = reader_bytes(&reader);
        Bytes value = reader_bytes(&reader);
        if (fetch->decodes && fetch->is_encoded && name_is_one_of(name, DECODED)) continue;
        buffer_string(head, name);
        buffer_string(head, value);
        count++;
    }
    buffer_u8(head, (uint8_t)version);
    buffer_u16(head, (uint16_t)status);
    ASSERT(!head->failed && reader_finish(&reader));
    store_u32le(head->data + count_at, count);
}

// ---- libcurl's questions ----

static curl_socket_t open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *address) {
    (void)purpose;
    Fetch *fetch = user;
    if (!fetch->policy->allows_private && http_address_is_private(&address->addr)) {
        fetch->refused_count++;
        return CURL_SOCKET_BAD;
    }
    fetch->socket_count++;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

// One line. A status line begins a response anew: there may be interim ones.
static size_t take_header(char *data, size_t size, size_t count, void *user) {
    Fetch *fetch = user;
    size_t bytes = size * count;
    if (bytes >= 5 && memcmp(data, "HTTP/", 5) == 0) {
        buffer_clear(&fetch->fields);
        fetch->field_count = 0;
        fetch->is_encoded = false;
        return bytes;
    }
    const char *colon = memchr(data, ':', bytes);
    if (colon == NULL || fetch->reply->body.count > 0) return bytes;  // the last line; trailers
    const char *value = colon + 1;
    const char *end = data + bytes;
    while (value < end && (*value == ' ' || *value == '\t')) value++;
    while (end > value && strchr(" \t\r\n", end[-1])) end--;
    Bytes name = bytes_of(data, (size_t)(colon - data));
    buffer_u32(&fetch->fields, name.count);
    for (uint32_t i = 0; i < name.count; i++) {
        char letter = data[i];
        bool is_upper = letter >= 'A' && letter <= 'Z';
        buffer_u8(&fetch->fields, (uint8_t)(is_upper ? letter + 'a' - 'A' : letter));
    }
    buffer_string(&fetch->fields, bytes_of(value, (size_t)(end - value)));
    fetch->field_count++;
    static const char *const ENCODING[] = {"content-encoding", NULL};
    if (name_is_one_of(name, ENCODING)) fetch->is_encoded = true;
    if (!fetch->fields.failed) return bytes;
    fetch->is_too_large = true;
    return 0;
}

static size_t take_body(char *data, size_t size, size_t count, void *user) {
    Fetch *fetch = user;
    buffer_append(&fetch->reply->body, data, size * count);
    if (!fetch->reply->body.failed) return size * count;
    fetch->is_too_large = true;
    return 0;
}

static int take_progress(void *user, curl_off_t total, curl_off_t now, curl_off_t up_total,
                         curl_off_t up_now) {
    (void)total;
    (void)now;
    (void)up_total;
    (void)up_now;
    Fetch *fetch = user;
    if (fetch->policy->is_ending && fetch->policy->is_ending(fetch->policy->user))
        fetch->is_ended = true;
    return fetch->is_ended ? 1 : 0;
}
