// token_test.c - goal: the parts of a JWT and the rules of its claims, each text as documented.
// Method: unsigned tokens made from texts; token.h checks no signature.

#include "auth/token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NOW 1755000000

static Arena arena;

static int set_up(void **state) {
    (void)state;
    arena_init(&arena, 64u << 20);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    arena_done(&arena);
    return 0;
}

static Bytes make_token(const char *header, const char *payload) {
    Bytes parts[] = {base64url_write(bytes_of_text(header), &arena),
                     base64url_write(bytes_of_text(payload), &arena)};
    return arena_format(&arena, "%.*s.%.*s.AAAA", BYTES_FORMAT(parts[0]), BYTES_FORMAT(parts[1]));
}

// The text of the refusal, or NULL.
static const char *check(const char *payload) {
    Error error;
    Token token = {0};
    Claims claims;
    Status status = token_read(make_token("{\"alg\":\"ES256\"}", payload), &arena, &token, &error);
    if (status == STATUS_OK) status = token_check(&token, NOW, &claims, &error);
    token_done(&token);
    if (status == STATUS_OK) return NULL;
    assert_int_equal(status, STATUS_DENIED);
    return arena_copy_text(&arena, bytes_of_text(error.text));
}

static void test_base64url(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        const char *text;
    } PAIRS[] = {{"", ""},           {"f", "Zg"},          {"fo", "Zm8"},      {"foo", "Zm9v"},
                 {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"\xff\xfe", "__4"}};
    for (size_t i = 0; i < sizeof PAIRS / sizeof PAIRS[0]; i++) {
        assert_true(bytes_equal_text(base64url_write(bytes_of_text(PAIRS[i].bytes), &arena),
                                     PAIRS[i].text));
        Bytes bytes;
        assert_true(base64url_read(bytes_of_text(PAIRS[i].text), &arena, &bytes));
        assert_true(bytes_equal_text(bytes, PAIRS[i].bytes));
    }
    static const char *const BAD[] = {"A",   "AAAAA", "Zg==", "Zm8=", "Z+8",
                                      "Z/8", "Zh",    "Zm9",  " Zg"};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        Bytes bytes;
        assert_false(base64url_read(bytes_of_text(BAD[i]), &arena, &bytes));
    }
}

static void test_parts(void **state) {
    (void)state;
    Token token = {0};
    Error error;
    Bytes text = make_token("{\"alg\":\"RS256\",\"kid\":\"k1\",\"typ\":7}", "{\"iss\":\"x\"}");
    assert_int_equal(token_read(text, &arena, &token, &error), STATUS_OK);
    assert_true(bytes_equal_text(token.algorithm, "RS256"));
    assert_true(bytes_equal_text(token.key_id, "k1"));
    assert_true(bytes_equal_text(token.payload, "{\"iss\":\"x\"}"));
    assert_true(bytes_equal_text(token_issuer(&token), "x"));
    assert_int_equal(token.signature.count, 3);
    assert_int_equal(token.signed_text.count, text.count - 5);
    token_done(&token);

    static const struct {
        const char *text;
        const char *expected;
    } BAD[] = {
        {"", "Invalid token: InvalidToken"},
        {"x", "Invalid token: InvalidToken"},
        {"a.b", "Invalid token: InvalidToken"},
        {"a.b.c.d", "Invalid token: InvalidToken"},
        {"?.e30.AAAA", "Invalid token: Base64 error: bad header part"},
        {"e30.?.AAAA", "Invalid token: Base64 error: bad payload part"},
        {"e30.e30.?", "Invalid token: Base64 error: bad signature part"},
        {"W10.e30.AAAA", "Invalid token: JSON error: not an object"},
        {"e30.W10.AAAA", "Invalid token: JSON error: not an object"},
        {"e30.gA.AAAA", "Invalid token: UTF-8 error: bad payload part"},
    };
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        assert_int_equal(token_read(bytes_of_text(BAD[i].text), &arena, &token, &error),
                         STATUS_DENIED);
        assert_string_equal(error.text, BAD[i].expected);
    }
}

