// identity_test.c - identities, connection ids, uuids and times (sats.md 7, 6.1, 6.4) against their vectors.
#include "helpers.h"

// ---- identities ----

static void test_identity_derive(void **state) {
    (void)state;
    static const struct {
        const char *issuer;
        const char *subject;
        const char *wanted;
    } CASES[] = {
        {"localhost", "alice", "c20035600353a2e93544d898c6ed0eac323e200c0468300f22958f8b472a265d"},
        {"issuer", "client", "c200c6a82c0a8cdd0838b71b061dd261787a91d2d261b92ce6737309727403be"},
    };
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        Identity identity = identity_derive(bytes_of_text(CASES[i].issuer),
                                            bytes_of_text(CASES[i].subject));
        char text[IDENTITY_HEX_COUNT + 1];
        identity_to_hex(&identity, text);
        assert_string_equal(text, CASES[i].wanted);
    }
    Identity alice = identity_derive(BYTES_LITERAL("localhost"), BYTES_LITERAL("alice"));
    assert_bytes_equal(bytes_of(alice.bytes, 32),
                       "5d262a478b8f95220f3068040c203e32ac0eedc698d84435e9a25303603500c2");
}

// The checksum inside identities seen elsewhere, and inside ones derived from the longest claims.
static void test_identity_checksum(void **state) {
    (void)state;
    char longest[IDENTITY_CLAIM_BYTES_MAX];
    memset(longest, 'x', sizeof longest);
    Identity derived = identity_derive(bytes_of(longest, sizeof longest),
                                       bytes_of(longest, sizeof longest));
    char derived_text[IDENTITY_HEX_COUNT + 1];
    identity_to_hex(&derived, derived_text);
    const char *const texts[] = {
        "c2006c1c2ede44b44e9835dfe00e3e1edc3bc67024b504cb6a3b8491db5d98a3",
        "c2001c551217385bdeba5f1e1b5b19a28910852a94ce43428508e7a098760cea",
        derived_text,
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        Bytes big_endian = hex(texts[i]);
        uint8_t checked[28] = {0xc2, 0x00};
        memcpy(checked + 2, big_endian.data + 6, 26);
        Hash checksum = hash_blake3(bytes_of(checked, sizeof checked));
        assert_memory_equal(checksum.bytes, big_endian.data + 2, 4);
    }
}

static void test_identity_parse(void **state) {
    (void)state;
    const char *text = "c20035600353a2e93544d898c6ed0eac323e200c0468300f22958f8b472a265d";
    char long_text[80];
    Identity identity;
    Identity other;
    assert_true(identity_parse(bytes_of_text(text), &identity));
    char again[IDENTITY_HEX_COUNT + 1];
    identity_to_hex(&identity, again);
    assert_string_equal(again, text);
    snprintf(long_text, sizeof long_text, "0x%s", text);
    assert_true(identity_parse(bytes_of_text(long_text), &other));
    assert_true(identity_equal(&identity, &other));
    for (char *at = long_text + 2; *at; at++) *at = (char)(*at >= 'a' ? *at - 32 : *at);
    assert_true(identity_parse(bytes_of_text(long_text), &other));
    assert_true(identity_equal(&identity, &other));

    Identity untouched = identity;
    assert_false(identity_parse(bytes_slice(bytes_of_text(text), 0, 63), &other));
    assert_false(identity_parse(BYTES_LITERAL(""), &other));
    snprintf(long_text, sizeof long_text, "%s0", text);
    assert_false(identity_parse(bytes_of_text(long_text), &other));
    snprintf(long_text, sizeof long_text, "0X%s", text);
    assert_false(identity_parse(bytes_of_text(long_text), &other));
    snprintf(long_text, sizeof long_text, "%s", text);
    long_text[63] = 'g';
    assert_false(identity_parse(bytes_of_text(long_text), &other));
    assert_true(identity_equal(&other, &untouched));  // written only on success

    assert_false(identity_is_zero(&identity));
    memset(&identity, 0, sizeof identity);
    assert_true(identity_is_zero(&identity));
    assert_false(identity_equal(&identity, &other));
    identity.bytes[31] = 1;
    assert_false(identity_is_zero(&identity));
}

