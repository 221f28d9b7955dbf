// filter.c - from expressions to tests, and the loop over tests.
//
// Each test looks at one or two columns and says which test comes next, so AND and OR cost nothing
// but jumps and stop as early as they can. Tests are made from the last one to the first, as each
// needs to know its successors. "Not equal", "at most" and "at least" are "equal", "greater" and
// "less" with the successors exchanged, which is right for floats too: their order is total here.

#include "query/filter.h"

#include "base/vec.h"

typedef enum TestKind {
    TEST_EQUAL,          // an integer of up to 8 bytes equals the immediate
    TEST_LESS,           // is less
    TEST_GREATER,        // is greater
    TEST_EQUAL_BYTES,    // fixed bytes equal the constant
    TEST_EQUAL_COUNTED,  // a string or byte array equals the constant
    TEST_CONSTANT,       // any comparison of a column with a constant
    TEST_COLUMNS,        // any comparison of two columns
    TEST_PROGRAMS,       // any comparison of two conditions
} TestKind;

struct Test {
    TestKind kind;
    QueryCompare compare;  // TEST_CONSTANT ... TEST_PROGRAMS: QUERY_EQ, QUERY_LT or QUERY_GT
    uint32_t on_true;
    uint32_t on_false;
    ColumnPath column;
    union {
        struct {
            uint64_t immediate;
            uint64_t
                flip;  // turns the sign bit over, so that signed integers compare as unsigned ones
            uint32_t bytes;
        };
        Bytes constant;
        ColumnPath other;
        struct {
            const Program *left;
            const Program *right;
        };
    };
};

VEC(TestVec, test_vec, Test)

typedef struct Compiler {
    TestVec tests;
    const Type *const *row_types;
    Arena *arena;
} Compiler;

static uint32_t compile_expr(Compiler *compiler, const QueryExpr *expr, uint32_t on_true,
                             uint32_t on_false);
static uint32_t compile_compare(Compiler *compiler, const QueryExpr *expr, uint32_t on_true,
                                uint32_t on_false);
static uint32_t compile_constant(Compiler *compiler, Test test, const QueryExpr *column,
                                 const QueryExpr *constant);
static uint32_t compile_programs(Compiler *compiler, Test test, const QueryExpr *expr);
static uint32_t compile_bool_column(Compiler *compiler, const QueryExpr *expr, uint32_t on_true,
                                    uint32_t on_false);
static const Program *compile_program(Compiler *compiler, const QueryExpr *expr);
static const Type *type_inner(const Type *type);
static uint32_t compiler_add(Compiler *compiler, Test test);
static ColumnPath compiler_path(const Compiler *compiler, const QueryExpr *column);
static bool test_holds(const Test *test, const uint8_t *const *rows);
static bool compare_holds(QueryCompare compare, int order);
static uint64_t load_immediate(const uint8_t *at, uint32_t bytes);

ColumnPath column_path(const Type *row_type, QueryColumn column) {
    ASSERT(row_type->kind == TYPE_PRODUCT);
    ASSERT(column.column < row_type->field_count);
    const TypeField *fields = row_type->fields;
    ColumnPath path = {.type = fields[column.column].type, .relation = column.relation};
    uint16_t at = 0;
    while (at < column.column && fields[at].type->fixed_bytes != TYPE_BYTES_VARIABLE) {
        path.offset += fields[at++].type->fixed_bytes;
    }
    path.walk = &fields[at];
    path.walk_count = (uint16_t)(column.column - at);
    return path;
}

// ---- compiling ----

Program program_compile(const QueryExpr *const *conjuncts, uint32_t count,
                        const Type *const *row_types, Arena *arena) {
    Compiler compiler = {.row_types = row_types, .arena = arena};
    uint32_t entry = PROGRAM_ACCEPT;
    for (uint32_t i = count; i > 0; i--)
        entry = compile_expr(&compiler, conjuncts[i - 1], entry, PROGRAM_REJECT);
    Program program = {.count = compiler.tests.count, .entry = entry};
    if (program.count > 0) {
        Test *tests = ARENA_ARRAY(arena, Test, program.count);
        memcpy(tests, compiler.tests.items, program.count * sizeof *tests);
        program.tests = tests;
    }
    test_vec_done(&compiler.tests);
    return program;
}

