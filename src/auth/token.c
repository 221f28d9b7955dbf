// token.c - see token.h.

#include "auth/token.h"

// Seconds by which clocks may differ.
#define EXPIRY_LEEWAY 60

static Status read_header(Token *token, Bytes text, Arena *arena, Error *error);
static Status read_payload(Token *token, Bytes text, Arena *arena, Error *error);
static Status read_object(Bytes text, json_t **ret_object, Error *error);
static Bytes json_text(const json_t *value);
static Status check_times(const json_t *claims, int64_t now, Error *error);
static Status check_name(const json_t *claims, const char *claim, const char *what, Bytes *ret_text,
                         Error *error);
static Status check_audience(const json_t *claims, Error *error);
static Status check_hex_identity(const json_t *claims, const Identity *computed, Error *error);
static int digit_value(uint8_t digit);

Status token_read(Bytes text, Arena *arena, Token *ret_token, Error *error) {
    const uint8_t *first = text.count ? memchr(text.data, '.', text.count) : NULL;
    uint32_t header_end = first ? (uint32_t)(first - text.data) : text.count;
    uint32_t payload_start = header_end + 1;
    const uint8_t *second = first ? memchr(first + 1, '.', (size_t)(text.count - payload_start))
                                  : NULL;
    if (second == NULL) return error_set(error, STATUS_DENIED, "Invalid token: InvalidToken");
    uint32_t payload_end = (uint32_t)(second - text.data);
    Bytes signature = bytes_slice(text, payload_end + 1, text.count - payload_end - 1);
    if (signature.count > 0 && memchr(signature.data, '.', signature.count)) {
        return error_set(error, STATUS_DENIED, "Invalid token: InvalidToken");
    }
    Token token = {.text = text, .signed_text = bytes_slice(text, 0, payload_end)};
    Status status = read_header(&token, bytes_slice(text, 0, header_end), arena, error);
    if (status == STATUS_OK) {
        Bytes payload = bytes_slice(text, payload_start, payload_end - payload_start);
        status = read_payload(&token, payload, arena, error);
    }
    if (status == STATUS_OK && !base64url_read(signature, arena, &token.signature)) {
        status = error_set(error, STATUS_DENIED, "Invalid token: Base64 error: bad signature part");
    }
    if (status != STATUS_OK) {
        token_done(&token);
        return status;
    }
    *ret_token = token;
    return STATUS_OK;
}

void token_done(Token *token) {
    json_decref(token->claims);
    token->claims = NULL;
}

static Status read_header(Token *token, Bytes text, Arena *arena, Error *error) {
    Bytes decoded;
    if (!base64url_read(text, arena, &decoded)) {
        return error_set(error, STATUS_DENIED, "Invalid token: Base64 error: bad header part");
    }
    json_t *header = NULL;
    Status status = read_object(decoded, &header, error);
    if (status != STATUS_OK) return status;
    token->algorithm = arena_copy(arena, json_text(json_object_get(header, "alg")));
    Bytes key_id = json_text(json_object_get(header, "kid"));
    if (key_id.data) token->key_id = arena_copy(arena, key_id);
    json_decref(header);
    return STATUS_OK;
}

static Status read_payload(Token *token, Bytes text, Arena *arena, Error *error) {
    if (!base64url_read(text, arena, &token->payload)) {
        return error_set(error, STATUS_DENIED, "Invalid token: Base64 error: bad payload part");
    }
    if (!utf8_is_valid(token->payload)) {
        return error_set(error, STATUS_DENIED, "Invalid token: UTF-8 error: bad payload part");
    }
    return read_object(token->payload, &token->claims, error);
}

static Status read_object(Bytes text, json_t **ret_object, Error *error) {
    json_error_t reason;
    json_t *value = json_loadb((const char *)text.data, text.count, JSON_REJECT_DUPLICATES,
                               &reason);
    if (value == NULL) {
        return error_set(error, STATUS_DENIED, "Invalid token: JSON error: %s at line %d column %d",
                         reason.text, reason.line, reason.column);
    }
    if (!json_is_object(value)) {
        json_decref(value);
        return error_set(error, STATUS_DENIED, "Invalid token: JSON error: not an object");
    }
    *ret_object = value;
    return STATUS_OK;
}

static Bytes json_text(const json_t *value) {
    if (!json_is_string(value)) return BYTES_NONE;
    return bytes_of(json_string_value(value), json_string_length(value));
}

Bytes token_issuer(const Token *token) {
    return json_text(json_object_get(token->claims, "iss"));
}

// ---- claims ----

Status token_check(const Token *token, int64_t now, Claims *ret_claims, Error *error) {
    Claims claims = {.token = token->text, .payload = token->payload};
    Status status = check_times(token->claims, now, error);
    if (status == STATUS_OK) {
        status = check_name(token->claims, "iss", "Issuer", &claims.issuer, error);
    }
    if (status == STATUS_OK) {
        status = check_name(token->claims, "sub", "Subject", &claims.subject, error);
    }
    if (status == STATUS_OK) status = check_audience(token->claims, error);
    if (status != STATUS_OK) return status;
    claims.identity = identity_derive(claims.issuer, claims.subject);
    status = check_hex_identity(token->claims, &claims.identity, error);
    if (status == STATUS_OK) *ret_claims = claims;
    return status;
}

