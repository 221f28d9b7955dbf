// describe.c - tells the host what the module consists of: a RawModuleDef V10.
//
// The declarations left one object each in the linker's lists. Named types are collected first, in
// the order in which tables and reducers mention them; their positions in that order are what
// references carry. A declaration in a header that several sources include comes in one copy per
// source: the first of a name counts.
#include "call.h"
#include "memory.h"

#define NAME_BYTES_MAX 512u
// Those that every module has, be they empty.
#define SECTIONS_ALWAYS 7u

#define STDB_LIST(Type, name)                                             \
    extern const Type *const __start_stdb_##name[] __attribute__((weak)); \
    extern const Type *const __stop_stdb_##name[] __attribute__((weak));
STDB_LIST(StdbTable, tables)
STDB_LIST(StdbIndex, indexes)
STDB_LIST(StdbDefault, defaults)
STDB_LIST(StdbReducer, reducers)
STDB_LIST(StdbSchedule, schedules)
STDB_LIST(StdbCasePolicy, case_policy)
STDB_LIST(StdbProcedure, procedures)
STDB_LIST(StdbView, views)
STDB_LIST(StdbViewKey, view_keys)
STDB_LIST(StdbVisibility, visibilities)
STDB_LIST(StdbHttpHandler, handlers)
STDB_LIST(StdbHttpRoute, routes)
STDB_LIST(StdbEnvironment, environment)
#define STDB_LIST_COUNT(name) ((uint32_t)(__stop_stdb_##name - __start_stdb_##name))

enum {
    SECTION_TYPESPACE = 0,
    SECTION_TYPES = 1,
    SECTION_TABLES = 2,
    SECTION_REDUCERS = 3,
    SECTION_PROCEDURES = 4,
    SECTION_VIEWS = 5,
    SECTION_SCHEDULES = 6,
    SECTION_LIFECYCLE = 7,
    SECTION_VISIBILITIES = 8,
    SECTION_CASE_POLICY = 9,
    SECTION_HANDLERS = 11,
    SECTION_ROUTES = 12,
    SECTION_VIEW_KEYS = 13,
    SECTION_ENVIRONMENT = 15,

    MODULE_DEF_V10 = 2,
    TAG_REF = 0,
    TAG_SUM = 1,
    TAG_PRODUCT = 2,
    OPTION_SOME = 0,
    OPTION_NONE = 1,
    PRIVATE = 0,
    CLIENT_CALLABLE = 1,
    TABLE_USER = 1,
    ROUTE_ANY = 0,
    ROUTE_METHOD = 1,
    VALUE_ANY = 0,
    VALUE_ONE_OF = 2,
};

// A named type and its number.
typedef struct Named {
    const StdbType *type;
    struct Named *next;
} Named;

// Bytes to be sent, in borrowed memory: nothing may allocate while they grow.
typedef struct Out {
    uint8_t *data;
    uint32_t count;
} Out;

static Named *named_first;
static StdbBytes *default_values;  // of each entry in the list of defaults

static void check_names(void);
static void check_functions(void);
static const char *function_name(uint32_t at);
static void collect_types(void);
static void collect_fields(const StdbField *fields);
static void collect(const StdbType *type);
static void collect_defaults(void);
static uint32_t type_number(const StdbType *type);
static bool is_repeated_table(uint32_t at);
static bool is_repeated_index(uint32_t at);
static bool is_repeated_schedule(uint32_t at);
static bool is_repeated_default(uint32_t at);
static bool is_of_table(const StdbTable *left, const StdbTable *right);
static uint32_t out_later(Out *out);
static void out_count_at(Out *out, uint32_t at, uint32_t count);
static void out_bytes(Out *out, const void *bytes, uint32_t count);
static void out_u8(Out *out, uint32_t value);
static void out_u16(Out *out, uint32_t value);
static void out_u32(Out *out, uint32_t value);
static void out_text(Out *out, const char *text);
static void out_some_text(Out *out, const char *text);
static void out_fields(Out *out, const StdbField *fields);
static void out_type(Out *out, const StdbType *type);
static void out_typespace(Out *out);
static void out_types(Out *out);
static void out_tables(Out *out);
static void out_table(Out *out, const StdbTable *table);
static void out_primary_key(Out *out, const StdbTable *table);
static void out_columns(Out *out, const StdbIndex *index);
static void out_indexes(Out *out, const StdbTable *table);
static void out_constraints(Out *out, const StdbTable *table);
static void out_sequences(Out *out, const StdbTable *table);
static void out_defaults(Out *out, const StdbTable *table);
static void out_reducers(Out *out);
static bool is_scheduled(const StdbReducer *reducer, const StdbProcedure *procedure);
static void out_procedures(Out *out);
static void out_views(Out *out);
static void out_view_keys(Out *out);
static void out_visibilities(Out *out);
static void out_handlers(Out *out);
static void out_routes(Out *out);
static void out_environment(Out *out);
static void out_schedules(Out *out);
static void out_lifecycle(Out *out);
static void out_case_policy(Out *out);

