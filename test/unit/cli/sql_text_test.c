// sql_text_test.c - goal: answers to SQL become the tables that upstream prints, for every kind of type.
// Method: answers as a server gives them, and the whole text expected.
#include "cli_test.h"

#include "cli/sql_text.h"
#include "cli/text_table.h"

#include <locale.h>

static Buffer text;

static int set_up_text(void **state) {
    buffer_init(&text, 65536);
    return set_up(state);
}

static int tear_down_text(void **state) {
    buffer_done(&text);
    return tear_down(state);
}

static void assert_results(const char *answer, const char *expected) {
    buffer_clear(&text);
    if (sql_write_results(&cli, bytes_of_text(answer), &text) != STATUS_OK) {
        fail_msg("%s", fault_text());
    }
    assert_bytes(buffer_bytes(&text), expected);
}

// One column of this type with one value.
static void assert_value(const char *type, const char *value, const char *expected) {
    const char *answer = cli_text(&cli,
                                  "[{\"schema\":{\"elements\":[{\"name\":{\"some\":\"c\"},"
                                  "\"algebraic_type\":%s}]},\"rows\":[[%s]]}]",
                                  type, value);
    uint32_t width = text_width(bytes_of_text(expected));
    const char *table = cli_text(&cli, " c%*s \n", (int)(width > 0 ? width - 1 : 0), "");
    for (uint32_t i = 0; i < (width > 1 ? width : 1) + 2; i++) table = cli_text(&cli, "%s-", table);
    assert_results(answer, cli_text(&cli, "%s\n %s ", table, expected));
}

static void test_tables(void **state) {
    (void)state;
    assert_results("[{\"schema\":{\"elements\":[{\"name\":{\"some\":\"id\"},\"algebraic_type\":"
                   "{\"U64\":[]}},{\"name\":{\"some\":\"name\"},\"algebraic_type\":{\"String\":[]}}"
                   "]},\"rows\":[[1,\"Alice\"],[22,\"B\"]],\"total_duration_micros\":5}]",
                   " id | name    \n----+---------\n 1  | \"Alice\" \n 22 | \"B\"     ");
    assert_results("[{\"schema\":{\"elements\":[{\"name\":{\"none\":[]},\"algebraic_type\":"
                   "{\"U8\":[]}}]},\"rows\":[]}]",
                   " column 0 \n----------");
    assert_results("[{\"schema\":{\"elements\":[]},\"rows\":[]}]", "");
    assert_results("[]", "");
    assert_results(
        "[{\"schema\":{\"elements\":[]},\"rows\":[]},{\"schema\":{\"elements\":[{\"name\":"
        "{\"some\":\"n\"},\"algebraic_type\":{\"U8\":[]}}]},\"rows\":[[7]]}]",
        "\n\n n \n---\n 7 ");
}

static void test_values(void **state) {
    (void)state;
    assert_value("{\"Bool\":[]}", "true", "true");
    assert_value("{\"U128\":[]}", "340282366920938463463374607431768211455",
                 "340282366920938463463374607431768211455");
    assert_value("{\"I128\":[]}", "-170141183460469231731687303715884105728",
                 "-170141183460469231731687303715884105728");
    assert_value("{\"I64\":[]}", "-9223372036854775808", "-9223372036854775808");
    assert_value("{\"F64\":[]}", "594806.56", "594806.56");
    assert_value("{\"F32\":[]}", "1.0", "1");
    assert_value("{\"String\":[]}", "\"a\\\"b\"", "\"a\"b\"");
    assert_value("{\"Array\":{\"U8\":[]}}", "\"0aff\"", "0x0aff");
    assert_value("{\"Array\":{\"U16\":[]}}", "[1,2,3]", "123");
    assert_value(
        "{\"Product\":{\"elements\":[{\"name\":{\"some\":\"a\"},\"algebraic_type\":{\"U8\":"
        "[]}},{\"name\":{\"none\":[]},\"algebraic_type\":{\"Bool\":[]}}]}}",
        "[1,false]", "(a = 1, col_1 = false)");
    assert_value("{\"Product\":{\"elements\":[]}}", "[]", "()");
    assert_value("{\"Sum\":{\"variants\":[{\"name\":{\"some\":\"active\"},\"algebraic_type\":"
                 "{\"Product\":{\"elements\":[]}}}]}}",
                 "[0,[]]", "(active = ())");
    assert_value("{\"Product\":{\"elements\":[{\"name\":{\"some\":"
                 "\"__timestamp_micros_since_unix_epoch__\"},\"algebraic_type\":{\"I64\":[]}}]}}",
                 "[0]", "1970-01-01T00:00:00+00:00");
    assert_value("{\"Product\":{\"elements\":[{\"name\":{\"some\":\"__identity__\"},"
                 "\"algebraic_type\":{\"U256\":[]}}]}}",
                 "[\"0x00000000000000000000000000000000000000000000000000000000000000ff\"]",
                 "0x00000000000000000000000000000000000000000000000000000000000000ff");
}