static Status check_times(const json_t *claims, int64_t now, Error *error) {
    const json_t *expiry = json_object_get(claims, "exp");
    if (expiry && !json_is_null(expiry)) {
        if (!json_is_integer(expiry) || json_integer_value(expiry) < 0) {
            return error_set(error, STATUS_DENIED,
                             "Invalid token: JSON error: `exp` must be an integer of seconds");
        }
        int64_t end = json_integer_value(expiry);
        if (end < now - EXPIRY_LEEWAY) {
            return error_set(error, STATUS_DENIED, "Invalid token: ExpiredSignature");
        }
    }
    const json_t *issued = json_object_get(claims, "iat");
    if (issued == NULL) {
        return error_set(error, STATUS_DENIED, "Invalid token: JSON error: missing field `iat`");
    }
    if (!json_is_integer(issued) || json_integer_value(issued) < 0) {
        return error_set(error, STATUS_DENIED,
                         "Invalid token: JSON error: `iat` must be an integer of seconds");
    }
    return STATUS_OK;
}

static Status check_name(const json_t *claims, const char *claim, const char *what, Bytes *ret_text,
                         Error *error) {
    Bytes text = json_text(json_object_get(claims, claim));
    if (text.data == NULL) {
        return error_set(error, STATUS_DENIED, "Invalid token: Missing required claim: %s", claim);
    }
    if (text.count == 0) return error_set(error, STATUS_DENIED, "%s empty", what);
    if (text.count > IDENTITY_CLAIM_BYTES_MAX) {
        return error_set(error, STATUS_DENIED, "%s too long: \"%.*s\"", what, BYTES_FORMAT(text));
    }
    *ret_text = text;
    return STATUS_OK;
}

// A string or an array of strings; which ones does not matter.
static Status check_audience(const json_t *claims, Error *error) {
    const json_t *audience = json_object_get(claims, "aud");
    bool is_good = audience == NULL || json_is_null(audience) || json_is_string(audience);
    if (json_is_array(audience)) {
        is_good = true;
        for (size_t i = 0; i < json_array_size(audience); i++) {
            if (!json_is_string(json_array_get(audience, i))) is_good = false;
        }
    }
    if (is_good) return STATUS_OK;
    return error_set(error, STATUS_DENIED,
                     "Invalid token: JSON error: `aud` must be a string or an array of strings");
}

static Status check_hex_identity(const json_t *claims, const Identity *computed, Error *error) {
    const json_t *claim = json_object_get(claims, "hex_identity");
    if (claim == NULL || json_is_null(claim)) return STATUS_OK;
    Identity stated;
    if (!identity_parse(json_text(claim), &stated)) {
        return error_set(error, STATUS_DENIED,
                         "Invalid token: JSON error: `hex_identity` is not an identity");
    }
    if (identity_equal(&stated, computed)) return STATUS_OK;
    char stated_text[IDENTITY_HEX_COUNT + 1];
    char computed_text[IDENTITY_HEX_COUNT + 1];
    identity_to_hex(&stated, stated_text);
    identity_to_hex(computed, computed_text);
    return error_set(error, STATUS_DENIED,
                     "Identity mismatch: token identity Identity(\"%s\") does not match computed "
                     "identity Identity(\"%s\")",
                     stated_text, computed_text);
}

// ---- base64url ----

static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

Bytes base64url_write(Bytes bytes, Arena *arena) {
    uint8_t *text = arena_alloc(arena, (size_t)bytes.count * 4 / 3 + 4);
    uint32_t count = 0;
    uint32_t bits = 0;
    uint32_t bit_count = 0;
    for (uint32_t i = 0; i < bytes.count; i++) {
        bits = (bits << 8 | bytes.data[i]) & 0xffffu;
        bit_count += 8;
        while (bit_count >= 6) {
            bit_count -= 6;
            text[count++] = (uint8_t)DIGITS[bits >> bit_count & 63u];
        }
    }
    if (bit_count > 0) text[count++] = (uint8_t)DIGITS[bits << (6 - bit_count) & 63u];
    return bytes_of(text, count);
}

static int digit_value(uint8_t digit) {
    if (digit >= 'A' && digit <= 'Z') return digit - 'A';
    if (digit >= 'a' && digit <= 'z') return digit - 'a' + 26;
    if (digit >= '0' && digit <= '9') return digit - '0' + 52;
    if (digit == '-') return 62;
    if (digit == '_') return 63;
    return -1;
}

bool base64url_read(Bytes text, Arena *arena, Bytes *ret_bytes) {
    if (text.count % 4 == 1) return false;
    uint8_t *bytes = arena_alloc(arena, (size_t)text.count * 3 / 4 + 1);
    uint32_t count = 0;
    uint32_t bits = 0;
    uint32_t bit_count = 0;
    for (uint32_t i = 0; i < text.count; i++) {
        int value = digit_value(text.data[i]);
        if (value < 0) return false;
        bits = (bits << 6 | (uint32_t)value) & 0xffffu;
        bit_count += 6;
        if (bit_count < 8) continue;
        bit_count -= 8;
        bytes[count++] = (uint8_t)(bits >> bit_count);
    }
    // Bits behind the last byte must be zero: one text for one value.
    if ((bits & ((1u << bit_count) - 1)) != 0) return false;
    *ret_bytes = bytes_of(bytes, count);
    return true;
}
