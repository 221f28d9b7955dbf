// ws_client.c - curl_easy_send and curl_easy_recv over a connection that libcurl made.
#include "cli/ws_client.h"

#include "server/server.h"

#include <curl/curl.h>
#include <openssl/evp.h>
#include <poll.h>
#include <stdio.h>

#define READ_BYTES 65536u
#define KEY_BYTES 16u
// base64 of 16 and of 20 bytes, with a zero.
#define KEY_TEXT_BYTES 25u
#define ACCEPT_TEXT_BYTES 29u
#define ACCEPT_SUFFIX "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

struct WsClient {
    CURL *curl;
    Os *os;
    FrameReader reader;
    bool is_open;  // between the handshake and the first close frame
    uint8_t bytes[READ_BYTES];
};

static Status connect_to(Cli *cli, WsClient *client, const WsTarget *target);
static Status shake_hands(Cli *cli, WsClient *client, const WsTarget *target);
static Status write_request(Cli *cli, const WsTarget *target, const char *key, Buffer *request);
static Status read_response(Cli *cli, WsClient *client, Buffer *response, Bytes *ret_head);
static Status check_response(Cli *cli, const WsTarget *target, Bytes head, const char *key);
static Bytes header_value(Bytes head, const char *name);
static void accept_text(const char *key, char ret_text[ACCEPT_TEXT_BYTES]);
static Status send_all(Cli *cli, WsClient *client, Bytes bytes);
static Status receive_some(Cli *cli, WsClient *client, uint8_t *bytes, size_t *ret_count);
static bool wait_for(WsClient *client, short events, int64_t until_nanos);
static Status answer_control(Cli *cli, WsClient *client, WsFrameKind kind, Bytes bytes);
static Status fail_socket(Cli *cli, const char *what);

Status ws_client_open(Cli *cli, const WsTarget *target, WsClient **ret_client) {
    WsClient *client = mem_alloc_zero(sizeof *client);
    client->os = cli->os;
    client->curl = curl_easy_init();
    ASSERT(client->curl != NULL);
    frame_reader_init(&client->reader);
    Status status = connect_to(cli, client, target);
    if (status == STATUS_OK) status = shake_hands(cli, client, target);
    if (status != STATUS_OK) {
        ws_client_close(client);
        return status;
    }
    client->is_open = true;
    *ret_client = client;
    return STATUS_OK;
}

void ws_client_close(WsClient *client) {
    if (client == NULL) return;
    if (client->is_open) {
        static const uint8_t MASK[4] = {0};
        static const uint8_t NORMAL[2] = {0x03, 0xe8};  // 1000
        Buffer frame;
        size_t sent = 0;
        buffer_init(&frame, 64);
        ws_frame_write(&frame, WS_FRAME_CLOSE, bytes_of(NORMAL, 2), MASK);
        (void)curl_easy_send(client->curl, frame.data, frame.count, &sent);  // it may be gone
        buffer_done(&frame);
    }
    curl_easy_cleanup(client->curl);
    frame_reader_done(&client->reader);
    mem_free(client);
}

static Status connect_to(Cli *cli, WsClient *client, const WsTarget *target) {
    char details[CURL_ERROR_SIZE] = "";
    CURL *curl = client->curl;
    curl_easy_setopt(curl, CURLOPT_URL, target->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_HTTPPROXYTUNNEL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CLI_CONNECT_MS_MAX);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, details);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, NULL);
    if (code == CURLE_OK) return STATUS_OK;
    return cli_fail(cli, STATUS_IO, "%s", details[0] != 0 ? details : curl_easy_strerror(code));
}

// ---- handshake ----

static Status shake_hands(Cli *cli, WsClient *client, const WsTarget *target) {
    uint8_t random[KEY_BYTES];
    uint8_t key[KEY_TEXT_BYTES];
    client->os->random(client->os, random, sizeof random);
    (void)EVP_EncodeBlock(key, random, sizeof random);
    Buffer request;
    Buffer response;
    buffer_init(&request, CLI_WS_HEAD_BYTES_MAX);
    buffer_init(&response, CLI_WS_HEAD_BYTES_MAX);
    Bytes head = BYTES_NONE;
    Status status = write_request(cli, target, (const char *)key, &request);
    if (status == STATUS_OK) status = send_all(cli, client, buffer_bytes(&request));
    if (status == STATUS_OK) status = read_response(cli, client, &response, &head);
    if (status == STATUS_OK) {
        status = check_response(cli, target, head, (const char *)key);
        Bytes all = buffer_bytes(&response);
        Bytes behind = bytes_slice(all, head.count, all.count - head.count);
        if (status != STATUS_OK && behind.count > 0) {
            status = cli_wrap(cli, status, "%.*s", BYTES_FORMAT(behind));
        }
        if (status == STATUS_OK) (void)frame_reader_feed(&client->reader, behind);
    }
    buffer_done(&request);
    buffer_done(&response);
    return status;
}