// Adds the tests of a condition; returns where it begins.
static uint32_t compile_expr(Compiler *compiler, const QueryExpr *expr, uint32_t on_true,
                             uint32_t on_false) {
    uint32_t entry;
    switch (expr->kind) {
    case QUERY_EXPR_CONSTANT:
        ASSERT(expr->type->kind == TYPE_BOOL && expr->constant.count == 1);
        return expr->constant.data[0] != 0 ? on_true : on_false;
    case QUERY_EXPR_COLUMN: return compile_bool_column(compiler, expr, on_true, on_false);
    case QUERY_EXPR_COMPARE: return compile_compare(compiler, expr, on_true, on_false);
    case QUERY_EXPR_AND:
        entry = on_true;
        for (uint32_t i = expr->item_count; i > 0; i--) {
            entry = compile_expr(compiler, expr->items[i - 1], entry, on_false);
        }
        return entry;
    case QUERY_EXPR_OR:
        entry = on_false;
        for (uint32_t i = expr->item_count; i > 0; i--) {
            entry = compile_expr(compiler, expr->items[i - 1], on_true, entry);
        }
        return entry;
    }
    UNREACHABLE();
}

static uint32_t compile_bool_column(Compiler *compiler, const QueryExpr *expr, uint32_t on_true,
                                    uint32_t on_false) {
    ASSERT(expr->type->kind == TYPE_BOOL);
    Test test = {.kind = TEST_EQUAL, .on_true = on_true, .on_false = on_false};
    test.column = compiler_path(compiler, expr);
    test.immediate = 1;
    test.bytes = 1;
    return compiler_add(compiler, test);
}

// The comparison that holds with the operands exchanged.
static QueryCompare compare_mirrored(QueryCompare compare) {
    static const QueryCompare MIRRORED[] = {
        [QUERY_EQ] = QUERY_EQ, [QUERY_NE] = QUERY_NE, [QUERY_LT] = QUERY_GT,
        [QUERY_LE] = QUERY_GE, [QUERY_GT] = QUERY_LT, [QUERY_GE] = QUERY_LE,
    };
    return MIRRORED[compare];
}

// The comparison that holds exactly when this one does not.
static QueryCompare compare_negated(QueryCompare compare) {
    static const QueryCompare NEGATED[] = {
        [QUERY_EQ] = QUERY_NE, [QUERY_NE] = QUERY_EQ, [QUERY_LT] = QUERY_GE,
        [QUERY_LE] = QUERY_GT, [QUERY_GT] = QUERY_LE, [QUERY_GE] = QUERY_LT,
    };
    return NEGATED[compare];
}

static uint32_t compile_compare(Compiler *compiler, const QueryExpr *expr, uint32_t on_true,
                                uint32_t on_false) {
    const QueryExpr *left = expr->left, *right = expr->right;
    Test test = {.compare = expr->compare, .on_true = on_true, .on_false = on_false};
    if (left->kind == QUERY_EXPR_CONSTANT && right->kind == QUERY_EXPR_CONSTANT) {
        int order = value_compare(left->type, left->constant.data, right->constant.data);
        return compare_holds(expr->compare, order) ? on_true : on_false;
    }
    if (left->kind == QUERY_EXPR_CONSTANT) {
        const QueryExpr *swapped = left;
        left = right;
        right = swapped;
        test.compare = compare_mirrored(test.compare);
    }
    bool is_negated = test.compare == QUERY_NE || test.compare == QUERY_LE ||
                      test.compare == QUERY_GE;
    if (is_negated) {
        test.compare = compare_negated(test.compare);
        test.on_true = on_false;
        test.on_false = on_true;
    }
    if (left->kind == QUERY_EXPR_COLUMN && right->kind == QUERY_EXPR_CONSTANT) {
        return compile_constant(compiler, test, left, right);
    }
    if (left->kind == QUERY_EXPR_COLUMN && right->kind == QUERY_EXPR_COLUMN) {
        test.kind = TEST_COLUMNS;
        test.column = compiler_path(compiler, left);
        test.other = compiler_path(compiler, right);
        return compiler_add(compiler, test);
    }
    QueryExpr sides = *expr;
    sides.left = left;
    sides.right = right;
    return compile_programs(compiler, test, &sides);
}

static bool type_is_signed(const Type *type) {
    return type->kind == TYPE_I8 || type->kind == TYPE_I16 || type->kind == TYPE_I32 ||
           type->kind == TYPE_I64;
}

static uint32_t compile_constant(Compiler *compiler, Test test, const QueryExpr *column,
                                 const QueryExpr *constant) {
    const Type *type = type_inner(column->type);
    test.column = compiler_path(compiler, column);
    bool is_integer = type->kind == TYPE_BOOL || type_is_integer(type);
    bool is_counted = type->kind == TYPE_STRING || type_is_bytes(type);
    if (is_integer && type->fixed_bytes <= sizeof(uint64_t)) {
        ASSERT(constant->constant.count == type->fixed_bytes);
        test.kind = test.compare == QUERY_EQ   ? TEST_EQUAL
                    : test.compare == QUERY_LT ? TEST_LESS
                                               : TEST_GREATER;
        test.bytes = type->fixed_bytes;
        test.flip = type_is_signed(type) ? 1ull << (test.bytes * 8 - 1) : 0;
        test.immediate = load_immediate(constant->constant.data, test.bytes) ^ test.flip;
        return compiler_add(compiler, test);
    }
    test.kind = TEST_CONSTANT;
    if (test.compare == QUERY_EQ && is_integer) test.kind = TEST_EQUAL_BYTES;
    if (test.compare == QUERY_EQ && is_counted) test.kind = TEST_EQUAL_COUNTED;
    test.constant = arena_copy(compiler->arena, constant->constant);
    return compiler_add(compiler, test);
}

