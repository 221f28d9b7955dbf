// call_text.c - error texts of `call`, which upstream's tests compare to the letter.
#include "cli/call_text.h"

#include "cli/similar.h"

#define LISTED_MAX 10u
// A signature; what does not fit is left out.
#define CALL_TEXT_BYTES_MAX 65536u

typedef enum FunctionKind { KIND_REDUCER, KIND_PROCEDURE } FunctionKind;

typedef struct Names {
    Bytes *items;
    uint32_t count;
} Names;

static Names collect_names(Cli *cli, const ModuleInfo *module, FunctionKind kind);
static void write_names(Buffer *text, const Names *names, Bytes wanted, const char *kind);
static void sort_by_distance(const Names *names, Bytes wanted);
static bool find_counts(Bytes answer, uint32_t *ret_given, uint32_t *ret_expected);
static bool number_between(Bytes text, const char *before, const char *behind, uint32_t *ret_at,
                           uint32_t *ret_number);
static void write_signature(Buffer *text, const CallContext *context);
static void write_snake(Buffer *text, Bytes name);
static void write_type(Buffer *text, const Typespace *typespace, const Type *type, uint32_t depth);
static void write_fields(Buffer *text, const Typespace *typespace, const Type *type,
                         uint32_t depth);

const char *call_text_unknown(Cli *cli, const CallContext *context) {
    Bytes wanted = bytes_of_text(context->name);
    Names reducers = collect_names(cli, context->module, KIND_REDUCER);
    Names procedures = collect_names(cli, context->module, KIND_PROCEDURE);
    Buffer text;
    buffer_init(&text, CLI_RESPONSE_BYTES_MAX);
    buffer_append_format(
        &text,
        "No such reducer OR procedure `%s` for database `%s` resolving to identity "
        "`%s`.",
        context->name, context->remote->name, context->remote->identity);
    Bytes similar = BYTES_NONE;
    if (name_find_similar(wanted, reducers.items, reducers.count, &similar)) {
        buffer_append_format(&text, "\n\nA reducer with a similar name exists: `%.*s`",
                             BYTES_FORMAT(similar));
    } else if (name_find_similar(wanted, procedures.items, procedures.count, &similar)) {
        buffer_append_format(&text, "\n\nA procedure with a similar name exists: `%.*s`",
                             BYTES_FORMAT(similar));
    } else {
        write_names(&text, &reducers, wanted, "reducer");
        write_names(&text, &procedures, wanted, "procedure");
    }
    const char *copy = arena_copy_text(&cli->arena, buffer_bytes(&text));
    buffer_done(&text);
    return copy;
}

// Lifecycle reducers cannot be called and are left out.
static Names collect_names(Cli *cli, const ModuleInfo *module, FunctionKind kind) {
    Names names = {ARENA_ARRAY(&cli->arena, Bytes, module->function_count), 0};
    for (uint32_t i = 0; i < module->function_count; i++) {
        const FunctionInfo *function = &module->functions[i];
        if (function->is_procedure != (kind == KIND_PROCEDURE) || function->is_lifecycle) continue;
        names.items[names.count++] = function->name;
    }
    return names;
}

static void write_names(Buffer *text, const Names *names, Bytes wanted, const char *kind) {
    if (names->count == 0) {
        buffer_append_format(text, "\n\nThe database has no %ss.", kind);
        return;
    }
    sort_by_distance(names, wanted);
    buffer_append_format(text, "\n\nHere are some existing %ss:", kind);
    for (uint32_t i = 0; i < names->count && i < LISTED_MAX; i++) {
        buffer_append_format(text, "\n- %.*s", BYTES_FORMAT(names->items[i]));
    }
    if (names->count <= LISTED_MAX) return;
    uint32_t more = names->count - LISTED_MAX;
    buffer_append_format(text, "\n... (%u %s%s not shown)", more, kind, more == 1 ? "" : "s");
}

// Nearest first, equal ones in their order. Only the listed ones are put in place.
static void sort_by_distance(const Names *names, Bytes wanted) {
    for (uint32_t i = 0; i < names->count && i < LISTED_MAX; i++) {
        uint32_t nearest = i;
        uint32_t distance = name_distance(wanted, names->items[i]);
        for (uint32_t j = i + 1; j < names->count; j++) {
            uint32_t other = name_distance(wanted, names->items[j]);
            if (other >= distance) continue;
            distance = other;
            nearest = j;
        }
        Bytes name = names->items[nearest];
        memmove(&names->items[i + 1], &names->items[i], (nearest - i) * sizeof name);
        names->items[i] = name;
    }
}

// ---- arguments ----

const char *call_text_arguments(Cli *cli, const CallContext *context, Bytes answer) {
    const char *kind = context->function->is_procedure ? "procedure" : "reducer";
    Buffer text;
    buffer_init(&text, CALL_TEXT_BYTES_MAX);
    buffer_append_format(&text,
                         "Invalid arguments provided for %s `%s` for database `%s` resolving to "
                         "identity `%s`.",
                         kind, context->name, context->remote->name, context->remote->identity);
    uint32_t given = 0;
    uint32_t expected = 0;
    if (find_counts(answer, &given, &expected) && given != expected) {
        buffer_append_format(&text, "\n\n%u parameters were expected, but %u were provided.",
                             expected, given);
    }
    buffer_append_format(&text, "\n\nThe %s has the following signature:\n\t", kind);
    write_signature(&text, context);
    const char *copy = arena_copy_text(&cli->arena, buffer_bytes(&text));
    buffer_done(&text);
    return copy;
}

