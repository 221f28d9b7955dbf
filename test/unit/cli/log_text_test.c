// log_text_test.c - goal: records of a log, tokens and commands look as upstream shows and reads them.
// Method: single records; tokens made here.
#include "cli_test.h"

#include "cli/log_text.h"
#include "cli/session.h"

#include <openssl/evp.h>

static void assert_record(const char *record, LogTextColour colour, const char *expected) {
    Buffer text;
    Error error;
    buffer_init(&text, 65536);
    if (log_record_write_text(bytes_of_text(record), colour, &text, &error) != STATUS_OK) {
        fail_msg("%s", error.text);
    }
    assert_bytes(buffer_bytes(&text), expected);
    buffer_done(&text);
}

static void test_records(void **state) {
    (void)state;
    assert_record(
        "{\"level\":\"Info\",\"ts\":1785585600123456,\"target\":\"m\",\"filename\":"
        "\"src/lib.rs\",\"line_number\":33,\"function\":\"say_hello\",\"message\":\"Hello, "
        "World!\"}\n",
        LOG_TEXT_PLAIN,
        "2026-08-01T12:00:00.123456Z  INFO: say_hello src/lib.rs:33: Hello, World!\n");
    assert_record("{\"level\":\"Warn\",\"ts\":1785585600000000,\"filename\":\"__spacetimedb__\","
                  "\"function\":\"__spacetimedb__\",\"message\":\"m\"}",
                  LOG_TEXT_PLAIN, "2026-08-01T12:00:00Z  WARN: m\n");
    assert_record(
        "{\"level\":\"Debug\",\"ts\":1785585600120000,\"filename\":\"f\",\"message\":\"m\"}",
        LOG_TEXT_PLAIN, "2026-08-01T12:00:00.120Z DEBUG: f: m\n");
    assert_record("{\"level\":\"Panic\",\"message\":\"m\",\"trace\":[{\"module_name\":\"a\","
                  "\"func_name\":\"f\"}]}",
                  LOG_TEXT_PLAIN, "PANIC: m\n    in a :: f\n");
    assert_record("{\"level\":\"Error\",\"message\":\"m\"}", LOG_TEXT_COLOURED,
                  "\x1b[0m\x1b[31mERROR: \x1b[0mm\n");
}

static void test_levels(void **state) {
    (void)state;
    LogRecordLevel level = LOG_RECORD_TRACE;
    Error error;
    assert_true(log_record_level("warn", &level));
    assert_int_equal(level, LOG_RECORD_WARN);
    assert_false(log_record_level("WARN", &level));
    assert_int_equal(log_record_read_level(BYTES_LITERAL("{\"level\":\"Panic\",\"message\":\"\"}"),
                                           &level, &error),
                     STATUS_OK);
    assert_int_equal(level, LOG_RECORD_PANIC);
    static const char *const WRONG[] = {"", "x", "[]", "{\"level\":\"Info\"}",
                                        "{\"level\":\"Loud\",\"message\":\"\"}"};
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) {
        assert_int_equal(log_record_read_level(bytes_of_text(WRONG[i]), &level, &error),
                         STATUS_INVALID);
    }
}

// ---- tokens ----

typedef enum Alphabet { ALPHABET_STANDARD, ALPHABET_URL } Alphabet;

static const char *token_of(const char *claims, Alphabet alphabet) {
    size_t count = strlen(claims);
    char *text = arena_alloc(&cli.arena, 2 * count + 8);
    (void)EVP_EncodeBlock((uint8_t *)text, (const uint8_t *)claims, (int)count);
    text[strcspn(text, "=")] = 0;
    for (char *at = text; *at != 0 && alphabet == ALPHABET_URL; at++) {
        if (*at == '+') *at = '-';
        if (*at == '/') *at = '_';
    }
    return cli_text(&cli, "e30.%s.c2ln", text);
}

static void test_tokens(void **state) {
    (void)state;
    Identity identity;
    Identity expected = identity_derive(BYTES_LITERAL("localhost"), BYTES_LITERAL("a?>~"));
    static const char CLAIMS[] = "{\"iss\":\"localhost\",\"sub\":\"a?>~\",\"iat\":1,\"x\":\"ÿÿ?\"}";
    for (Alphabet alphabet = ALPHABET_STANDARD; alphabet <= ALPHABET_URL; alphabet++) {
        assert_int_equal(token_identity(&cli, token_of(CLAIMS, alphabet), &identity), STATUS_OK);
        assert_true(identity_equal(&identity, &expected));
    }
    char hex[IDENTITY_HEX_COUNT + 1];
    identity_to_hex(&expected, hex);
    const char *claims = cli_text(
        &cli, "{\"iss\":\"localhost\",\"sub\":\"a?>~\",\"iat\":1.5,\"hex_identity\":\"%s\"}", hex);
    assert_int_equal(token_identity(&cli, token_of(claims, ALPHABET_URL), &identity), STATUS_OK);
}

static void test_wrong_tokens(void **state) {
    (void)state;
    Identity identity;
    const char *long_subject = cli_text(&cli, "{\"iss\":\"i\",\"iat\":1,\"sub\":\"%*s\"}",
                                        (int)IDENTITY_CLAIM_BYTES_MAX + 1, "x");
    const char *const tokens[] = {
        "junk",
        "a.b",
        "a.b.c.d",
        "a.!.c",
        "a.e30x.c",
        token_of("[]", ALPHABET_URL),
        token_of("{\"iss\":\"i\",\"iat\":1}", ALPHABET_URL),
        token_of("{\"sub\":\"s\",\"iat\":1}", ALPHABET_URL),
        token_of("{\"iss\":\"i\",\"sub\":\"s\"}", ALPHABET_URL),
        token_of("{\"iss\":\"\",\"sub\":\"s\",\"iat\":1}", ALPHABET_URL),
        token_of("{\"iss\":\"i\",\"sub\":\"s\",\"iat\":1,\"hex_identity\":\"c2\"}", ALPHABET_URL),
        token_of(long_subject, ALPHABET_URL),
    };
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
        assert_int_equal(token_identity(&cli, tokens[i], &identity), STATUS_INVALID);
    }
    assert_int_equal(token_identity(&cli, "junk", &identity), STATUS_INVALID);
    assert_string_equal(fault_text(), "Token does not look like a JSON web token: junk");
    const char *longest = cli_text(&cli, "{\"iss\":\"i\",\"iat\":1,\"sub\":\"%*s\"}",
                                   (int)IDENTITY_CLAIM_BYTES_MAX, "x");
    assert_int_equal(token_identity(&cli, token_of(longest, ALPHABET_URL), &identity), STATUS_OK);
}

static void test_faults(void **state) {
    (void)state;
    (void)cli_fail(&cli, STATUS_INVALID, "inner %d", 1);
    assert_int_equal(cli_wrap(&cli, STATUS_INVALID, "outer"), STATUS_INVALID);
    assert_int_equal(cli.fault.count, 2);
    assert_string_equal(fault_text(), "outer");
    for (uint32_t i = 0; i < CLI_FAULT_TEXTS_MAX; i++) (void)cli_wrap(&cli, STATUS_INVALID, "more");
    assert_int_equal(cli.fault.count, CLI_FAULT_TEXTS_MAX);
    (void)cli_fail(&cli, STATUS_INVALID, "another");
    assert_int_equal(cli.fault.count, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_records),      TEST(test_levels), TEST(test_tokens),
        TEST(test_wrong_tokens), TEST(test_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