__attribute__((export_name("__describe_module__"))) void stdb_export_describe_module(uint32_t sink);

void stdb_export_describe_module(uint32_t sink) {
    CallFrame frame = call_begin();
    check_names();
    check_functions();
    collect_types();
    collect_defaults();
    Out out = {memory_borrow(1), 0};
    out_u8(&out, MODULE_DEF_V10);
    uint32_t sections = out_later(&out);
    out_typespace(&out);
    out_types(&out);
    out_tables(&out);
    out_reducers(&out);
    out_schedules(&out);
    out_lifecycle(&out);
    out_case_policy(&out);
    const struct {
        uint32_t count;
        void (*write)(Out *out);
    } optional[] = {
        {STDB_LIST_COUNT(procedures), out_procedures},
        {STDB_LIST_COUNT(views), out_views},
        {STDB_LIST_COUNT(view_keys), out_view_keys},
        {STDB_LIST_COUNT(visibilities), out_visibilities},
        {STDB_LIST_COUNT(handlers), out_handlers},
        {STDB_LIST_COUNT(routes), out_routes},
        {STDB_LIST_COUNT(environment), out_environment},
    };
    uint32_t count = SECTIONS_ALWAYS;
    for (uint32_t i = 0; i < sizeof optional / sizeof optional[0]; i++) {
        if (optional[i].count == 0) continue;
        optional[i].write(&out);
        count++;
    }
    out_count_at(&out, sections, count);
    call_write_sink(sink, out.data, out.count);
    call_end(&frame);
}

static uint32_t table_count(void) {
    return (uint32_t)(__stop_stdb_tables - __start_stdb_tables);
}
static uint32_t index_count(void) {
    return (uint32_t)(__stop_stdb_indexes - __start_stdb_indexes);
}
static uint32_t default_count(void) {
    return (uint32_t)(__stop_stdb_defaults - __start_stdb_defaults);
}
static uint32_t reducer_count(void) {
    return (uint32_t)(__stop_stdb_reducers - __start_stdb_reducers);
}
static uint32_t schedule_count(void) {
    return (uint32_t)(__stop_stdb_schedules - __start_stdb_schedules);
}

// What the compiler cannot see, because the sources of a module are compiled one by one.
static void check_names(void) {
    for (uint32_t i = 0; i < reducer_count(); i++) {
        const char *name = __start_stdb_reducers[i]->name;
        for (uint32_t j = 0; j < i; j++) {
            if (strcmp(__start_stdb_reducers[j]->name, name) == 0)
                stdb_panic("two reducers are called %s", name);
        }
    }
    for (uint32_t i = 0; i < table_count(); i++) {
        const StdbTable *table = __start_stdb_tables[i];
        for (uint32_t j = 0; j < i; j++) {
            const StdbTable *other = __start_stdb_tables[j];
            if (!is_of_table(other, table)) continue;
            if (strcmp(other->row->name, table->row->name) != 0)
                stdb_panic("two tables are called %s", table->name);
        }
    }
}

// Reducers among each other are checked above; all kinds share one space of names.
static void check_functions(void) {
    for (uint32_t i = 0; function_name(i) != NULL; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (strcmp(function_name(j), function_name(i)) == 0)
                stdb_panic("two functions are called %s", function_name(i));
        }
    }
}

// Of reducers, procedures, views and handlers, one after the other; NULL behind the last.
static const char *function_name(uint32_t at) {
    if (at < reducer_count()) return __start_stdb_reducers[at]->name;
    at -= reducer_count();
    if (at < STDB_LIST_COUNT(procedures)) return __start_stdb_procedures[at]->name;
    at -= STDB_LIST_COUNT(procedures);
    if (at < STDB_LIST_COUNT(views)) return __start_stdb_views[at]->name;
    at -= STDB_LIST_COUNT(views);
    return at < STDB_LIST_COUNT(handlers) ? __start_stdb_handlers[at]->name : NULL;
}