// A comparison in which one side is itself a condition, as in (a = 1) = (b = 2).
static uint32_t compile_programs(Compiler *compiler, Test test, const QueryExpr *expr) {
    test.kind = TEST_PROGRAMS;
    test.left = compile_program(compiler, expr->left);
    test.right = compile_program(compiler, expr->right);
    return compiler_add(compiler, test);
}

static const Program *compile_program(Compiler *compiler, const QueryExpr *expr) {
    ASSERT(expr->type->kind == TYPE_BOOL);
    Program *program = ARENA_NEW(compiler->arena, Program);
    *program = program_compile(&expr, 1, compiler->row_types, compiler->arena);
    return program;
}

// Identities, timestamps and the like are products of one integer: the same bytes.
static const Type *type_inner(const Type *type) {
    while (type->kind == TYPE_PRODUCT && type->field_count == 1) type = type->fields[0].type;
    return type;
}

static uint32_t compiler_add(Compiler *compiler, Test test) {
    if (test.on_true == test.on_false) return test.on_true;
    ASSERT(compiler->tests.count < PROGRAM_ACCEPT - 1);
    test_vec_push(&compiler->tests, test);
    return compiler->tests.count - 1;
}

static ColumnPath compiler_path(const Compiler *compiler, const QueryExpr *column) {
    ASSERT(column->kind == QUERY_EXPR_COLUMN);
    return column_path(compiler->row_types[column->column.relation], column->column);
}

// ---- evaluating ----

bool program_run(const Program *program, const uint8_t *const *rows) {
    uint32_t at = program->entry;
    while (at < program->count) {
        const Test *test = &program->tests[at];
        uint32_t next = test_holds(test, rows) ? test->on_true : test->on_false;
        ASSERT(next < at || next >= PROGRAM_ACCEPT);  // jumps go back, so it ends
        at = next;
    }
    ASSERT(at == PROGRAM_ACCEPT || at == PROGRAM_REJECT);
    return at == PROGRAM_ACCEPT;
}

static bool test_holds(const Test *test, const uint8_t *const *rows) {
    if (test->kind == TEST_PROGRAMS) {
        int order = (int)program_holds(test->left, rows) - (int)program_holds(test->right, rows);
        return compare_holds(test->compare, order);
    }
    const uint8_t *at = column_at(&test->column, rows[test->column.relation]);
    switch (test->kind) {
    case TEST_EQUAL: return (load_immediate(at, test->bytes) ^ test->flip) == test->immediate;
    case TEST_LESS: return (load_immediate(at, test->bytes) ^ test->flip) < test->immediate;
    case TEST_GREATER: return (load_immediate(at, test->bytes) ^ test->flip) > test->immediate;
    case TEST_EQUAL_BYTES: return memcmp(at, test->constant.data, test->constant.count) == 0;
    case TEST_EQUAL_COUNTED:
        return load_u32le(at) == load_u32le(test->constant.data) &&
               memcmp(at, test->constant.data, test->constant.count) == 0;
    case TEST_CONSTANT:
        return compare_holds(test->compare,
                             value_compare(test->column.type, at, test->constant.data));
    case TEST_COLUMNS: {
        const uint8_t *other = column_at(&test->other, rows[test->other.relation]);
        return compare_holds(test->compare, value_compare(test->column.type, at, other));
    }
    case TEST_PROGRAMS: break;
    }
    UNREACHABLE();
}

static bool compare_holds(QueryCompare compare, int order) {
    switch (compare) {
    case QUERY_EQ: return order == 0;
    case QUERY_NE: return order != 0;
    case QUERY_LT: return order < 0;
    case QUERY_LE: return order <= 0;
    case QUERY_GT: return order > 0;
    case QUERY_GE: return order >= 0;
    }
    UNREACHABLE();
}

static uint64_t load_immediate(const uint8_t *at, uint32_t bytes) {
    switch (bytes) {
    case 1: return *at;
    case 2: return load_u16le(at);
    case 4: return load_u32le(at);
    default: return load_u64le(at);
    }
}