static void test_connection_id(void **state) {
    (void)state;
    ConnectionId id;
    assert_true(connection_id_parse(BYTES_LITERAL("0102030405060708090a0b0c0d0e0f10"), &id));
    assert_bytes_equal(bytes_of(id.bytes, 16), "100f0e0d0c0b0a090807060504030201");
    char text[CONNECTION_ID_HEX_COUNT + 1];
    connection_id_to_hex(&id, text);
    assert_string_equal(text, "0102030405060708090a0b0c0d0e0f10");
    assert_false(connection_id_is_zero(&id));
    assert_false(connection_id_parse(BYTES_LITERAL("0x0102030405060708090a0b0c0d0e0f10"), &id));
    assert_false(connection_id_parse(BYTES_LITERAL("0102030405060708090a0b0c0d0e0f1"), &id));
    assert_false(connection_id_parse(BYTES_LITERAL("0102030405060708090a0b0c0d0e0f1g"), &id));
    assert_false(connection_id_parse(BYTES_LITERAL(""), &id));
    assert_true(connection_id_parse(BYTES_LITERAL("00000000000000000000000000000000"), &id));
    assert_true(connection_id_is_zero(&id));
}

// ---- uuids ----

static const char *uuid_text(const uint8_t *at) {
    Buffer buffer;
    buffer_init(&buffer, 64);
    uuid_write_text(&buffer, at);
    return take_text(&buffer);
}

static void test_uuid(void **state) {
    (void)state;
    static const char *const FORMS[] = {
        "01977420-dc7b-7024-8068-acf07fabcdef",   "01977420dc7b70248068acf07fabcdef",
        "{01977420-dc7b-7024-8068-acf07fabcdef}", "urn:uuid:01977420-dc7b-7024-8068-acf07fabcdef",
        "01977420-DC7B-7024-8068-ACF07FABCDEF",
    };
    uint8_t bytes[16];
    for (size_t i = 0; i < COUNT_OF(FORMS); i++) {
        memset(bytes, 0, sizeof bytes);
        assert_true(uuid_parse(bytes_of_text(FORMS[i]), bytes));
        assert_bytes_equal(bytes_of(bytes, 16), "efcdab7ff0ac688024707bdc20749701");
        assert_string_equal(uuid_text(bytes), FORMS[0]);
    }
    static const char *const WRONG[] = {
        "",
        "01977420-dc7b-7024-8068-acf07fabcde",
        "01977420-dc7b-7024-8068-acf07fabcdeff",
        "01977420-dc7b-7024-8068-acf07fabcdeg",
        "01977420_dc7b-7024-8068-acf07fabcdef",
        "0197742-0dc7b-7024-8068-acf07fabcdef",
        "{01977420-dc7b-7024-8068-acf07fabcdef",
        "{01977420dc7b70248068acf07fabcdef}",
        "URN:UUID:01977420-dc7b-7024-8068-acf07fabcdef",
        "urn:uuid:01977420dc7b70248068acf07fabcdef",
        "01977420dc7b70248068acf07fabcde-",
    };
    for (size_t i = 0; i < COUNT_OF(WRONG); i++)
        assert_false(uuid_parse(bytes_of_text(WRONG[i]), bytes));
    assert_bytes_equal(bytes_of(bytes, 16),
                       "efcdab7ff0ac688024707bdc20749701");  // written only on success
    memset(bytes, 0xff, sizeof bytes);
    assert_string_equal(uuid_text(bytes), "ffffffff-ffff-ffff-ffff-ffffffffffff");
}

// ---- times ----

static const char *timestamp_text(int64_t micros) {
    Buffer buffer;
    buffer_init(&buffer, 64);
    timestamp_write_text(&buffer, micros);
    return take_text(&buffer);
}

static const char *duration_text(int64_t micros) {
    Buffer buffer;
    buffer_init(&buffer, 64);
    time_duration_write_text(&buffer, micros);
    return take_text(&buffer);
}

static void test_timestamp_text(void **state) {
    (void)state;
    static const struct {
        int64_t micros;
        const char *text;
    } CASES[] = {
        {0, "1970-01-01T00:00:00+00:00"},
        {1, "1970-01-01T00:00:00.000001+00:00"},
        {1000, "1970-01-01T00:00:00.001+00:00"},
        {123456, "1970-01-01T00:00:00.123456+00:00"},
        {-1, "1969-12-31T23:59:59.999999+00:00"},
        {-1000, "1969-12-31T23:59:59.999+00:00"},
        {951782400000000, "2000-02-29T00:00:00+00:00"},
        {1700000000123000, "2023-11-14T22:13:20.123+00:00"},
        {4107542400000000, "2100-03-01T00:00:00+00:00"},
        {253402300799999999, "9999-12-31T23:59:59.999999+00:00"},
        {253402300800000000, "+10000-01-01T00:00:00+00:00"},
        {-62167219200000000, "0000-01-01T00:00:00+00:00"},
        {-62167219200000001, "-0001-12-31T23:59:59.999999+00:00"},
        // The ends of the original's calendar, and what is past them.
        {8210266876799999999, "+262142-12-31T23:59:59.999999+00:00"},
        {8210266876800000000, "8210266876800000000"},
        {-8334601228800000000, "-262143-01-01T00:00:00+00:00"},
        {-8334601228800000001, "-8334601228800000001"},
        {INT64_MAX, "9223372036854775807"},
        {INT64_MIN, "-9223372036854775808"},
    };
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        assert_string_equal(timestamp_text(CASES[i].micros), CASES[i].text);
    }
}