// ---- types ----

static void collect_types(void) {
    named_first = NULL;
    for (uint32_t i = 0; i < table_count(); i++) collect(__start_stdb_tables[i]->row);
    for (uint32_t i = 0; i < reducer_count(); i++)
        collect_fields(__start_stdb_reducers[i]->arguments);
    for (uint32_t i = 0; i < STDB_LIST_COUNT(procedures); i++) {
        collect_fields(__start_stdb_procedures[i]->arguments);
        collect(__start_stdb_procedures[i]->returns);
    }
    for (uint32_t i = 0; i < STDB_LIST_COUNT(views); i++) {
        collect_fields(__start_stdb_views[i]->arguments);
        collect(__start_stdb_views[i]->returns);
    }
}

static void collect_fields(const StdbField *fields) {
    for (const StdbField *field = fields; field->name != NULL; field++) collect(field->type);
}

static bool is_same_declaration(const StdbType *left, const StdbType *right) {
    if (left->kind != right->kind) return false;
    const StdbField *a = left->fields;
    const StdbField *b = right->fields;
    for (; a->name != NULL && b->name != NULL; a++, b++) {
        if (strcmp(a->name, b->name) != 0) return false;
    }
    return a->name == NULL && b->name == NULL;
}

static void collect(const StdbType *type) {
    if (type->kind == STDB_TYPE_ARRAY || type->kind == STDB_TYPE_ALIAS) {
        collect(type->of);
        return;
    }
    if (type->fields == NULL) return;
    if (type->kind == STDB_TYPE_STRUCT || type->kind == STDB_TYPE_SUM) {
        Named **link = &named_first;
        for (; *link != NULL; link = &(*link)->next) {
            if (strcmp((*link)->type->name, type->name) != 0) continue;
            if (!is_same_declaration((*link)->type, type))
                stdb_panic("two types are called %s", type->name);
            return;
        }
        *link = STDB_NEW(Named, 1);
        (*link)->type = type;
    }
    collect_fields(type->fields);
}

static uint32_t type_number(const StdbType *type) {
    uint32_t number = 0;
    for (const Named *named = named_first; named != NULL; named = named->next, number++) {
        if (strcmp(named->type->name, type->name) == 0) return number;
    }
    stdb_panic("type %s was not collected", type->name);
}

static void out_type(Out *out, const StdbType *type) {
    switch (type->kind) {
    case STDB_TYPE_ALIAS: out_type(out, type->of); break;
    case STDB_TYPE_STRUCT:
    case STDB_TYPE_SUM:
        out_u8(out, TAG_REF);
        out_u32(out, type_number(type));
        break;
    case STDB_TYPE_SPECIAL:
        out_u8(out, TAG_PRODUCT);
        out_fields(out, type->fields);
        break;
    case STDB_TYPE_CHOICE:
        out_u8(out, TAG_SUM);
        out_fields(out, type->fields);
        break;
    case STDB_TYPE_ARRAY:
        out_u8(out, STDB_TYPE_ARRAY);
        out_type(out, type->of);
        break;
    default: out_u8(out, type->kind); break;
    }
}

static void out_fields(Out *out, const StdbField *fields) {
    uint32_t count = 0;
    while (fields[count].name != NULL) count++;
    out_u32(out, count);
    for (uint32_t i = 0; i < count; i++) {
        out_some_text(out, fields[i].name);
        out_type(out, fields[i].type);
    }
}

static void out_typespace(Out *out) {
    out_u8(out, SECTION_TYPESPACE);
    uint32_t at = out_later(out);
    uint32_t count = 0;
    for (const Named *named = named_first; named != NULL; named = named->next, count++) {
        out_u8(out, named->type->kind == STDB_TYPE_STRUCT ? TAG_PRODUCT : TAG_SUM);
        out_fields(out, named->type->fields);
    }
    out_count_at(out, at, count);
}

static void out_types(Out *out) {
    out_u8(out, SECTION_TYPES);
    uint32_t at = out_later(out);
    uint32_t count = 0;
    for (const Named *named = named_first; named != NULL; named = named->next, count++) {
        out_u32(out, 0);  // scope
        out_text(out, named->type->name);
        out_u32(out, count);
        out_u8(out, true);  // custom ordering: fields as declared
    }
    out_count_at(out, at, count);
}

