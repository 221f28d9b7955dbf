// migrate_types.c - may a column's type become another one without touching its rows? (http-api.md
// 8.2)
#include "schema/migrate.h"

typedef struct TypeComparison {
    MigrationErrors *errors;
    Bytes table, column;
} TypeComparison;

typedef enum Depth { AT_TOP, WITHIN } Depth;

static TypeChange compare(const TypeComparison *comparison, Depth depth, const Type *from,
                          const Type *to);
static TypeChange compare_sums(const TypeComparison *comparison, Depth depth, const Type *from,
                               const Type *to);
static TypeChange compare_products(const TypeComparison *comparison, Depth depth, const Type *from,
                                   const Type *to);
static TypeChange compare_fields(const TypeComparison *comparison, Depth depth, const Type *from,
                                 const Type *to);
static TypeChange refuse(const TypeComparison *comparison, Depth depth, const Type *from,
                         const Type *to, const char *why);
static TypeChange worse(TypeChange a, TypeChange b);
static bool names_equal(Bytes a, Bytes b);

TypeChange migration_compare_types(MigrationErrors *errors, Bytes table, const ColumnSchema *from,
                                   const ColumnSchema *to) {
    TypeComparison comparison = {errors, table, from->name};
    return compare(&comparison, AT_TOP, from->type, to->type);
}

static TypeChange compare(const TypeComparison *comparison, Depth depth, const Type *from,
                          const Type *to) {
    if (from->kind == TYPE_SUM && to->kind == TYPE_SUM)
        return compare_sums(comparison, depth, from, to);
    if (from->kind == TYPE_PRODUCT && to->kind == TYPE_PRODUCT)
        return compare_products(comparison, depth, from, to);
    if (from->kind == TYPE_ARRAY && to->kind == TYPE_ARRAY) {
        return compare(comparison, WITHIN, from->element, to->element);
    }
    if (type_equal(from, to)) return TYPE_UNCHANGED;
    return refuse(comparison, depth, from, to, " requires a manual migration");
}

// The old variants are the first of the new ones, and the row layout stays.
static TypeChange compare_sums(const TypeComparison *comparison, Depth depth, const Type *from,
                               const Type *to) {
    TypeChange change = TYPE_UNCHANGED;
    if (from->field_count < to->field_count) change = TYPE_UPGRADED;
    if (from->field_count > to->field_count) {
        change = refuse(comparison, depth, from, to,
                        ", with fewer variants, requires a manual migration");
    }
    change = worse(change, compare_fields(comparison, depth, from, to));
    uint32_t from_size = 0, from_align = 0, to_size = 0, to_align = 0;
    type_layout(from, &from_size, &from_align);
    type_layout(to, &to_size, &to_align);
    if (from_size != to_size) {
        change = refuse(comparison, depth, from, to,
                        ", requires a manual migration, due to size mismatch");
    }
    if (from_align != to_align) {
        change = refuse(comparison, depth, from, to,
                        ", requires a manual migration, due to alignment mismatch");
    }
    return change;
}

static TypeChange compare_products(const TypeComparison *comparison, Depth depth, const Type *from,
                                   const Type *to) {
    TypeChange change = TYPE_UNCHANGED;
    if (from->field_count != to->field_count) {
        change = refuse(comparison, depth, from, to,
                        ", with fewer fields, requires a manual migration");
    }
    return worse(change, compare_fields(comparison, depth, from, to));
}

// Those that both have. The text about a renamed variant is the same at every depth, as upstream
// has it.
static TypeChange compare_fields(const TypeComparison *comparison, Depth depth, const Type *from,
                                 const Type *to) {
    TypeChange change = TYPE_UNCHANGED;
    for (uint32_t i = 0; i < from->field_count && i < to->field_count; i++) {
        change = worse(change,
                       compare(comparison, WITHIN, from->fields[i].type, to->fields[i].type));
        if (names_equal(from->fields[i].name, to->fields[i].name)) continue;
        if (from->kind == TYPE_SUM) {
            change = refuse(comparison, AT_TOP, from, to,
                            ", with a renamed variant, requires a manual migration");
        } else {
            change = refuse(comparison, depth, from, to,
                            ", with a renamed field, requires a manual migration");
        }
    }
    return change;
}

static TypeChange refuse(const TypeComparison *comparison, Depth depth, const Type *from,
                         const Type *to, const char *why) {
    Buffer *text = migration_errors_add(comparison->errors);
    buffer_append_format(text, "Changing %s column %.*s in table %.*s from ",
                         depth == WITHIN ? "a type within" : "the type of",
                         BYTES_FORMAT(comparison->column), BYTES_FORMAT(comparison->table));
    type_write_text(text, from);
    buffer_append_text(text, " to ");
    type_write_text(text, to);
    buffer_append_format(text, "%s\n\n", why);
    return TYPE_REFUSED;
}

static TypeChange worse(TypeChange a, TypeChange b) {
    return a > b ? a : b;
}

static bool names_equal(Bytes a, Bytes b) {
    return (a.data == NULL) == (b.data == NULL) && bytes_equal(a, b);
}