static void test_claims(void **state) {
    (void)state;
    assert_null(check("{\"iss\":\"i\",\"sub\":\"s\",\"iat\":1}"));
    assert_null(
        check("{\"iss\":\"i\",\"sub\":\"s\",\"iat\":1,\"exp\":null,\"aud\":\"x\",\"nbf\":9e9}"));
    assert_null(check("{\"iss\":\"i\",\"sub\":\"s\",\"iat\":1,\"aud\":[\"a\",\"b\"]}"));
    assert_string_equal(check("{\"iss\":\"i\",\"sub\":\"s\"}"),
                        "Invalid token: JSON error: missing field `iat`");
    assert_string_equal(check("{\"iss\":\"i\",\"iat\":1}"),
                        "Invalid token: Missing required claim: sub");
    assert_string_equal(check("{\"sub\":\"s\",\"iat\":1}"),
                        "Invalid token: Missing required claim: iss");
    assert_string_equal(check("{\"iss\":7,\"sub\":\"s\",\"iat\":1}"),
                        "Invalid token: Missing required claim: iss");
    assert_string_equal(check("{\"iss\":\"\",\"sub\":\"s\",\"iat\":1}"), "Issuer empty");
    assert_string_equal(check("{\"iss\":\"i\",\"sub\":\"\",\"iat\":1}"), "Subject empty");
    assert_non_null(check("{\"iss\":\"i\",\"sub\":\"s\",\"iat\":1,\"aud\":[1]}"));
    assert_non_null(check("{\"iss\":\"i\",\"sub\":\"s\",\"iat\":1.5}"));
    assert_non_null(check("{\"iss\":\"i\",\"sub\":\"s\",\"iat\":1,\"iat\":2}"));
}

// 60 seconds of leeway: the last second that passes, and the first that does not.
static void test_expiry(void **state) {
    (void)state;
    char payload[128];
    (void)snprintf(payload, sizeof payload, "{\"iss\":\"i\",\"sub\":\"s\",\"iat\":1,\"exp\":%d}",
                   NOW - 60);
    assert_null(check(payload));
    (void)snprintf(payload, sizeof payload, "{\"iss\":\"i\",\"sub\":\"s\",\"iat\":1,\"exp\":%d}",
                   NOW - 61);
    assert_string_equal(check(payload), "Invalid token: ExpiredSignature");
}

static void test_name_lengths(void **state) {
    (void)state;
    for (uint32_t count = IDENTITY_CLAIM_BYTES_MAX; count <= IDENTITY_CLAIM_BYTES_MAX + 1;
         count++) {
        char name[IDENTITY_CLAIM_BYTES_MAX + 2];
        memset(name, 'a', count);
        name[count] = 0;
        Bytes as_issuer = arena_format(&arena, "{\"iss\":\"%s\",\"sub\":\"s\",\"iat\":1}", name);
        Bytes as_subject = arena_format(&arena, "{\"iss\":\"i\",\"sub\":\"%s\",\"iat\":1}", name);
        const char *issuer = check((const char *)as_issuer.data);
        const char *subject = check((const char *)as_subject.data);
        if (count == IDENTITY_CLAIM_BYTES_MAX) {
            assert_null(issuer);
            assert_null(subject);
        } else {
            assert_memory_equal(issuer, "Issuer too long: \"", 18);
            assert_non_null(subject);
        }
    }
}

static void test_hex_identity(void **state) {
    (void)state;
    const char *alice = "c20035600353a2e93544d898c6ed0eac323e200c0468300f22958f8b472a265d";
    Bytes good = arena_format(
        &arena, "{\"iss\":\"localhost\",\"sub\":\"alice\",\"iat\":1,\"hex_identity\":\"%s\"}",
        alice);
    assert_null(check((const char *)good.data));
    Bytes other = arena_format(
        &arena, "{\"iss\":\"localhost\",\"sub\":\"bob\",\"iat\":1,\"hex_identity\":\"%s\"}", alice);
    const char *text = check((const char *)other.data);
    assert_non_null(text);
    assert_memory_equal(text, "Identity mismatch: token identity Identity(\"c20035600353", 54);
    assert_non_null(
        check("{\"iss\":\"localhost\",\"sub\":\"alice\",\"iat\":1,\"hex_identity\":\"c200\"}"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_base64url, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_parts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_claims, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_expiry, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_name_lengths, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hex_identity, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