static Status write_request(Cli *cli, const WsTarget *target, const char *key, Buffer *request) {
    const char *host = strstr(target->url, "://");
    ASSERT(host != NULL);
    host += 3;
    size_t host_bytes = strcspn(host, "/?");
    const char *path = host + host_bytes;
    buffer_append_format(request, "GET %s%s HTTP/1.1\r\nHost: %.*s\r\n", path[0] == '/' ? "" : "/",
                         path, (int)host_bytes, host);
    buffer_append_format(
        request,
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Protocol: %s\r\n"
        "User-Agent: spacetimedb-cli/" SERVER_VERSION "\r\n",
        key, target->protocol);
    if (target->token != NULL) {
        if (strpbrk(target->token, "\r\n") != NULL) {
            return cli_fail(cli, STATUS_INVALID,
                            "the token has a line end in it. Log in again with `spacetime login`.");
        }
        buffer_append_format(request, "Authorization: Bearer %s\r\n", target->token);
    }
    buffer_append_text(request, "\r\n");
    if (!request->failed) return STATUS_OK;
    return cli_fail(cli, STATUS_LIMIT, "the URL and token are too long");
}

// The head with its empty line; what came behind it follows in `response`.
static Status read_response(Cli *cli, WsClient *client, Buffer *response, Bytes *ret_head) {
    int64_t until = client->os->monotonic_nanos(client->os) + (int64_t)CLI_CONNECT_MS_MAX * 1000000;
    for (;;) {
        const uint8_t *end = response->count == 0
                                 ? NULL
                                 : memmem(response->data, response->count, "\r\n\r\n", 4);
        if (end != NULL) {
            *ret_head = bytes_of(response->data, (size_t)(end - response->data) + 4);
            return STATUS_OK;
        }
        uint8_t bytes[4096];
        size_t count = sizeof bytes;
        Status status = receive_some(cli, client, bytes, &count);
        if (status != STATUS_OK) return status;
        buffer_append(response, bytes, count);
        if (response->failed) {
            return cli_fail(cli, STATUS_LIMIT, "the server's answer is no HTTP head");
        }
        if (count == 0 && !wait_for(client, POLLIN, until)) {
            return cli_fail(cli, STATUS_IO, "the server does not answer");
        }
    }
}

static Status check_response(Cli *cli, const WsTarget *target, Bytes head, const char *key) {
    Bytes line = bytes_of(
        head.data, (size_t)((const uint8_t *)memchr(head.data, '\r', head.count) - head.data));
    static const char SWITCHING[] = "HTTP/1.1 101";
    if (line.count < sizeof SWITCHING - 1 ||
        memcmp(line.data, SWITCHING, sizeof SWITCHING - 1) != 0) {
        uint32_t skipped = line.count > 9 ? 9 : 0;  // "HTTP/1.1 "
        return cli_fail(cli, STATUS_INVALID, "HTTP error: %.*s",
                        BYTES_FORMAT(bytes_slice(line, skipped, line.count - skipped)));
    }
    char expected[ACCEPT_TEXT_BYTES];
    accept_text(key, expected);
    if (!bytes_equal_text(header_value(head, "sec-websocket-accept"), expected)) {
        return cli_fail(cli, STATUS_INVALID, "the server's handshake does not fit our key");
    }
    if (!bytes_equal_text(header_value(head, "sec-websocket-protocol"), target->protocol)) {
        return cli_fail(cli, STATUS_INVALID, "the server does not speak %s", target->protocol);
    }
    return STATUS_OK;
}

// Without blanks around it; data == NULL: absent.
static Bytes header_value(Bytes head, const char *name) {
    size_t name_bytes = strlen(name);
    for (uint32_t start = 0; start < head.count;) {
        uint32_t end = start;
        while (end < head.count && head.data[end] != '\n') end++;
        const uint8_t *line = head.data + start;
        size_t count = end - start;
        start = end + 1;
        if (count <= name_bytes || line[name_bytes] != ':') continue;
        if (strncasecmp((const char *)line, name, name_bytes) != 0) continue;
        Bytes value = bytes_of(line + name_bytes + 1, count - name_bytes - 1);
        while (value.count > 0 && strchr(" \t\r", value.data[value.count - 1]) != NULL)
            value.count--;
        while (value.count > 0 && strchr(" \t", value.data[0]) != NULL) {
            value = bytes_slice(value, 1, value.count - 1);
        }
        return value;
    }
    return BYTES_NONE;
}

static void accept_text(const char *key, char ret_text[ACCEPT_TEXT_BYTES]) {
    char text[KEY_TEXT_BYTES + sizeof ACCEPT_SUFFIX];
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned digest_bytes = 0;
    int count = snprintf(text, sizeof text, "%s%s", key, ACCEPT_SUFFIX);
    int made = EVP_Digest(text, (size_t)count, digest, &digest_bytes, EVP_sha1(), NULL);
    ASSERT(made == 1);
    (void)EVP_EncodeBlock((uint8_t *)ret_text, digest, (int)digest_bytes);
}

// ---- messages ----