// ---- tables ----

// Whether an earlier entry of the list is the same declaration, seen by another source.
static bool is_repeated_table(uint32_t at) {
    for (uint32_t i = 0; i < at; i++) {
        if (is_of_table(__start_stdb_tables[i], __start_stdb_tables[at])) return true;
    }
    return false;
}

static bool is_repeated_index(uint32_t at) {
    const StdbIndex *index = __start_stdb_indexes[at];
    for (uint32_t i = 0; i < at; i++) {
        const StdbIndex *other = __start_stdb_indexes[i];
        if (is_of_table(other->table, index->table) &&
            strcmp(other->accessor, index->accessor) == 0)
            return true;
    }
    return false;
}

static bool is_repeated_schedule(uint32_t at) {
    const StdbSchedule *schedule = __start_stdb_schedules[at];
    for (uint32_t i = 0; i < at; i++) {
        const StdbSchedule *other = __start_stdb_schedules[i];
        if (is_of_table(other->table, schedule->table) && other->reducer == schedule->reducer &&
            other->procedure == schedule->procedure)
            return true;
    }
    return false;
}

static bool is_repeated_default(uint32_t at) {
    const StdbDefault *value = __start_stdb_defaults[at];
    for (uint32_t i = 0; i < at; i++) {
        const StdbDefault *other = __start_stdb_defaults[i];
        if (is_of_table(other->table, value->table) && other->column == value->column) return true;
    }
    return false;
}

static bool is_of_table(const StdbTable *left, const StdbTable *right) {
    return left == right || strcmp(left->name, right->name) == 0;
}

static void out_tables(Out *out) {
    out_u8(out, SECTION_TABLES);
    uint32_t at = out_later(out);
    uint32_t count = 0;
    for (uint32_t i = 0; i < table_count(); i++) {
        if (is_repeated_table(i)) continue;
        out_table(out, __start_stdb_tables[i]);
        count++;
    }
    out_count_at(out, at, count);
}

static void out_table(Out *out, const StdbTable *table) {
    out_text(out, table->name);
    out_u32(out, type_number(table->row));
    out_primary_key(out, table);
    out_indexes(out, table);
    out_constraints(out, table);
    out_sequences(out, table);
    out_u8(out, TABLE_USER);
    out_u8(out, table->access);
    out_defaults(out, table);
    out_u8(out, table->is_event);
}

static void out_primary_key(Out *out, const StdbTable *table) {
    uint32_t at = out_later(out);
    uint32_t count = 0;
    for (uint32_t i = 0; i < table->column_count; i++) {
        if (!(table->columns[i] & STDB_COLUMN_PRIMARY_KEY)) continue;
        out_u16(out, i);
        count++;
    }
    out_count_at(out, at, count);
}

static void out_columns(Out *out, const StdbIndex *index) {
    out_u32(out, index->column_count);
    for (uint32_t i = 0; i < index->column_count; i++) out_u16(out, index->columns[i]);
}

static void out_indexes(Out *out, const StdbTable *table) {
    uint32_t at = out_later(out);
    uint32_t count = 0;
    for (uint32_t i = 0; i < index_count(); i++) {
        const StdbIndex *index = __start_stdb_indexes[i];
        if (!is_of_table(index->table, table) || is_repeated_index(i)) continue;
        char name[NAME_BYTES_MAX];
        stdb_index_name(index, name, sizeof name);
        out_some_text(out, name);
        out_some_text(out, index->accessor);
        if (index->flags & STDB_COLUMN_DIRECT) {
            out_u8(out, 2);
            out_u16(out, index->columns[0]);
        } else {
            out_u8(out, index->flags & STDB_COLUMN_HASH ? 1 : 0);
            out_columns(out, index);
        }
        count++;
    }
    out_count_at(out, at, count);
}

static void out_constraints(Out *out, const StdbTable *table) {
    uint32_t at = out_later(out);
    uint32_t count = 0;
    for (uint32_t i = 0; i < index_count(); i++) {
        const StdbIndex *index = __start_stdb_indexes[i];
        if (!(index->flags & (STDB_COLUMN_PRIMARY_KEY | STDB_COLUMN_UNIQUE))) continue;
        if (!is_of_table(index->table, table) || is_repeated_index(i)) continue;
        out_u8(out, OPTION_NONE);
        out_u8(out, 0);  // unique
        out_columns(out, index);
        count++;
    }
    out_count_at(out, at, count);
}

