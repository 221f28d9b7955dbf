// table_schema_test.c - schemas on their own: the backing tables of the golden module's views as an
// unmodified server created them, and copies that outlive their definition.
#include "def_builder.h"

static void test_view_tables(void **state) {
    (void)state;
    Arena arena;
    arena_init(&arena, 8u << 20);
    ModuleDef *def = read_def(read_file(&arena, "test/unit/schema/data/kinds.bsatn"));
    const TableSchema *me = table_schema_of_view(module_def_find_view(def, BYTES_LITERAL("me")),
                                                 &arena);
    assert_name(me->name, "me");
    assert_name(me->accessor, "me");
    assert_int_equal(me->column_count, 5);
    assert_name(me->columns[0].name, "arg_hash");
    assert_null(me->columns[0].accessor.data);
    assert_int_equal(me->columns[0].type->kind, TYPE_U256);
    assert_name(me->columns[1].name, "identity");
    assert_int_equal(me->row_type->field_count, 5);
    assert_int_equal(me->index_count, 1);
    assert_name(me->indexes[0].name, "me_arg_hash_idx_btree");
    assert_null(me->indexes[0].accessor.data);
    assert_int_equal(me->constraint_count, 0);
    assert_int_equal(me->primary_key, COLUMN_NONE);
    const TableSchema *sevens = table_schema_of_view(
        module_def_find_view(def, BYTES_LITERAL("sevens")), &arena);
    assert_int_equal(sevens->index_count, 2);
    assert_name(sevens->indexes[1].name, "sevens_arg_hash_id_idx_btree");
    assert_int_equal(sevens->indexes[1].columns.items[1], 1);
    assert_name(sevens->constraints[0].name, "sevens_arg_hash_id_key");
    assert_true(table_schema_index_is_unique(sevens, &sevens->indexes[1]));
    assert_false(table_schema_index_is_unique(sevens, &sevens->indexes[0]));
    assert_int_equal(sevens->primary_key, COLUMN_NONE);
    module_def_free(def);
    arena_done(&arena);
}

static void assert_copied(Bytes a, Bytes b) {
    assert_true(bytes_equal(a, b));
    assert_int_equal(a.data == NULL, b.data == NULL);
    if (a.data) assert_ptr_not_equal(a.data, b.data);
}

static void test_copy(void **state) {
    (void)state;
    Arena arena, copies;
    arena_init(&arena, 8u << 20);
    arena_init(&copies, 8u << 20);
    ModuleDef *def = read_def(read_file(&arena, "test/unit/schema/data/kinds.bsatn"));
    const TableSchema *copied[8];
    for (uint32_t i = 0; i < 8; i++) {
        const TableSchema *table = &def->tables[i];
        const TableSchema *copy = copied[i] = table_schema_copy(table, &copies);
        assert_copied(table->name, copy->name);
        assert_copied(table->accessor, copy->accessor);
        assert_true(type_equal(table->row_type, copy->row_type));
        assert_int_equal(table->row_type->fixed_bytes, copy->row_type->fixed_bytes);
        for (uint32_t c = 0; c < table->column_count; c++) {
            assert_copied(table->columns[c].name, copy->columns[c].name);
            assert_copied(table->columns[c].default_value, copy->columns[c].default_value);
            assert_int_equal(table->columns[c].type->special, copy->columns[c].type->special);
            assert_int_equal(table->columns[c].type->is_plain, copy->columns[c].type->is_plain);
        }
        for (uint32_t k = 0; k < table->index_count; k++) {
            assert_copied(table->indexes[k].name, copy->indexes[k].name);
            assert_copied(table->indexes[k].codegen_name, copy->indexes[k].codegen_name);
        }
        assert_copied(table->schedule.function, copy->schedule.function);
        assert_int_equal(table->primary_key, copy->primary_key);
    }
    module_def_free(def);
    // With a sanitizer, whatever still points into the definition shows here.
    assert_name(copied[7]->schedule.function, "tick");
    assert_name(copied[1]->columns[22].type->fields[0].name, "dot");
    arena_done(&copies);
    arena_done(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_view_tables),
        cmocka_unit_test(test_copy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
