// net_client.h - a blocking loopback client for the tests of net/: raw bytes, whole HTTP answers,
// frames.
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "net/ws_frame.h"

// Fails the test instead of hanging it.
#ifndef CLIENT_WAIT_MS
#define CLIENT_WAIT_MS 10000
#endif

typedef struct Client {
    int socket;
    Buffer in;      // received and not consumed
    bool is_ended;  // the server has closed
} Client;

static inline Client client_connect_small(uint16_t port, int receive_bytes) {
    Client client = {.socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    assert_true(client.socket >= 0);
    buffer_init(&client.in, 1u << 30);
    if (receive_bytes > 0) {
        (void)setsockopt(client.socket, SOL_SOCKET, SO_RCVBUF, &receive_bytes,
                         sizeof receive_bytes);
    }
    int on = 1;
    (void)setsockopt(client.socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(client.socket, (struct sockaddr *)&address, sizeof address), 0);
    return client;
}

static inline Client client_connect(uint16_t port) {
    return client_connect_small(port, 0);
}

static inline void client_close(Client *client) {
    close(client->socket);
    buffer_done(&client->in);
}

static inline void client_send(Client *client, const void *data, size_t count) {
    const uint8_t *at = data;
    while (count > 0) {
        ssize_t sent = send(client->socket, at, count, MSG_NOSIGNAL);
        assert_true(sent > 0);
        at += sent;
        count -= (size_t)sent;
    }
}

static inline void client_send_text(Client *client, const char *text) {
    client_send(client, text, strlen(text));
}

// One read; false once the server has closed.
static inline bool client_receive(Client *client) {
    struct pollfd ready = {.fd = client->socket, .events = POLLIN};
    assert_int_equal(poll(&ready, 1, CLIENT_WAIT_MS), 1);
    uint8_t *to = buffer_reserve(&client->in, 65536);
    ssize_t count = recv(client->socket, to, 65536, 0);
    if (count <= 0) {
        client->is_ended = true;
        return false;
    }
    buffer_advance(&client->in, (size_t)count);
    return true;
}

static inline void client_need(Client *client, size_t count) {
    while (client->in.count < count) assert_true(client_receive(client));
}

static inline void client_consume(Client *client, size_t count) {
    memmove(client->in.data, client->in.data + count, client->in.count - count);
    client->in.count -= count;
}

// Everything until the server closes, as text.
static inline const char *client_receive_all(Client *client) {
    while (client_receive(client)) {}
    buffer_u8(&client->in, 0);
    return (const char *)client->in.data;
}

static inline bool client_is_closed(Client *client) {
    while (client_receive(client)) {}
    return true;
}

typedef struct Answer {
    int status;
    char head[4096];
    Buffer body;
} Answer;

static inline void answer_done(Answer *answer) {
    buffer_done(&answer->body);
}

static inline bool answer_has(const Answer *answer, const char *line) {
    return strstr(answer->head, line) != NULL;
}

static inline size_t client_head(Client *client, Answer *answer) {
    char *end = NULL;
    for (;;) {
        if (client->in.count > 0) end = memmem(client->in.data, client->in.count, "\r\n\r\n", 4);
        if (end != NULL) break;
        assert_true(client_receive(client));
    }
    size_t count = (size_t)(end + 4 - (char *)client->in.data);
    assert_true(count < sizeof answer->head);
    memcpy(answer->head, client->in.data, count);
    answer->head[count] = 0;
    assert_memory_equal(answer->head, "HTTP/1.1 ", 9);
    answer->status = atoi(answer->head + 9);
    client_consume(client, count);
    return count;
}

// One answer: by content-length, chunked, or without body.
static inline Answer client_answer(Client *client) {
    Answer answer = {0};
    buffer_init(&answer.body, 1u << 30);
    client_head(client, &answer);
    const char *length = strstr(answer.head, "content-length: ");
    if (length != NULL) {
        size_t count = (size_t)atol(length + 16);
        client_need(client, count);
        buffer_append(&answer.body, client->in.data, count);
        client_consume(client, count);
    }
    while (answer_has(&answer, "transfer-encoding: chunked")) {
        char *end = NULL;
        while (client->in.count == 0 ||
               (end = memmem(client->in.data, client->in.count, "\r\n", 2)) == NULL) {
            assert_true(client_receive(client));
        }
        size_t count = strtoul((char *)client->in.data, NULL, 16);
        size_t line = (size_t)(end + 2 - (char *)client->in.data);
        client_need(client, line + count + 2);
        buffer_append(&answer.body, client->in.data + line, count);
        client_consume(client, line + count + 2);
        if (count == 0) break;
    }
    buffer_u8(&answer.body, 0);
    return answer;
}

// ---- frames ----

static inline void frame_append(Buffer *out, uint8_t first, const void *payload, size_t count) {
    static const uint8_t MASK[4] = {0x37, 0xfa, 0x21, 0x3d};
    buffer_u8(out, first);
    if (count < 126) {
        buffer_u8(out, (uint8_t)(0x80 | count));
    } else if (count < 65536) {
        buffer_u8(out, 0x80 | 126);
        buffer_u8(out, (uint8_t)(count >> 8));
        buffer_u8(out, (uint8_t)count);
    } else {
        buffer_u8(out, 0x80 | 127);
        for (int shift = 56; shift >= 0; shift -= 8)
            buffer_u8(out, (uint8_t)((uint64_t)count >> shift));
    }
    buffer_append(out, MASK, 4);
    uint8_t *to = buffer_reserve(out, count);
    for (size_t i = 0; i < count; i++) to[i] = ((const uint8_t *)payload)[i] ^ MASK[i & 3];
    buffer_advance(out, count);
}

static inline void client_send_frame(Client *client, uint8_t first, const void *payload,
                                     size_t count) {
    Buffer out;
    buffer_init(&out, 1u << 30);
    frame_append(&out, first, payload, count);
    client_send(client, out.data, out.count);
    buffer_done(&out);
}

typedef struct Frame {
    uint8_t opcode;
    bool is_final;
    uint64_t count;
    uint8_t *payload;  // the client's until the next frame
} Frame;

// False when the server has closed. The frame's bytes stay in `in` until client_frame_done.
static inline bool client_frame(Client *client, Frame *ret_frame) {
    size_t head = 2;
    for (;;) {
        if (client->in.count >= 2) {
            uint8_t length = client->in.data[1];
            assert_int_equal(length & 0x80, 0);
            head = length < 126 ? 2 : length == 126 ? 4 : 10;
            if (client->in.count >= head) break;
        }
        if (!client_receive(client)) return false;
    }
    uint64_t count = client->in.data[1];
    if (head > 2) {
        count = 0;
        for (size_t i = 2; i < head; i++) count = count << 8 | client->in.data[i];
    }
    client_need(client, head + (size_t)count);
    *ret_frame = (Frame){
        .opcode = client->in.data[0] & 0x0f,
        .is_final = (client->in.data[0] & 0x80) != 0,
        .count = count,
        .payload = client->in.data + head,
    };
    assert_int_equal(client->in.data[0] & 0x70, 0);
    return true;
}

static inline void client_frame_done(Client *client, const Frame *frame) {
    client_consume(client, (size_t)(frame->payload - client->in.data) + (size_t)frame->count);
}

// The next data message, put together; pings are skipped. False when closed or a close frame came.
static inline bool client_message(Client *client, Buffer *ret_message) {
    buffer_clear(ret_message);
    Frame frame;
    while (client_frame(client, &frame)) {
        bool is_data = frame.opcode < 8;
        if (is_data) buffer_append(ret_message, frame.payload, (size_t)frame.count);
        client_frame_done(client, &frame);
        if (frame.opcode == WS_OP_CLOSE) return false;
        if (is_data && frame.is_final) return true;
    }
    return false;
}