static void out_sequences(Out *out, const StdbTable *table) {
    uint32_t at = out_later(out);
    uint32_t count = 0;
    for (uint32_t i = 0; i < table->column_count; i++) {
        if (!(table->columns[i] & STDB_COLUMN_AUTO_INC)) continue;
        out_u8(out, OPTION_NONE);  // name
        out_u16(out, i);
        out_u8(out, OPTION_NONE);  // start
        out_u8(out, OPTION_NONE);  // minimum
        out_u8(out, OPTION_NONE);  // maximum
        const StdbI128 increment = 1;
        out_bytes(out, &increment, sizeof increment);
        count++;
    }
    out_count_at(out, at, count);
}

// Before anything is written: the values are allocated.
static void collect_defaults(void) {
    default_values = STDB_NEW(StdbBytes, default_count());
    for (uint32_t i = 0; i < default_count(); i++)
        default_values[i] = __start_stdb_defaults[i]->encode();
}

static void out_defaults(Out *out, const StdbTable *table) {
    uint32_t at = out_later(out);
    uint32_t count = 0;
    for (uint32_t i = 0; i < default_count(); i++) {
        const StdbDefault *value = __start_stdb_defaults[i];
        if (!is_of_table(value->table, table) || is_repeated_default(i)) continue;
        out_u16(out, value->column);
        out_u32(out, default_values[i].count);
        out_bytes(out, default_values[i].data, default_values[i].count);
        count++;
    }
    out_count_at(out, at, count);
}

// ---- functions ----

static void out_reducers(Out *out) {
    out_u8(out, SECTION_REDUCERS);
    out_u32(out, reducer_count());
    for (uint32_t i = 0; i < reducer_count(); i++) {
        out_text(out, __start_stdb_reducers[i]->name);
        out_fields(out, __start_stdb_reducers[i]->arguments);
        bool is_callable = __start_stdb_reducers[i]->lifecycle == STDB_LIFECYCLE_NONE &&
                           !is_scheduled(__start_stdb_reducers[i], NULL);
        out_u8(out, is_callable ? CLIENT_CALLABLE : PRIVATE);
        out_u8(out, TAG_PRODUCT);  // returns nothing
        out_u32(out, 0);
        out_u8(out, STDB_TYPE_STRING);  // or an error text
    }
}

// Of the two, one is NULL.
static bool is_scheduled(const StdbReducer *reducer, const StdbProcedure *procedure) {
    for (uint32_t i = 0; i < schedule_count(); i++) {
        const StdbSchedule *schedule = __start_stdb_schedules[i];
        if (schedule->reducer == reducer && schedule->procedure == procedure) return true;
    }
    return false;
}

static void out_procedures(Out *out) {
    out_u8(out, SECTION_PROCEDURES);
    out_u32(out, STDB_LIST_COUNT(procedures));
    for (uint32_t i = 0; i < STDB_LIST_COUNT(procedures); i++) {
        const StdbProcedure *procedure = __start_stdb_procedures[i];
        out_text(out, procedure->name);
        out_fields(out, procedure->arguments);
        out_type(out, procedure->returns);
        out_u8(out, is_scheduled(NULL, procedure) ? PRIVATE : CLIENT_CALLABLE);
    }
}

// Numbered among those of their kind.
static void out_views(Out *out) {
    uint32_t numbers[2] = {0};
    out_u8(out, SECTION_VIEWS);
    out_u32(out, STDB_LIST_COUNT(views));
    for (uint32_t i = 0; i < STDB_LIST_COUNT(views); i++) {
        const StdbView *view = __start_stdb_views[i];
        out_text(out, view->name);
        out_u32(out, numbers[view->is_anonymous]++);
        out_u8(out, view->access == STDB_ACCESS_PUBLIC);
        out_u8(out, view->is_anonymous);
        out_fields(out, view->arguments);
        out_type(out, view->returns);
    }
}

static void out_view_keys(Out *out) {
    out_u8(out, SECTION_VIEW_KEYS);
    out_u32(out, STDB_LIST_COUNT(view_keys));
    for (uint32_t i = 0; i < STDB_LIST_COUNT(view_keys); i++) {
        out_text(out, __start_stdb_view_keys[i]->view->name);
        out_u32(out, 1);
        out_text(out, __start_stdb_view_keys[i]->column);
    }
}