static void test_malformed(void **state) {
    (void)state;
    static const char *const ANSWERS[] = {
        "",
        "{}",
        "[1]",
        "[{\"rows\":[]}]",
        "[{\"schema\":{\"elements\":[]}}]",
        "[{\"schema\":{\"elements\":[{\"name\":{\"some\":\"n\"},\"algebraic_type\":{\"U9\":[]}}]},"
        "\"rows\":[]}]",
        "[{\"schema\":{\"elements\":[{\"name\":{\"some\":\"n\"},\"algebraic_type\":{\"U8\":[]}}]},"
        "\"rows\":[[]]}]",
        "[{\"schema\":{\"elements\":[{\"name\":{\"some\":\"n\"},\"algebraic_type\":{\"U8\":[]}}]},"
        "\"rows\":[[256]]}]",
    };
    for (size_t i = 0; i < sizeof ANSWERS / sizeof ANSWERS[0]; i++) {
        assert_int_not_equal(sql_write_results(&cli, bytes_of_text(ANSWERS[i]), &text), STATUS_OK);
        assert_string_equal(fault_text(), "malformed sql response");
    }
}

// n fits, n + 1 does not.
static void test_too_long(void **state) {
    (void)state;
    static const char ANSWER[] = "[{\"schema\":{\"elements\":[{\"name\":{\"some\":\"n\"},"
                                 "\"algebraic_type\":{\"U8\":[]}}]},\"rows\":[]}]";
    for (size_t room = 7; room >= 6; room--) {
        Buffer small;
        buffer_init(&small, room);
        Status status = sql_write_results(&cli, bytes_of_text(ANSWER), &small);
        assert_int_equal(status, room == 7 ? STATUS_OK : STATUS_LIMIT);
        buffer_done(&small);
    }
}

static void test_lines_in_cells(void **state) {
    (void)state;
    TextTable table;
    text_table_init(&table, 2);
    static const char *const CELLS[] = {"a", "b", "1\n22", "x", "\xe6\x97\xa5", "y"};
    for (size_t i = 0; i < 6; i++) text_table_add(&table, bytes_of_text(CELLS[i]));
    text_table_write(&text, &table, TEXT_TABLE_PSQL);
    assert_bytes(buffer_bytes(&text), " a  | b \n----+---\n 1  | x \n 22 |   \n \xe6\x97\xa5 | y ");
    buffer_clear(&text);
    text_table_write(&text, &table, TEXT_TABLE_EMPTY);
    assert_bytes(buffer_bytes(&text), "  a  b \n  1  x \n 22    \n \xe6\x97\xa5  y ");
    text_table_done(&table);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_text, tear_down_text)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_tables),   TEST(test_values),         TEST(test_malformed),
        TEST(test_too_long), TEST(test_lines_in_cells),
    };
    assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
