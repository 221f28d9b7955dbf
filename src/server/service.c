// service.c - routes that concern no database: ping, health, identities and tokens (http-api.md 6.1, 6.2).

#include "server/handlers.h"

static bool identity_param(WebRequest *request, Identity *ret_identity);

void handle_ping(WebRequest *request) {
    web_answer_empty(request, 200);
}

void handle_health(WebRequest *request) {
    web_answer_json(request, 200,
                    BYTES_LITERAL("{\"package_name\":\"spacetimedb-client-api\",\"version\":"
                                  "\"" SERVER_VERSION "\",\"nodes\":[0],\"schedulable\":true}"));
}

void handle_identity_create(WebRequest *request) {
    Claims claims;
    auth_mint(request->server->auth, request->arena, &claims);
    char hex[IDENTITY_HEX_COUNT + 1];
    identity_to_hex(&claims.identity, hex);
    web_answer_json(request, 200,
                    arena_format(request->arena, "{\"identity\":\"%s\",\"token\":\"%.*s\"}", hex,
                                 BYTES_FORMAT(claims.token)));
}

void handle_public_key(WebRequest *request) {
    web_answer(request, 200, BYTES_LITERAL("application/pem-certificate-chain"),
               auth_public_key(request->server->auth));
}

void handle_websocket_token(WebRequest *request) {
    Bytes token;
    Error error;
    Status status = auth_mint_short(request->server->auth, &request->claims, request->arena, &token,
                                    &error);
    if (status != STATUS_OK) {
        web_answer_text(request, 400, "%s", error.text);
        return;
    }
    web_answer_json(request, 200,
                    arena_format(request->arena, "{\"token\":\"%.*s\"}", BYTES_FORMAT(token)));
}

// Exactly 64 hex digits.
static bool identity_param(WebRequest *request, Identity *ret_identity) {
    Bytes text;
    if (!web_param(request, 0, &text)) return false;
    if (text.count == IDENTITY_HEX_COUNT && identity_parse(text, ret_identity)) return true;
    web_answer_text(request, 400, "Invalid URL: `%.*s` is not an identity", BYTES_FORMAT(text));
    return false;
}

void handle_identity_verify(WebRequest *request) {
    Identity identity;
    if (!identity_param(request, &identity)) return;
    web_answer_empty(request, identity_equal(&identity, &request->claims.identity) ? 204 : 400);
}

void handle_identity_databases(WebRequest *request) {
    Identity owner;
    if (!identity_param(request, &owner)) return;
    View *view = registry_view(request->server->registry);
    ViewDatabases databases = view_databases(view, &owner, request->arena);
    Buffer json;
    buffer_init(&json, SERVER_TEXT_BYTES_MAX);
    buffer_append_text(&json, "{\"identities\":[");
    for (uint32_t i = 0; i < databases.count; i++) {
        char hex[IDENTITY_HEX_COUNT + 1];
        identity_to_hex(&databases.items[i]->record.identity, hex);
        buffer_append_format(&json, "%s\"%s\"", i > 0 ? "," : "", hex);
    }
    buffer_append_text(&json, "]}");
    view_unref(view);
    if (json.failed) {
        web_answer_text(request, 500, "the list is too long");
    } else {
        web_answer_json(request, 200, buffer_bytes(&json));
    }
    buffer_done(&json);
}
