// http.c - requests through libcurl's easy interface, one handle each.
#include "cli/http.h"

#include "server/server.h"

#include <curl/curl.h>

// An error's body is told where it is this short.
#define REASON_BYTES_MAX 4096u

typedef struct Transfer {
    const HttpCall *call;
    CURL *curl;
    Buffer body;
    bool is_too_large;
    bool was_stopped;  // by call->take
} Transfer;

static Status set_up(Cli *cli, CURL *curl, const HttpCall *call, struct curl_slist **headers);
static size_t take_bytes(char *data, size_t size, size_t count, void *user);
static const char *header_append(struct curl_slist **headers, const char *line);
static Status fail_transfer(Cli *cli, const Transfer *transfer, CURLcode code, const char *details);

typedef struct StatusName {
    uint32_t status;
    const char *name;
} StatusName;

static const StatusName STATUS_NAMES[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {413, "Payload Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {422, "Unprocessable Entity"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
};

Status http_call(Cli *cli, const HttpCall *call, HttpReply *ret_reply) {
    CURL *curl = curl_easy_init();
    ASSERT(curl != NULL);
    struct curl_slist *headers = NULL;
    char details[CURL_ERROR_SIZE] = "";
    Transfer transfer = {.call = call, .curl = curl};
    buffer_init(&transfer.body, CLI_RESPONSE_BYTES_MAX);
    Status status = set_up(cli, curl, call, &headers);
    if (status != STATUS_OK) goto done;
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, details);
    CURLcode code = curl_easy_perform(curl);
    if (code != CURLE_OK && !transfer.was_stopped) {
        status = fail_transfer(cli, &transfer, code, details);
        goto done;
    }
    long http_status = 0;
    const char *content_type = NULL;
    const char *url = NULL;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &http_status);
    curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &content_type);
    curl_easy_getinfo(curl, CURLINFO_EFFECTIVE_URL, &url);
    ret_reply->status = (uint32_t)http_status;
    ret_reply->content_type = cli_text(cli, "%s", content_type == NULL ? "" : content_type);
    ret_reply->url = cli_text(cli, "%s", url == NULL ? call->url : url);
    ret_reply->body = arena_copy(&cli->arena, buffer_bytes(&transfer.body));
done:
    buffer_done(&transfer.body);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return status;
}

static Status set_up(Cli *cli, CURL *curl, const HttpCall *call, struct curl_slist **headers) {
    curl_easy_setopt(curl, CURLOPT_URL, call->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 10L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CLI_CONNECT_MS_MAX);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)call->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    if (strcmp(call->method, "GET") != 0) {
        // As a POST first: it is what makes libcurl send a body. CUSTOMREQUEST only renames it.
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.count);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS,
                         call->body.data == NULL ? "" : (const char *)call->body.data);
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call->method);
    }
    if (call->agent == HTTP_AGENT_NAMED) {
        curl_easy_setopt(curl, CURLOPT_USERAGENT, "spacetimedb-cli/" SERVER_VERSION);
    }
    const char *problem = header_append(headers, "Expect:");  // no 100-continue
    if (problem == NULL) {
        problem = header_append(headers,
                                call->content_type == NULL
                                    ? "Content-Type:"
                                    : cli_text(cli, "Content-Type: %s", call->content_type));
    }
    if (problem == NULL && call->token != NULL) {
        problem = header_append(headers, cli_text(cli, "Authorization: Bearer %s", call->token));
    }
    if (problem == NULL) return STATUS_OK;
    return cli_fail(cli, STATUS_INVALID,
                    "the token cannot stand in a request: it has a line end in it. Log in again "
                    "with `spacetime login`.");
}

// Returns the line that cannot be a header, or NULL.
static const char *header_append(struct curl_slist **headers, const char *line) {
    if (strpbrk(line, "\r\n") != NULL) return line;
    struct curl_slist *longer = curl_slist_append(*headers, line);
    ASSERT(longer != NULL);
    *headers = longer;
    return NULL;
}

static size_t take_bytes(char *data, size_t size, size_t count, void *user) {
    Transfer *transfer = user;
    size_t bytes = size * count;
    long status = 0;
    curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
    if (transfer->call->take != NULL && status < 400) {
        if (transfer->call->take(transfer->call->user, bytes_of(data, bytes))) return bytes;
        transfer->was_stopped = true;
        return 0;
    }
    buffer_append(&transfer->body, data, bytes);
    transfer->is_too_large = transfer->body.failed;
    return transfer->body.failed ? 0 : bytes;
}