Status ws_client_send(Cli *cli, WsClient *client, WsFrameKind kind, Bytes bytes) {
    uint8_t mask[4];
    client->os->random(client->os, mask, sizeof mask);
    Buffer frame;
    buffer_init(&frame, CLI_WS_FRAME_BYTES_MAX);
    ws_frame_write(&frame, kind, bytes, mask);
    Status status = frame.failed ? cli_fail(cli, STATUS_LIMIT, "the message is too long")
                                 : send_all(cli, client, buffer_bytes(&frame));
    buffer_done(&frame);
    return status;
}

Status ws_client_receive(Cli *cli, WsClient *client, int64_t until_nanos,
                         WsReceiveOutcome *ret_outcome, WsFrameKind *ret_kind, Bytes *ret_bytes) {
    for (;;) {
        WsFrameKind kind = WS_FRAME_CLOSE;
        switch (frame_reader_next(&client->reader, &kind, ret_bytes)) {
        case FRAME_READ_BROKEN:
            return cli_fail(
                cli, STATUS_INVALID,
                "websocket error: the server sent what is no frame, or a message that is "
                "too long");
        case FRAME_READ_FRAME:
            *ret_kind = kind;
            *ret_outcome = WS_RECEIVED;
            if (kind == WS_FRAME_TEXT || kind == WS_FRAME_BINARY) return STATUS_OK;
            Status answered = answer_control(cli, client, kind, *ret_bytes);
            if (answered != STATUS_OK) return answered;
            *ret_outcome = WS_RECEIVE_CLOSED;
            if (kind == WS_FRAME_CLOSE) return STATUS_OK;
            continue;
        case FRAME_READ_NOTHING: break;
        }
        size_t count = READ_BYTES;
        Status status = receive_some(cli, client, client->bytes, &count);
        if (status != STATUS_OK) return status;
        if (count == 0 && !wait_for(client, POLLIN, until_nanos)) {
            *ret_outcome = WS_RECEIVE_TIMED_OUT;
            return STATUS_OK;
        }
        if (!frame_reader_feed(&client->reader, bytes_of(client->bytes, count))) {
            return cli_fail(cli, STATUS_LIMIT, "websocket error: too much is waiting");
        }
    }
}

static Status answer_control(Cli *cli, WsClient *client, WsFrameKind kind, Bytes bytes) {
    if (kind == WS_FRAME_PING) return ws_client_send(cli, client, WS_FRAME_PONG, bytes);
    if (kind == WS_FRAME_CLOSE) {
        // The answer may find nobody: the server has said all it wanted to say.
        (void)ws_client_send(cli, client, WS_FRAME_CLOSE,
                             bytes_slice(bytes, 0, bytes.count < 2 ? 0 : 2));
        client->is_open = false;
    }
    return STATUS_OK;
}

// ---- the socket ----

static Status send_all(Cli *cli, WsClient *client, Bytes bytes) {
    int64_t until = client->os->monotonic_nanos(client->os) + (int64_t)CLI_CONNECT_MS_MAX * 1000000;
    for (size_t at = 0; at < bytes.count;) {
        size_t sent = 0;
        CURLcode code = curl_easy_send(client->curl, bytes.data + at, bytes.count - at, &sent);
        if (code != CURLE_OK && code != CURLE_AGAIN) return fail_socket(cli, "sending");
        at += sent;
        if (code == CURLE_AGAIN && !wait_for(client, POLLOUT, until)) {
            return fail_socket(cli, "sending");
        }
    }
    return STATUS_OK;
}

// *ret_count is the room on the way in; 0 on the way out if nothing is there now.
static Status receive_some(Cli *cli, WsClient *client, uint8_t *bytes, size_t *ret_count) {
    size_t count = 0;
    CURLcode code = curl_easy_recv(client->curl, bytes, *ret_count, &count);
    if (code == CURLE_AGAIN) {
        *ret_count = 0;
        return STATUS_OK;
    }
    if (code != CURLE_OK || count == 0) return fail_socket(cli, "receiving");
    *ret_count = count;
    return STATUS_OK;
}

// Until the socket is ready; false when the time is over. until_nanos 0: however long it takes.
static bool wait_for(WsClient *client, short events, int64_t until_nanos) {
    curl_socket_t socket = CURL_SOCKET_BAD;
    curl_easy_getinfo(client->curl, CURLINFO_ACTIVESOCKET, &socket);
    struct pollfd poller = {.fd = socket, .events = events};
    int timeout_ms = -1;
    if (until_nanos != 0) {
        int64_t left = until_nanos - client->os->monotonic_nanos(client->os);
        if (left <= 0) return false;
        timeout_ms = (int)(left / 1000000 + 1 < INT32_MAX ? left / 1000000 + 1 : INT32_MAX);
    }
    return poll(&poller, 1, timeout_ms) != 0;  // interrupted: the caller looks again
}

static Status fail_socket(Cli *cli, const char *what) {
    return cli_fail(
        cli, STATUS_IO,
        "websocket error: the connection broke while %s: the server closed it without a "
        "word",
        what);
}
