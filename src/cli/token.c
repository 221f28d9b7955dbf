// token.c - the identity in a JSON web token, without checking its signature: only the server that
// issued it has to.
#include "cli/session.h"

#include <jansson.h>

static bool base64_decode(Cli *cli, Bytes text, Bytes *ret_bytes);
static int base64_value(uint8_t letter);
static Status read_claims(Cli *cli, const json_t *claims, Identity *ret_identity);

Status token_identity(Cli *cli, const char *token, Identity *ret_identity) {
    const char *first = strchr(token, '.');
    const char *second = first == NULL ? NULL : strchr(first + 1, '.');
    if (second == NULL || strchr(second + 1, '.') != NULL) {
        return cli_fail(cli, STATUS_INVALID, "Token does not look like a JSON web token: %s",
                        token);
    }
    Bytes payload = BYTES_NONE;
    if (!base64_decode(cli, bytes_of(first + 1, (size_t)(second - first) - 1), &payload)) {
        return cli_fail(cli, STATUS_INVALID, "the token's second part is not base64");
    }
    json_error_t problem;
    json_t *claims = json_loadb((const char *)payload.data, payload.count, 0, &problem);
    if (claims == NULL) {
        return cli_fail(cli, STATUS_INVALID, "the token's claims are not JSON: %s", problem.text);
    }
    Status status = read_claims(cli, claims, ret_identity);
    json_decref(claims);
    return status;
}

static Status read_claims(Cli *cli, const json_t *claims, Identity *ret_identity) {
    const char *issuer = json_string_value(json_object_get(claims, "iss"));
    const char *subject = json_string_value(json_object_get(claims, "sub"));
    if (issuer == NULL || subject == NULL) {
        return cli_fail(cli, STATUS_INVALID, "the token has no issuer or no subject");
    }
    if (!json_is_number(json_object_get(claims, "iat"))) {
        return cli_fail(cli, STATUS_INVALID, "the token does not say when it was issued");
    }
    size_t issuer_bytes = strlen(issuer);
    size_t subject_bytes = strlen(subject);
    if (issuer_bytes == 0 || issuer_bytes > IDENTITY_CLAIM_BYTES_MAX || subject_bytes == 0 ||
        subject_bytes > IDENTITY_CLAIM_BYTES_MAX) {
        return cli_fail(cli, STATUS_INVALID,
                        "the token's issuer and subject must have 1 to %u bytes each",
                        IDENTITY_CLAIM_BYTES_MAX);
    }
    Identity identity = identity_derive(bytes_of_text(issuer), bytes_of_text(subject));
    const char *hex = json_string_value(json_object_get(claims, "hex_identity"));
    Identity claimed;
    if (hex != NULL &&
        (!identity_parse(bytes_of_text(hex), &claimed) || !identity_equal(&claimed, &identity))) {
        return cli_fail(cli, STATUS_INVALID,
                        "the token's identity is not the one of its issuer and subject");
    }
    *ret_identity = identity;
    return STATUS_OK;
}

// Both alphabets, without padding.
static bool base64_decode(Cli *cli, Bytes text, Bytes *ret_bytes) {
    uint8_t *bytes = arena_alloc(&cli->arena, (size_t)text.count * 3 / 4 + 1);
    uint32_t count = 0;
    uint32_t bits = 0;
    uint32_t bit_count = 0;
    for (uint32_t i = 0; i < text.count; i++) {
        int value = base64_value(text.data[i]);
        if (value < 0) return false;
        bits = bits << 6 | (uint32_t)value;
        bit_count += 6;
        if (bit_count < 8) continue;
        bit_count -= 8;
        bytes[count++] = (uint8_t)(bits >> bit_count);
    }
    *ret_bytes = bytes_of(bytes, count);
    return text.count % 4 != 1;
}

static int base64_value(uint8_t letter) {
    if (letter >= 'A' && letter <= 'Z') return letter - 'A';
    if (letter >= 'a' && letter <= 'z') return letter - 'a' + 26;
    if (letter >= '0' && letter <= '9') return letter - '0' + 52;
    if (letter == '+' || letter == '-') return 62;
    if (letter == '/' || letter == '_') return 63;
    return -1;
}