static Status fail_transfer(Cli *cli, const Transfer *transfer, CURLcode code,
                            const char *details) {
    if (transfer->is_too_large) {
        return cli_fail(cli, STATUS_LIMIT, "the answer of %s has more than %u bytes",
                        transfer->call->url, CLI_RESPONSE_BYTES_MAX);
    }
    (void)cli_fail(cli, STATUS_IO, "%s", details[0] != 0 ? details : curl_easy_strerror(code));
    return cli_wrap(cli, STATUS_IO, "error sending request for url (%s)", transfer->call->url);
}

// ---- answers ----

bool http_is_success(const HttpReply *reply) {
    return reply->status >= 200 && reply->status < 300;
}

const char *http_status_text(Cli *cli, uint32_t status) {
    for (size_t i = 0; i < sizeof STATUS_NAMES / sizeof STATUS_NAMES[0]; i++) {
        if (STATUS_NAMES[i].status == status) {
            return cli_text(cli, "%u %s", status, STATUS_NAMES[i].name);
        }
    }
    return cli_text(cli, "%u <unknown status code>", status);
}

Status http_fail_status(Cli *cli, const HttpReply *reply) {
    const char *status = http_status_text(cli, reply->status);
    if (reply->status >= 400 && reply->status < 600) {
        return cli_fail(cli, STATUS_INVALID, "HTTP status %s error (%s) for url (%s)",
                        reply->status < 500 ? "client" : "server", status, reply->url);
    }
    return cli_fail(cli, STATUS_INVALID, "unexpected HTTP status code (%s) from url (%s)", status,
                    reply->url);
}

Status http_expect_success(Cli *cli, const HttpReply *reply) {
    if (reply->status < 400) return STATUS_OK;
    Status status = http_fail_status(cli, reply);
    bool is_text = reply->body.count > 0 && reply->body.count <= REASON_BYTES_MAX &&
                   utf8_is_valid(reply->body);
    if (!is_text) return status;
    Bytes outer = cli->fault.texts[0];
    (void)cli_fail(cli, status, "%.*s", BYTES_FORMAT(reply->body));
    return cli_wrap(cli, status, "%.*s", BYTES_FORMAT(outer));
}

Status http_expect_json(Cli *cli, const HttpReply *reply) {
    if (strcmp(reply->content_type, "application/json") == 0) return STATUS_OK;
    if (http_is_success(reply)) {
        return cli_fail(cli, STATUS_INVALID,
                        "HTTP response from url (%s) was success but did not have content-type: "
                        "application/json",
                        reply->url);
    }
    Status status = http_fail_status(cli, reply);
    return cli_wrap(cli, status, "%.*s", BYTES_FORMAT(reply->body));
}

Status http_read_json(Cli *cli, const HttpReply *reply, json_t **ret_json) {
    Status status = http_expect_json(cli, reply);
    if (status != STATUS_OK) return status;
    json_error_t problem;
    json_t *json = json_loadb((const char *)reply->body.data, reply->body.count, JSON_DECODE_ANY,
                              &problem);
    if (json == NULL) {
        return cli_fail(cli, STATUS_INVALID, "the answer of %s is not the JSON expected: %s",
                        reply->url, problem.text);
    }
    *ret_json = json;
    return STATUS_OK;
}

// ---- URLs ----

const char *url_encode(Cli *cli, const char *text) {
    size_t count = strlen(text);
    char *encoded = arena_alloc(&cli->arena, 3 * count + 1);
    char *to = encoded;
    for (size_t i = 0; i < count; i++) {
        uint8_t byte = (uint8_t)text[i];
        bool is_plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                        (byte >= '0' && byte <= '9') || byte == '_' || byte == '-';
        if (is_plain) {
            *to++ = (char)byte;
        } else {
            static const char DIGITS[] = "0123456789ABCDEF";
            *to++ = '%';
            *to++ = DIGITS[byte >> 4];
            *to++ = DIGITS[byte & 15];
        }
    }
    *to = 0;
    return encoded;
}

const char *url_with(Cli *cli, const char *url, const char *key, const char *value) {
    return cli_text(cli, "%s%c%s=%s", url, strchr(url, '?') == NULL ? '?' : '&', key,
                    url_encode(cli, value));
}
