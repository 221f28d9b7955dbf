// load_http.c - as little of a blocking HTTP client as two requests need.
#include "load_http.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_BYTES_MAX (64u << 10)
#define READ_BYTES 4096u

static void send_request(int socket, const char *format, ...) __attribute__((format(printf, 2, 3)));
static size_t receive_head(int socket, Buffer *answer);
static void receive_more(int socket, Buffer *answer);
static const char *answer_text(Buffer *answer);

int load_connect(const LoadOptions *options) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *infos = NULL;
    int failure = getaddrinfo(options->host, options->port, &hints, &infos);
    if (failure != 0) load_fail("%s: %s", options->host, gai_strerror(failure));
    int handle = -1;
    for (struct addrinfo *info = infos; info != NULL && handle < 0; info = info->ai_next) {
        handle = socket(info->ai_family, info->ai_socktype | SOCK_CLOEXEC, info->ai_protocol);
        if (handle < 0) continue;
        if (connect(handle, info->ai_addr, info->ai_addrlen) == 0) break;
        close(handle);
        handle = -1;
    }
    freeaddrinfo(infos);
    if (handle < 0)
        load_fail("connect to %s:%s: %s", options->host, options->port, strerror(errno));
    int on = 1;
    (void)setsockopt(handle, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return handle;
}

char *load_identity(const LoadOptions *options) {
    int socket = load_connect(options);
    send_request(socket, "POST /v1/identity HTTP/1.1\r\nHost: %s:%s\r\nContent-Length: 0\r\n\r\n",
                 options->host, options->port);
    Buffer answer;
    buffer_init(&answer, ANSWER_BYTES_MAX);
    (void)receive_head(socket, &answer);
    const char *length = strcasestr(answer_text(&answer), "\r\ncontent-length:");
    const char *head_end = strstr(answer_text(&answer), "\r\n\r\n");
    size_t wanted = (size_t)(head_end - (char *)answer.data) + 4;
    if (length != NULL) wanted += strtoul(length + strlen("\r\ncontent-length:"), NULL, 10);
    while (answer.count < wanted) receive_more(socket, &answer);
    close(socket);

    static const char MEMBER[] = "\"token\":\"";
    const char *text = answer_text(&answer);
    const char *token = strstr(text, MEMBER);
    const char *end = token ? strchr(token + sizeof MEMBER - 1, '"') : NULL;
    if (end == NULL) load_fail("POST /v1/identity answered without a token: %s", text);
    token += sizeof MEMBER - 1;
    char *copy = mem_copy_text(bytes_of(token, (size_t)(end - token)));
    buffer_done(&answer);
    return copy;
}

void load_upgrade(int socket, const LoadOptions *options, const char *token, Buffer *early) {
    send_request(socket,
                 "GET /v1/database/%s/subscribe?compression=None&confirmed=%s HTTP/1.1\r\n"
                 "Host: %s:%s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                 "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                 "Sec-WebSocket-Protocol: v3.bsatn.spacetimedb\r\nAuthorization: Bearer %s\r\n\r\n",
                 options->database, options->is_confirmed ? "true" : "false", options->host,
                 options->port, token);
    Buffer answer;
    buffer_init(&answer, ANSWER_BYTES_MAX);
    size_t head_bytes = receive_head(socket, &answer);
    if (memcmp(answer.data, "HTTP/1.1 101 ", 13) != 0) {
        load_fail("the upgrade was refused: %s", answer_text(&answer));
    }
    buffer_append(early, answer.data + head_bytes, answer.count - head_bytes);
    buffer_done(&answer);
    int flags = fcntl(socket, F_GETFL);
    if (fcntl(socket, F_SETFL, flags | O_NONBLOCK) != 0) load_fail("fcntl: %s", strerror(errno));
}

static void send_request(int socket, const char *format, ...) {
    char text[8192];
    va_list arguments;
    va_start(arguments, format);
    int count = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (count < 0 || (size_t)count >= sizeof text) load_fail("request too long");
    if (send(socket, text, (size_t)count, MSG_NOSIGNAL) != count)
        load_fail("send: %s", strerror(errno));
}

// Bytes of the head; more may have come.
static size_t receive_head(int socket, Buffer *answer) {
    const char *end = NULL;
    while (end == NULL) {
        receive_more(socket, answer);
        end = strstr(answer_text(answer), "\r\n\r\n");
    }
    return (size_t)(end - (char *)answer->data) + 4;
}

static void receive_more(int socket, Buffer *answer) {
    uint8_t *to = buffer_reserve(answer, READ_BYTES);
    if (to == NULL) load_fail("the answer is too long");
    ssize_t count = recv(socket, to, READ_BYTES, 0);
    if (count <= 0)
        load_fail("the server closed: %s", count < 0 ? strerror(errno) : answer_text(answer));
    buffer_advance(answer, (size_t)count);
}

// With a zero behind it, which does not count.
static const char *answer_text(Buffer *answer) {
    uint8_t *end = buffer_reserve(answer, 1);
    if (end == NULL) load_fail("the answer is too long");
    *end = 0;
    return (const char *)answer->data;
}

_Noreturn void load_fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("loadgen: ", stderr);
    vfprintf(stderr, format, arguments);
    fputs("\n", stderr);
    va_end(arguments);
    exit(1);
}