static void test_timestamp_parse(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t micros;
    } CASES[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01t00:00:00z", 0},
        {"1970-01-01 00:00:00+00:00", 0},
        {"1970-01-01T00:00:00.5Z", 500000},
        {"1970-01-01T00:00:00.123456789Z", 123456},
        {"1970-01-01T00:00:00.00000000000000001Z", 0},
        {"1970-01-01T01:00:00+01:00", 0},
        {"1969-12-31T23:30:00-00:30", 0},
        {"1969-12-31T23:59:59.999999Z", -1},
        {"2025-02-10 15:45:30Z", 1739202330000000},
        {"2000-02-29T00:00:00Z", 951782400000000},
        {"0000-01-01T00:00:00Z", -62167219200000000},
        {"9999-12-31T23:59:59.999999Z", 253402300799999999},
        {"2016-12-31T23:59:60Z", 1483228800000000},
        {"1970-01-01T00:00:00+23:59", -86340000000},
    };
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        int64_t micros = -7;
        assert_true(timestamp_parse(bytes_of_text(CASES[i].text), &micros));
        assert_int_equal(micros, CASES[i].micros);
    }
    static const char *const WRONG[] = {
        "",
        "1970-01-01",
        "1970-01-01T00:00:00",
        "1970-01-01T00:00Z",
        "1970-1-01T00:00:00Z",
        "70-01-01T00:00:00Z",
        "1970-13-01T00:00:00Z",
        "1970-00-01T00:00:00Z",
        "1970-01-00T00:00:00Z",
        "1970-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "1970-04-31T00:00:00Z",
        "1970-01-01T24:00:00Z",
        "1970-01-01T00:60:00Z",
        "1970-01-01T00:00:61Z",
        "1970-01-01T00:00:00.Z",
        "1970-01-01T00:00:00+0000",
        "1970-01-01T00:00:00+00",
        "1970-01-01T00:00:00+00:60",
        "1970-01-01T00:00:00+24:00",
        "1970-01-01T00:00:00Zx",
        "1970-01-01_00:00:00Z",
        " 1970-01-01T00:00:00Z",
        "+1970-01-01T00:00:00Z",
        "1970-01-01T00:00:00,5Z",
    };
    for (size_t i = 0; i < COUNT_OF(WRONG); i++) {
        int64_t micros = -7;
        assert_false(timestamp_parse(bytes_of_text(WRONG[i]), &micros));
        assert_int_equal(micros, -7);
    }
}

// Every day for eight centuries, and its text read back.
static void test_calendar(void **state) {
    (void)state;
    const int64_t day_micros = 86400000000;
    for (int64_t day = -146097; day <= 146097; day++) {
        int64_t micros = day * day_micros + 1;
        int64_t again = 0;
        assert_true(timestamp_parse(bytes_of_text(timestamp_text(micros)), &again));
        assert_true(again == micros);
    }
}

static void test_durations(void **state) {
    (void)state;
    assert_string_equal(duration_text(0), "+0.000000");
    assert_string_equal(duration_text(1), "+0.000001");
    assert_string_equal(duration_text(-1), "-0.000001");
    assert_string_equal(duration_text(-1500000), "-1.500000");
    assert_string_equal(duration_text(86400000000), "+86400.000000");
    assert_string_equal(duration_text(INT64_MAX), "+9223372036854.775807");
    assert_string_equal(duration_text(INT64_MIN), "-9223372036854.775808");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identity_derive),
        cmocka_unit_test(test_identity_checksum),
        cmocka_unit_test(test_identity_parse),
        cmocka_unit_test(test_connection_id),
        cmocka_unit_test(test_uuid),
        cmocka_unit_test(test_timestamp_text),
        cmocka_unit_test(test_timestamp_parse),
        cmocka_unit_test(test_calendar),
        cmocka_unit_test(test_durations),
    };
    return cmocka_run_group_tests(tests, test_setup, test_teardown);
}
