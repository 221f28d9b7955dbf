// ws_handshake.c - checks of an upgrade request, and its answer.
#include "net/ws_handshake.h"

#include "net/http_head.h"
#include "net/http_response.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

static const char ACCEPT_GUID[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

static bool has_token(const HttpRequest *request, const char *name, const char *token);
static bool refuse(HttpResponse *ret_response, uint32_t status, const char *text);

bool ws_check_upgrade(const HttpRequest *request, HttpResponse *ret_response) {
    static const HttpHeader UPGRADE_HEADERS[] = {
        {{(const uint8_t *)"connection", 10}, {(const uint8_t *)"upgrade", 7}},
        {{(const uint8_t *)"upgrade", 7}, {(const uint8_t *)"websocket", 9}},
    };
    bool is_upgrade = bytes_equal_text(request->method, "GET") && request->version_minor >= 1 &&
                      has_token(request, "connection", "upgrade") &&
                      http_text_equal(http_header(request, "upgrade"), "websocket");
    if (!is_upgrade) {
        (void)refuse(ret_response, 426, "This service requires use of the websocket protocol");
        ret_response->headers = UPGRADE_HEADERS;
        ret_response->header_count = 2;
        return false;
    }
    if (!bytes_equal_text(http_header(request, "sec-websocket-version"), "13")) {
        return refuse(ret_response, 400, "`Sec-WebSocket-Version` header did not include '13'");
    }
    if (http_header(request, "sec-websocket-key").data == NULL) {
        return refuse(ret_response, 400, "`Sec-WebSocket-Key` header missing");
    }
    return true;
}

static bool has_token(const HttpRequest *request, const char *name, const char *token) {
    for (uint32_t i = 0; i < request->header_count; i++) {
        if (!http_text_equal(request->headers[i].name, name)) continue;
        if (http_value_has_token(request->headers[i].value, token)) return true;
    }
    return false;
}

static bool refuse(HttpResponse *ret_response, uint32_t status, const char *text) {
    *ret_response = (HttpResponse){
        .status = status,
        .content_type = BYTES_LITERAL("text/plain; charset=utf-8"),
        .body = bytes_of_text(text),
    };
    return false;
}

void ws_accept_text(Bytes key, char ret_text[WS_ACCEPT_TEXT_BYTES]) {
    uint8_t digest[SHA_DIGEST_LENGTH];
    unsigned digest_bytes = 0;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    ASSERT(context != NULL);
    int good = EVP_DigestInit_ex(context, EVP_sha1(), NULL);
    good &= EVP_DigestUpdate(context, key.data, key.count);
    good &= EVP_DigestUpdate(context, ACCEPT_GUID, sizeof ACCEPT_GUID - 1);
    good &= EVP_DigestFinal_ex(context, digest, &digest_bytes);
    EVP_MD_CTX_free(context);
    ASSERT(good == 1 && digest_bytes == sizeof digest);
    int text_bytes = EVP_EncodeBlock((uint8_t *)ret_text, digest, sizeof digest);
    ASSERT(text_bytes == (int)WS_ACCEPT_TEXT_BYTES - 1);
}

void ws_response_write(Buffer *out, Bytes key, const WsOptions *options) {
    char accept[WS_ACCEPT_TEXT_BYTES];
    ws_accept_text(key, accept);
    buffer_append_text(
        out, "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n");
    buffer_append_format(out, "sec-websocket-accept: %s\r\n", accept);
    for (uint32_t i = 0; i < options->header_count; i++) {
        http_header_write(out, options->headers[i].name, options->headers[i].value);
    }
    http_date_write(out);
    buffer_append_text(out, "\r\n");
}