// Of "... invalid length 1, expected ... args for test with 2 elements ...".
static bool find_counts(Bytes answer, uint32_t *ret_given, uint32_t *ret_expected) {
    uint32_t at = 0;
    return number_between(answer, "invalid length", ",", &at, ret_given) &&
           number_between(answer, "args for test with", "elements", &at, ret_expected);
}

// The number between two texts, the first of which is looked for from *ret_at on.
static bool number_between(Bytes text, const char *before, const char *behind, uint32_t *ret_at,
                           uint32_t *ret_number) {
    const uint8_t *start = text.data + *ret_at;
    const uint8_t *end = text.data + text.count;
    const uint8_t *at = memmem(start, (size_t)(end - start), before, strlen(before));
    if (at == NULL) return false;
    at += strlen(before);
    while (at < end && *at == ' ') at++;
    uint32_t number = 0;
    uint32_t digits = 0;
    for (; at < end && *at >= '0' && *at <= '9' && digits < 9; at++, digits++) {
        number = number * 10 + (uint32_t)(*at - '0');
    }
    while (at < end && *at == ' ') at++;
    size_t behind_count = strlen(behind);
    if (digits == 0 || (size_t)(end - at) < behind_count || memcmp(at, behind, behind_count) != 0) {
        return false;
    }
    *ret_number = number;
    *ret_at = (uint32_t)(at - text.data);
    return true;
}

// "name(first: u32, second: Option<String>)".
static void write_signature(Buffer *text, const CallContext *context) {
    const Type *params = context->function->params;
    buffer_append_format(text, "%s(", context->name);
    for (uint32_t i = 0; i < params->field_count; i++) {
        if (i > 0) buffer_append_text(text, ", ");
        if (params->fields[i].name.data != NULL) {
            write_snake(text, params->fields[i].name);
            buffer_append_text(text, ": ");
        }
        write_type(text, context->function->typespace, params->fields[i].type, 0);
    }
    buffer_append_text(text, ")");
}

// someName -> some_name.
static void write_snake(Buffer *text, Bytes name) {
    for (uint32_t i = 0; i < name.count; i++) {
        uint8_t letter = name.data[i];
        bool is_upper = letter >= 'A' && letter <= 'Z';
        bool follows_lower = i > 0 && !(name.data[i - 1] >= 'A' && name.data[i - 1] <= 'Z') &&
                             name.data[i - 1] != '_';
        if (is_upper && follows_lower) buffer_u8(text, '_');
        buffer_u8(text, is_upper ? (uint8_t)(letter + 'a' - 'A') : letter);
    }
}

static void write_type(Buffer *text, const Typespace *typespace, const Type *type, uint32_t depth) {
    static const char *const PRIMITIVES[TYPE_KIND_COUNT] = {
        [TYPE_STRING] = "String", [TYPE_BOOL] = "bool", [TYPE_I8] = "i8",     [TYPE_U8] = "u8",
        [TYPE_I16] = "i16",       [TYPE_U16] = "u16",   [TYPE_I32] = "i32",   [TYPE_U32] = "u32",
        [TYPE_I64] = "i64",       [TYPE_U64] = "u64",   [TYPE_I128] = "i128", [TYPE_U128] = "u128",
        [TYPE_I256] = "i256",     [TYPE_U256] = "u256", [TYPE_F32] = "f32",   [TYPE_F64] = "f64",
    };
    if (type->kind == TYPE_REF) type = type_deref(typespace, type);
    if (type == NULL || depth > CALL_TEXT_DEPTH_MAX ||
        text->failed) {  // recursive, or a description that is wrong
        buffer_append_text(text, "...");
        return;
    }
    if (type->special == SPECIAL_IDENTITY) {
        buffer_append_text(text, "Identity");
    } else if (type->special == SPECIAL_CONNECTION_ID) {
        buffer_append_text(text, "ConnectionId");
    } else if (type->special == SPECIAL_SCHEDULE_AT) {
        buffer_append_text(text, "ScheduleAt");
    } else if (type->kind == TYPE_ARRAY || type->special == SPECIAL_OPTION) {
        bool is_array = type->kind == TYPE_ARRAY;
        buffer_append_text(text, is_array ? "Vec<" : "Option<");
        write_type(text, typespace, is_array ? type->element : type->fields[0].type, depth + 1);
        buffer_append_text(text, ">");
    } else if (type->kind == TYPE_SUM || type->kind == TYPE_PRODUCT) {
        write_fields(text, typespace, type, depth);
    } else {
        buffer_append_text(text, PRIMITIVES[type->kind]);
    }
}

// "{ a: u8 }", "enum { A: u8 }", "{}".
static void write_fields(Buffer *text, const Typespace *typespace, const Type *type,
                         uint32_t depth) {
    if (type->kind == TYPE_SUM) buffer_append_text(text, "enum ");
    buffer_u8(text, '{');
    for (uint32_t i = 0; i < type->field_count && !text->failed; i++) {
        buffer_append_text(text, i == 0 ? " " : ", ");
        if (type->fields[i].name.data != NULL) {
            buffer_append_format(text, "%.*s: ", BYTES_FORMAT(type->fields[i].name));
        }
        write_type(text, typespace, type->fields[i].type, depth + 1);
    }
    buffer_append_text(text, type->field_count > 0 ? " }" : "}");
}
