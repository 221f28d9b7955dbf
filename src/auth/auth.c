// auth.c - minting and validating: the order of keys that a token is tried with (http-api.md 3.3).

#include "auth/auth.h"

#include "auth/jwks.h"
#include "auth/keys.h"
#include "auth/token.h"
#include "auth/verified.h"

#include <curl/curl.h>

#define SHORT_TOKEN_SECONDS 60
#define UUID_TEXT_BYTES 36u

// What every token of ours begins with: {"typ":"JWT","alg":"ES256"}
static const Bytes HEADER = BYTES_LITERAL("eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9");
// Claims that a short token sets itself; all others are copied.
static const char *const OWN_CLAIMS[] = {"hex_identity", "sub", "iss", "aud", "iat", "exp"};

struct Auth {
    Os *os;
    Keys *keys;
    Jwks *jwks;
    Verified *verified;
    char *issuer;
};

static Bytes new_subject(Auth *auth, Arena *arena);
static Bytes sign(Auth *auth, Bytes payload, Arena *arena);
static int64_t now_seconds(Auth *auth);
static void write_who(Buffer *json, const Claims *claims);
static void write_audience(Buffer *json, const json_t *audience);
static void write_extras(Buffer *json, json_t *claims);
static bool is_own_claim(const char *name);
static void write_json(Buffer *json, const json_t *value);
static Status verify(Auth *auth, const Token *token, Arena *arena, Error *error);
static Status verify_locally(Auth *auth, const Token *token, Error *error);

Status auth_create(const AuthOptions *options, Auth **ret_auth, Error *error) {
    Keys *keys = NULL;
    Status status = keys_open(options->os, options->private_key_path, options->public_key_path,
                              &keys, error);
    if (status != STATUS_OK) return status;
    CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
    ASSERT(code == CURLE_OK);
    Auth *auth = mem_alloc_zero(sizeof *auth);
    auth->os = options->os;
    auth->keys = keys;
    auth->jwks = jwks_create(options->os);
    auth->verified = verified_create();
    auth->issuer = mem_copy_text(bytes_of_text(options->issuer));
    *ret_auth = auth;
    return STATUS_OK;
}

void auth_free(Auth *auth) {
    if (auth == NULL) return;
    keys_free(auth->keys);
    jwks_free(auth->jwks);
    verified_free(auth->verified);
    mem_free(auth->issuer);
    mem_free(auth);
    curl_global_cleanup();
}

Bytes auth_public_key(const Auth *auth) {
    return keys_public_pem(auth->keys);
}

// ---- minting ----

void auth_mint(Auth *auth, Arena *arena, Claims *ret_claims) {
    Claims claims = {.issuer = arena_copy(arena, bytes_of_text(auth->issuer)),
                     .subject = new_subject(auth, arena)};
    claims.identity = identity_derive(claims.issuer, claims.subject);
    Buffer json;
    buffer_init(&json, AUTH_PAYLOAD_BYTES_MAX);
    write_who(&json, &claims);
    buffer_append_format(&json, "[\"spacetimedb\"],\"iat\":%lld}", (long long)now_seconds(auth));
    ASSERT(!json.failed);
    claims.payload = arena_copy(arena, buffer_bytes(&json));
    buffer_done(&json);
    claims.token = sign(auth, claims.payload, arena);
    *ret_claims = claims;
}

Identity auth_mint_database_identity(Auth *auth) {
    Arena arena;
    arena_init(&arena, 1u << 12);
    Identity identity = identity_derive(bytes_of_text(auth->issuer), new_subject(auth, &arena));
    arena_done(&arena);
    return identity;
}

// A random UUID, version 4.
static Bytes new_subject(Auth *auth, Arena *arena) {
    uint8_t uuid[16];  // little-endian
    auth->os->random(auth->os, uuid, sizeof uuid);
    uuid[9] = (uint8_t)((uuid[9] & 0x0fu) | 0x40u);
    uuid[7] = (uint8_t)((uuid[7] & 0x3fu) | 0x80u);
    Buffer text;
    buffer_init(&text, UUID_TEXT_BYTES);
    uuid_write_text(&text, uuid);
    ASSERT(text.count == UUID_TEXT_BYTES);
    Bytes subject = arena_copy(arena, buffer_bytes(&text));
    buffer_done(&text);
    return subject;
}

static Bytes sign(Auth *auth, Bytes payload, Arena *arena) {
    Bytes encoded = base64url_write(payload, arena);
    Bytes text = arena_format(arena, "%.*s.%.*s", BYTES_FORMAT(HEADER), BYTES_FORMAT(encoded));
    uint8_t signature[SIGNATURE_BYTES];
    keys_sign(auth->keys, text, signature);
    Bytes tail = base64url_write(bytes_of(signature, sizeof signature), arena);
    return arena_format(arena, "%.*s.%.*s", BYTES_FORMAT(text), BYTES_FORMAT(tail));
}

// Rounded to the nearest.
static int64_t now_seconds(Auth *auth) {
    return (auth->os->time_micros(auth->os) + 500000) / 1000000;
}