static void out_visibilities(Out *out) {
    out_u8(out, SECTION_VISIBILITIES);
    out_u32(out, STDB_LIST_COUNT(visibilities));
    for (uint32_t i = 0; i < STDB_LIST_COUNT(visibilities); i++)
        out_text(out, __start_stdb_visibilities[i]->sql);
}

static void out_handlers(Out *out) {
    out_u8(out, SECTION_HANDLERS);
    out_u32(out, STDB_LIST_COUNT(handlers));
    for (uint32_t i = 0; i < STDB_LIST_COUNT(handlers); i++)
        out_text(out, __start_stdb_handlers[i]->name);
}

static void out_routes(Out *out) {
    out_u8(out, SECTION_ROUTES);
    out_u32(out, STDB_LIST_COUNT(routes));
    for (uint32_t i = 0; i < STDB_LIST_COUNT(routes); i++) {
        const StdbHttpRoute *route = __start_stdb_routes[i];
        out_text(out, route->handler->name);
        out_u8(out, route->method == STDB_HTTP_ANY ? ROUTE_ANY : ROUTE_METHOD);
        if (route->method != STDB_HTTP_ANY) out_u8(out, route->method);
        out_text(out, route->path);
    }
}

static void out_environment(Out *out) {
    out_u8(out, SECTION_ENVIRONMENT);
    out_u32(out, STDB_LIST_COUNT(environment));
    for (uint32_t i = 0; i < STDB_LIST_COUNT(environment); i++) {
        const StdbEnvironment *variable = __start_stdb_environment[i];
        uint32_t count = 0;
        while (variable->values[count] != NULL) count++;
        out_text(out, variable->name);
        out_u8(out, count == 0 ? VALUE_ANY : VALUE_ONE_OF);
        if (count > 0) out_u32(out, count);
        for (uint32_t j = 0; j < count; j++) out_text(out, variable->values[j]);
        out_u8(out, variable->is_optional);
    }
}

static void out_schedules(Out *out) {
    out_u8(out, SECTION_SCHEDULES);
    uint32_t at = out_later(out);
    uint32_t count = 0;
    for (uint32_t i = 0; i < schedule_count(); i++) {
        if (is_repeated_schedule(i)) continue;
        const StdbSchedule *schedule = __start_stdb_schedules[i];
        out_u8(out, OPTION_NONE);
        out_text(out, schedule->table->name);
        out_u16(out, schedule->column);
        out_text(out,
                 schedule->reducer != NULL ? schedule->reducer->name : schedule->procedure->name);
        count++;
    }
    out_count_at(out, at, count);
}

static void out_lifecycle(Out *out) {
    out_u8(out, SECTION_LIFECYCLE);
    uint32_t at = out_later(out);
    uint32_t count = 0;
    for (uint32_t i = 0; i < reducer_count(); i++) {
        if (__start_stdb_reducers[i]->lifecycle == STDB_LIFECYCLE_NONE) continue;
        out_u8(out, __start_stdb_reducers[i]->lifecycle);
        out_text(out, __start_stdb_reducers[i]->name);
        count++;
    }
    out_count_at(out, at, count);
}

static void out_case_policy(Out *out) {
    bool is_given = __stop_stdb_case_policy - __start_stdb_case_policy > 0;
    out_u8(out, SECTION_CASE_POLICY);
    out_u8(out, is_given ? *__start_stdb_case_policy[0] : STDB_CASE_NONE);
}

// ---- bytes ----

// Room for a count that is not known yet.
static uint32_t out_later(Out *out) {
    out_u32(out, 0);
    return out->count - 4;
}

static void out_count_at(Out *out, uint32_t at, uint32_t count) {
    stdb_write_count(out->data + at, count);
}

static void out_bytes(Out *out, const void *bytes, uint32_t count) {
    out->data = memory_borrow((size_t)out->count + count);
    if (count > 0) memcpy(out->data + out->count, bytes, count);
    out->count += count;
}

static void out_u8(Out *out, uint32_t value) {
    out_bytes(out, &value, 1);
}

static void out_u16(Out *out, uint32_t value) {
    out_bytes(out, &value, 2);
}

static void out_u32(Out *out, uint32_t value) {
    out_bytes(out, &value, 4);
}

static void out_text(Out *out, const char *text) {
    uint32_t length = (uint32_t)strlen(text);
    out_u32(out, length);
    out_bytes(out, text, length);
}

static void out_some_text(Out *out, const char *text) {
    out_u8(out, OPTION_SOME);
    out_text(out, text);
}
