// names_test.c - case conversion, identifiers and database names, by the tables of sats.md 10.1, 12.3
// and http-api.md 4.1.
#include "def_builder.h"

typedef struct NameCase {
    const char *source, *snake, *camel, *pascal;
} NameCase;

static void assert_written(void (*write)(Buffer *, Bytes), const char *source, const char *wanted) {
    Buffer buffer;
    buffer_init(&buffer, 256);
    write(&buffer, bytes_of_text(source));
    assert_name(buffer_bytes(&buffer), wanted);
    buffer_done(&buffer);
}

static void test_conversion(void **state) {
    (void)state;
    static const NameCase CASES[] = {
        {"player1", "player_1", "player1", "Player1"},
        {"Player1Id", "player_1_id", "player1Id", "Player1Id"},
        {"u8", "u_8", "u8", "U8"},
        {"XMLHttpRequest", "xml_http_request", "xmlHttpRequest", "XmlHttpRequest"},
        {"HTTPServer", "http_server", "httpServer", "HttpServer"},
        {"userID", "user_id", "userId", "UserId"},
        {"IDs", "i_ds", "iDs", "IDs"},
        {"Vec3D", "vec_3_d", "vec3D", "Vec3D"},
        {"user2fa", "user_2_fa", "user2Fa", "User2Fa"},
        {"_private", "private", "private", "Private"},
        {"type_", "type", "type", "Type"},
        {"__x__", "x", "x", "X"},
        {"a__b", "a_b", "aB", "AB"},
        {"BannedUntil", "banned_until", "bannedUntil", "BannedUntil"},
        {"iPhone", "i_phone", "iPhone", "IPhone"},
        {"ABc", "a_bc", "aBc", "ABc"},
        {"pos_x_y", "pos_x_y", "posXY", "PosXY"},
        {"PosXY", "pos_xy", "posXy", "PosXy"},
        {"a-b c", "a_b_c", "aBC", "ABC"},
        {"", "", "", ""},
        {"_", "", "", ""},
        {"_3d", "3_d", "3D", "3D"},
        // Beyond ASCII: letters with and without case.
        {"ÄpfelÖl", "äpfel_öl", "äpfelÖl", "ÄpfelÖl"},
        {"ДомМир2", "дом_мир_2", "домМир2", "ДомМир2"},
        {"名前Id", "名前id", "名前id", "名前id"},
        {"名前", "名前", "名前", "名前"},
        {"𐐀𐐁𐐨", "𐐨_𐐩𐐨", "𐐨𐐁𐐨", "𐐀𐐁𐐨"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        assert_written(name_write_snake, CASES[i].source, CASES[i].snake);
        assert_written(name_write_camel, CASES[i].source, CASES[i].camel);
        assert_written(name_write_pascal, CASES[i].source, CASES[i].pascal);
    }
}

static void test_identifiers(void **state) {
    (void)state;
    static const char *const FINE[] = {"a", "_", "_1", "Z9_", "select", "größe", "名前", "x́", "ª"};
    for (size_t i = 0; i < sizeof FINE / sizeof FINE[0]; i++) {
        Error error;
        assert_int_equal(identifier_check(bytes_of_text(FINE[i]), &error), STATUS_OK);
    }
    static const char *const BAD[][2] = {
        {"", "Empty identifiers are forbidden."},
        {"1a",
         "Identifier `1a`'s starting character '1' is neither an underscore ('_') nor a Unicode "
         "XID_start character (according to Unicode Standard Annex 31, "
         "https://www.unicode.org/reports/tr31/) and cannot be used for entities in a module."},
        {"a-b",
         "Identifier `a-b` contains a character '-' that is not an XID_continue character "
         "(according to Unicode Standard Annex 31, https://www.unicode.org/reports/tr31/) and "
         "cannot be used for entities in a module."},
        {"ж→",
         "Identifier `ж→` contains a character '→' that is not an XID_continue character "
         "(according to Unicode Standard Annex 31, https://www.unicode.org/reports/tr31/) and "
         "cannot be used for entities in a module."},
        {"́x",
         "Identifier `́x`'s starting character '́' is neither an underscore ('_') nor a Unicode "
         "XID_start character (according to Unicode Standard Annex 31, "
         "https://www.unicode.org/reports/tr31/) and cannot be used for entities in a module."},
    };
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        Error error;
        assert_int_equal(identifier_check(bytes_of_text(BAD[i][0]), &error), STATUS_INVALID);
        assert_string_equal(error.text, BAD[i][1]);
    }
    Error error;
    assert_int_equal(identifier_check(BYTES_LITERAL("a.b"), &error), STATUS_INVALID);
    assert_int_equal(identifier_check(BYTES_LITERAL("a b"), &error), STATUS_INVALID);
    assert_int_equal(identifier_check(BYTES_LITERAL("a\0b"), &error), STATUS_INVALID);
}

static void test_database_names(void **state) {
    (void)state;
    static const char *const FINE[] = {"a", "0", "quick-start", "a-b-c", "123"};
    for (size_t i = 0; i < sizeof FINE / sizeof FINE[0]; i++) {
        Error error;
        assert_int_equal(database_name_check(bytes_of_text(FINE[i]), &error), STATUS_OK);
    }
    static const char *const BAD[][2] = {
        {"c200000000000000000000000000000000000000000000000000000000000001",
         "database names cannot be identities"},
        {"0xc200000000000000000000000000000000000000000000000000000000000001",
         "database names cannot be identities"},
        {"", "database names cannot be empty"},
        {"-a", "invalid hyphen in database name"},
        {"a-", "invalid hyphen in database name"},
        {"a--b", "invalid hyphen in database name"},
        {"a-B", "invalid hyphen in database name"},
        {"-", "invalid hyphen in database name"},
        {"A", "invalid characters in database name"},
        {"a_b", "invalid characters in database name"},
        {"a/b", "invalid characters in database name"},
        {"ä", "invalid characters in database name"},
    };
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        Error error;
        assert_int_equal(database_name_check(bytes_of_text(BAD[i][0]), &error), STATUS_INVALID);
        assert_string_equal(error.text, BAD[i][1]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conversion),
        cmocka_unit_test(test_identifiers),
        cmocka_unit_test(test_database_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
