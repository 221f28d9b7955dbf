// row_list_test.c - the examples and the canonical choice of websocket.md 4, and the limits of a list.

#include "fixture.h"

#include "sync/row_list.h"

static void add(RowList *list, const char *hex) {
    uint8_t row[64];
    uint32_t count = (uint32_t)strlen(hex) / 2;
    assert_true(hex_decode(bytes_of_text(hex), row, count));
    assert_true(row_list_add(list, bytes_of(row, count)));
}

// The list of these rows, written.
static void expect(const char *const *rows, const char *hex) {
    RowList list;
    Buffer message;
    row_list_init(&list, 1u << 20);
    buffer_init(&message, 1u << 20);
    // Twice: a list is used again.
    for (uint32_t round = 0; round < 2; round++) {
        row_list_clear(&list);
        buffer_clear(&message);
        uint64_t count = 0;
        for (; rows[count]; count++) add(&list, rows[count]);
        assert_int_equal(list.count, count);
        row_list_write(&list, &message);
        assert_hex(buffer_bytes(&message), hex);
        for (uint64_t i = 0; i < count; i++) assert_hex(row_list_row(&list, i), rows[i]);
    }
    row_list_done(&list);
    buffer_done(&message);
}

static void test_examples(void **state) {
    (void)state;
    expect((const char *[]){NULL}, "01 00 00 00 00  00 00 00 00");
    expect((const char *[]){"01000000", "02000000", NULL},
           "00 04 00  08 00 00 00  01 00 00 00 02 00 00 00");
    expect((const char *[]){"0100000003000000416461", "02000000050000004772616365", NULL},
           "01 02 00 00 00  00 00 00 00 00 00 00 00  0b 00 00 00 00 00 00 00"
           "18 00 00 00  01 00 00 00 03 00 00 00 41 64 61  02 00 00 00 05 00 00 00 47 72 61 63 65");
    expect((const char *[]){"0100000003000000416461", "0200000003000000426f62", NULL},
           "00 0b 00  16 00 00 00  01 00 00 00 03 00 00 00 41 64 61  02 00 00 00 03 00 00 00 42 6f "
           "62");
    expect((const char *[]){"", "", NULL},
           "01 02 00 00 00  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  00 00 00 00");
}

// Sizes that differ late, first or not, and by an empty row.
static void test_offsets(void **state) {
    (void)state;
    expect((const char *[]){"aa", "bb", "cc", "dddd", "ee", NULL},
           "01 05000000 0000000000000000 0100000000000000 0200000000000000 0300000000000000"
           "0500000000000000 06000000 aabbccddddee");
    expect((const char *[]){"", "aa", NULL},
           "01 02000000 0000000000000000 0000000000000000 01000000 aa");
    expect((const char *[]){"aa", "", NULL},
           "01 02000000 0000000000000000 0100000000000000 01000000 aa");
    expect((const char *[]){"aa", NULL}, "00 0100 01000000 aa");
}

// 65535 bytes fit the hint, 65536 do not.
static void test_large_rows(void **state) {
    (void)state;
    uint8_t *row = calloc(1, 65536);
    for (uint32_t size = 65535; size <= 65536; size++) {
        RowList list;
        Buffer message;
        row_list_init(&list, 1u << 20);
        buffer_init(&message, 1u << 20);
        assert_true(row_list_add(&list, bytes_of(row, size)));
        assert_true(row_list_add(&list, bytes_of(row, size)));
        row_list_write(&list, &message);
        assert_hex(bytes_slice(buffer_bytes(&message), 0, size == 65535 ? 3 : 21),
                   size == 65535 ? "00ffff" : "01 02000000 0000000000000000 0000010000000000");
        row_list_done(&list);
        buffer_done(&message);
    }
    free(row);
}

static void test_limits(void **state) {
    (void)state;
    static const uint8_t ROW[64] = {0};
    RowList list;
    row_list_init(&list, 64);
    // By bytes.
    assert_true(row_list_add(&list, bytes_of(ROW, 40)));
    assert_true(row_list_add(&list, bytes_of(ROW, 24)));
    assert_false(list.is_full);
    assert_false(row_list_add(&list, bytes_of(ROW, 1)));
    assert_true(list.is_full);
    assert_false(row_list_add(&list, bytes_of(ROW, 0)));  // it stays full
    row_list_clear(&list);
    // By number: eight bytes each, even where a row has none.
    for (uint32_t i = 0; i < 8; i++) assert_true(row_list_add(&list, BYTES_NONE));
    assert_false(row_list_add(&list, BYTES_NONE));
    row_list_done(&list);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_offsets),
        cmocka_unit_test(test_large_rows),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