// The members up to `aud`, whose value is next. The order is part of the format, and so is what characters
// occur: the CLI decodes the payload with the other base64 alphabet.
static void write_who(Buffer *json, const Claims *claims) {
    char hex[IDENTITY_HEX_COUNT + 1];
    identity_to_hex(&claims->identity, hex);
    buffer_append_format(json, "{\"hex_identity\":\"%s\",\"sub\":", hex);
    json_write_string(json, claims->subject);
    buffer_append_text(json, ",\"iss\":");
    json_write_string(json, claims->issuer);
    buffer_append_text(json, ",\"aud\":");
}

Status auth_mint_short(Auth *auth, const Claims *claims, Arena *arena, Bytes *ret_token,
                       Error *error) {
    json_t *payload = json_loadb((const char *)claims->payload.data, claims->payload.count, 0,
                                 NULL);
    ASSERT(json_is_object(payload));  // auth_validate read it before
    int64_t now = now_seconds(auth);
    Buffer json;
    buffer_init(&json, AUTH_PAYLOAD_BYTES_MAX);
    write_who(&json, claims);
    write_audience(&json, json_object_get(payload, "aud"));
    buffer_append_format(&json, ",\"iat\":%lld,\"exp\":%lld", (long long)now,
                         (long long)now + SHORT_TOKEN_SECONDS);
    write_extras(&json, payload);
    buffer_append_text(&json, "}");
    Status status = STATUS_OK;
    if (json.failed) {
        status = error_set(error, STATUS_LIMIT, "the token's payload is larger than %u bytes",
                           AUTH_PAYLOAD_BYTES_MAX);
    } else {
        *ret_token = sign(auth, buffer_bytes(&json), arena);
    }
    buffer_done(&json);
    json_decref(payload);
    return status;
}

// Always an array.
static void write_audience(Buffer *json, const json_t *audience) {
    if (json_is_array(audience)) {
        write_json(json, audience);
        return;
    }
    buffer_append_text(json, "[");
    if (json_is_string(audience)) write_json(json, audience);
    buffer_append_text(json, "]");
}

static void write_extras(Buffer *json, json_t *claims) {
    const char *name;
    json_t *value;
    json_object_foreach(claims, name, value) {
        if (is_own_claim(name)) continue;
        buffer_append_text(json, ",");
        json_write_string(json, bytes_of_text(name));
        buffer_append_text(json, ":");
        write_json(json, value);
    }
}

static bool is_own_claim(const char *name) {
    for (size_t i = 0; i < sizeof OWN_CLAIMS / sizeof OWN_CLAIMS[0]; i++) {
        if (strcmp(name, OWN_CLAIMS[i]) == 0) return true;
    }
    return false;
}

static void write_json(Buffer *json, const json_t *value) {
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    ASSERT(text != NULL);
    buffer_append_text(json, text);
    mem_free(text);
}

// ---- validating ----

Status auth_validate(Auth *auth, Bytes text, Arena *arena, Claims *ret_claims, Error *error) {
    Token token = {0};
    Claims claims;
    Status status = token_read(arena_copy(arena, text), arena, &token, error);
    if (status == STATUS_OK) status = verify(auth, &token, arena, error);
    if (status == STATUS_OK) {
        int64_t now = auth->os->time_micros(auth->os) / 1000000;
        status = token_check(&token, now, &claims, error);
    }
    if (status == STATUS_OK) {
        claims.issuer = arena_copy(arena, claims.issuer);  // they borrow from the token so far
        claims.subject = arena_copy(arena, claims.subject);
        *ret_claims = claims;
    }
    token_done(&token);
    return status;
}

// Our own key first, whatever the issuer: that is how short tokens for users of other issuers work.
static Status verify(Auth *auth, const Token *token, Arena *arena, Error *error) {
    Status status = verify_locally(auth, token, error);
    if (status == STATUS_OK) return status;
    Bytes issuer = token_issuer(token);
    if (issuer.data == NULL) {
        return error_set(error, STATUS_DENIED, "Invalid token: Missing required claim: iss");
    }
    if (bytes_equal_text(issuer, auth->issuer)) return status;
    return jwks_verify(auth->jwks, token, issuer, arena, error);
}

static Status verify_locally(Auth *auth, const Token *token, Error *error) {
    if (!bytes_equal_text(token->algorithm, "ES256")) {
        return error_set(error, STATUS_DENIED, "Invalid token: InvalidAlgorithm");
    }
    Hash hash = hash_blake3(token->text);
    if (verified_find(auth->verified, &hash)) return STATUS_OK;
    if (!keys_verify(auth->keys, token->signed_text, token->signature)) {
        return error_set(error, STATUS_DENIED, "Invalid token: InvalidSignature");
    }
    verified_add(auth->verified, &hash);
    return STATUS_OK;
}

bool auth_needs_network(Auth *auth, Bytes text) {
    Arena arena;
    arena_init(&arena, AUTH_TOKEN_ARENA_BYTES_MAX);
    Token token = {0};
    Error error;
    bool needs = false;
    if (token_read(text, &arena, &token, &error) == STATUS_OK) {
        Bytes issuer = token_issuer(&token);
        needs = issuer.count > 0 && !bytes_equal_text(issuer, auth->issuer) &&
                !jwks_is_fresh(auth->jwks, issuer) &&
                verify_locally(auth, &token, &error) != STATUS_OK;
    }
    token_done(&token);
    arena_done(&arena);
    return needs;
}
