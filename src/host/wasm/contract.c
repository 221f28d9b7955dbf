// contract.c - what a module's imports and exports must look like. Texts are upstream's (module-abi.md 1.2, 1.9).
#include "host/wasm/program.h"

#include <stdlib.h>

#define ABI_MAJOR 10u
#define ABI_MINOR_MAX 6u
#define MODULE_PREFIX "spacetime_"
#define PREINIT_PREFIX "__preinit__"
// A signature as text: parameters can be many in a hostile module.
#define SIGNATURE_TEXT_BYTES_MAX 512u

// Exports with a fixed type. Required ones come first, in the order in which they are missed.
typedef struct ExportRule {
    const char *name;
    const char *kind;         // in error texts
    const char *signature;    // as in HostCall
    const char *alternative;  // another accepted one, or NULL
    bool is_required;
} ExportRule;

// clang-format off
static const ExportRule EXPORT_RULES[] = {
    //                                              id  sender  connection time args, sinks
    { "__call_reducer__",      "call_reducer",      "i" "llll"  "ll"       "l"  "ii:i",   NULL,              true },
    { "__describe_module__",   "describe_module",   "i:",                                 NULL,              true },
    { "__setup__",             "setup",             "i:i",                                NULL,              false },
    { "__call_procedure__",    "call_procedure",    "i" "llll"  "ll"       "l"  "ii:i",   NULL,              false },
    { "__call_view__",         "call_view",         "i" "llll"                  "ii:i",   NULL,              false },
    { "__call_view_anon__",    "call_view_anon",    "i"                         "ii:i",   NULL,              false },
    { "__call_http_handler__", "call_http_handler", "i" "llll"  "i"        "l"  "iiii:i", "i" "l" "iiii:i",  false },
};
// clang-format on
#define EXPORT_RULE_COUNT (sizeof EXPORT_RULES / sizeof *EXPORT_RULES)

const char *const WASM_EXPORT_NAMES[WASM_EXPORT_COUNT] = {
    [WASM_CALL_REDUCER] = "__call_reducer__",
    [WASM_CALL_VIEW] = "__call_view__",
    [WASM_CALL_VIEW_ANON] = "__call_view_anon__",
    [WASM_CALL_PROCEDURE] = "__call_procedure__",
    [WASM_CALL_HTTP_HANDLER] = "__call_http_handler__",
};

static bool version_parse(Bytes text, uint32_t *ret_major, uint32_t *ret_minor);
static bool u16_parse(Bytes text, uint32_t *ret_value);
static const wasm_externtype_t *export_find(const wasm_exporttype_vec_t *exports, const char *name);
static Status export_check(const ExportRule *rule, Bytes name, const wasm_externtype_t *type,
                           Error *error);
static wasmtime_valtype_kind_t type_kind(const wasm_valtype_t *type);
static bool types_match(const wasm_valtype_vec_t *types, const char **signature);
static bool signature_matches(const wasm_functype_t *type, const char *signature);
static void types_write(Buffer *buffer, const char *label, const wasm_valtype_vec_t *types);
static void signature_write(Buffer *buffer, const wasm_functype_t *type);
static void signature_write_rule(Buffer *buffer, const char *signature);
static Status preinits_collect(const wasm_exporttype_vec_t *exports, WasmProgram *program,
                               Error *error);
static int bytes_compare_items(const void *a, const void *b);
static Bytes name_bytes(const wasm_name_t *name);

Status contract_negotiate(const wasm_importtype_vec_t *imports, Error *error) {
    bool is_known = false;
    uint32_t major = 0;
    uint32_t minor = 0;
    Bytes prefix = BYTES_LITERAL(MODULE_PREFIX);
    for (size_t i = 0; i < imports->size; i++) {
        const wasm_externtype_t *type = wasm_importtype_type(imports->data[i]);
        Bytes module = name_bytes(wasm_importtype_module(imports->data[i]));
        if (wasm_externtype_kind(type) != WASM_EXTERN_FUNC || module.count < prefix.count) continue;
        if (memcmp(module.data, prefix.data, prefix.count) != 0) continue;
        uint32_t this_major;
        uint32_t this_minor;
        Bytes version = bytes_slice(module, prefix.count, module.count - prefix.count);
        if (!version_parse(version, &this_major, &this_minor)) {
            return error_set(error, STATUS_INVALID,
                             "import module \"%.*s\" has malformed version string",
                             BYTES_FORMAT(module));
        }
        if (is_known && this_major != major) {
            return error_set(error, STATUS_INVALID,
                             "module cannot depend on both major version %u and major version %u",
                             major, this_major);
        }
        if (this_minor > minor || !is_known) minor = this_minor;
        major = this_major;
        is_known = true;
    }
    if (!is_known) {
        return error_set(
            error, STATUS_INVALID,
            "unable to determine ABI of module (may be on an spacetime version < 0.8)");
    }
    if (major == ABI_MAJOR && minor <= ABI_MINOR_MAX) return STATUS_OK;
    return error_set(error, STATUS_INVALID,
                     "abi version %u.%u is not supported (host implements %u.%u)", major, minor,
                     ABI_MAJOR, ABI_MINOR_MAX);
}

static bool version_parse(Bytes text, uint32_t *ret_major, uint32_t *ret_minor) {
    const uint8_t *dot = memchr(text.data, '.', text.count);
    if (!dot) return false;
    uint32_t at = (uint32_t)(dot - text.data);
    return u16_parse(bytes_slice(text, 0, at), ret_major) &&
           u16_parse(bytes_slice(text, at + 1, text.count - at - 1), ret_minor);
}

// As Rust parses a u16: a leading plus is fine, leading zeros too.
static bool u16_parse(Bytes text, uint32_t *ret_value) {
    if (text.count > 1 && text.data[0] == '+') text = bytes_slice(text, 1, text.count - 1);
    if (text.count == 0) return false;
    uint32_t value = 0;
    for (uint32_t i = 0; i < text.count; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') return false;
        value = value * 10 + (uint32_t)(text.data[i] - '0');
        if (value > UINT16_MAX) return false;
    }
    *ret_value = value;
    return true;
}

Status contract_check_exports(const wasm_exporttype_vec_t *exports, WasmProgram *program,
                              Error *error) {
    const wasm_externtype_t *memory = export_find(exports, "memory");
    if (!memory || wasm_externtype_kind(memory) != WASM_EXTERN_MEMORY) {
        return error_set(error, STATUS_INVALID,
                         "there should be a memory export called \"memory\" but it does not exist");
    }
    for (size_t i = 0; i < EXPORT_RULE_COUNT; i++) {
        const ExportRule *rule = &EXPORT_RULES[i];
        const wasm_externtype_t *type = export_find(exports, rule->name);
        if (!type && rule->is_required) {
            return error_set(error, STATUS_INVALID,
                             "there should be a function called \"%s\" but it does not exist",
                             rule->name);
        }
        if (!type) continue;
        Status status = export_check(rule, bytes_of_text(rule->name), type, error);
        if (status != STATUS_OK) return status;
        for (uint32_t export = 0; export < WASM_EXPORT_COUNT; export ++) {
            if (strcmp(rule->name, WASM_EXPORT_NAMES[export]) == 0)
                program->has_export[export] = true;
        }
        if (strcmp(rule->name, "__setup__") == 0) program->has_setup = true;
        if (rule->alternative) {  // its type was checked: it is one of the two
            program->handler_has_sender = signature_matches(wasm_externtype_as_functype_const(type),
                                                            rule->signature);
        }
    }
    const wasm_externtype_t *initialize = export_find(exports, "_initialize");
    program->has_initialize = initialize && wasm_externtype_kind(initialize) == WASM_EXTERN_FUNC &&
                              signature_matches(wasm_externtype_as_functype_const(initialize), ":");
    return preinits_collect(exports, program, error);
}

static Status preinits_collect(const wasm_exporttype_vec_t *exports, WasmProgram *program,
                               Error *error) {
    static const ExportRule PREINIT_RULE = {"", "preinit", ":", NULL, false};
    Bytes prefix = BYTES_LITERAL(PREINIT_PREFIX);
    Bytes *names = ARENA_ARRAY(&program->arena, Bytes, exports->size);
    uint32_t count = 0;
    for (size_t i = 0; i < exports->size; i++) {
        Bytes name = name_bytes(wasm_exporttype_name(exports->data[i]));
        if (name.count < prefix.count || memcmp(name.data, prefix.data, prefix.count) != 0)
            continue;
        Bytes short_name = bytes_slice(name, prefix.count, name.count - prefix.count);
        Status status = export_check(&PREINIT_RULE, short_name,
                                     wasm_exporttype_type(exports->data[i]), error);
        if (status != STATUS_OK) return status;
        names[count++] = arena_copy(&program->arena, name);
    }
    qsort(names, count, sizeof *names, bytes_compare_items);
    program->preinits = names;
    program->preinit_count = count;
    return STATUS_OK;
}

static int bytes_compare_items(const void *a, const void *b) {
    return bytes_compare(*(const Bytes *)a, *(const Bytes *)b);
}

static const wasm_externtype_t *export_find(const wasm_exporttype_vec_t *exports,
                                            const char *name) {
    for (size_t i = 0; i < exports->size; i++) {
        if (bytes_equal_text(name_bytes(wasm_exporttype_name(exports->data[i])), name)) {
            return wasm_exporttype_type(exports->data[i]);
        }
    }
    return NULL;
}

static Status export_check(const ExportRule *rule, Bytes name, const wasm_externtype_t *type,
                           Error *error) {
    bool is_function = wasm_externtype_kind(type) == WASM_EXTERN_FUNC;
    const wasm_functype_t *function = is_function ? wasm_externtype_as_functype_const(type) : NULL;
    if (function && signature_matches(function, rule->signature)) return STATUS_OK;
    if (function && rule->alternative && signature_matches(function, rule->alternative))
        return STATUS_OK;
    Buffer expected;
    Buffer actual;
    buffer_init(&expected, SIGNATURE_TEXT_BYTES_MAX);
    buffer_init(&actual, SIGNATURE_TEXT_BYTES_MAX);
    signature_write_rule(&expected, rule->signature);
    Status status;
    if (function) {
        signature_write(&actual, function);
        status = error_set(error, STATUS_INVALID,
                           "bad %s signature for \"%.*s\"; expected %.*s got %.*s", rule->kind,
                           BYTES_FORMAT(name), BYTES_FORMAT(buffer_bytes(&expected)),
                           BYTES_FORMAT(buffer_bytes(&actual)));
    } else {
        status = error_set(error, STATUS_INVALID,
                           "expected \"%.*s\" export to be a %s with signature %.*s, but it wasn't "
                           "a function at all",
                           BYTES_FORMAT(name), rule->kind, BYTES_FORMAT(buffer_bytes(&expected)));
    }
    buffer_done(&expected);
    buffer_done(&actual);
    return status;
}

// Not wasm_valtype_kind: it ends the process for types it does not know.
static wasmtime_valtype_kind_t type_kind(const wasm_valtype_t *type) {
    wasmtime_valtype_t value;
    wasmtime_valtype_new(type, &value);
    wasmtime_valtype_kind_t kind = value.kind;
    wasmtime_valtype_delete(&value);
    return kind;
}

static bool types_match(const wasm_valtype_vec_t *types, const char **signature) {
    for (size_t i = 0; i < types->size; i++) {
        wasmtime_valtype_kind_t kind = type_kind(types->data[i]);
        char expected = kind == WASMTIME_VALTYPE_KIND_I32   ? 'i'
                        : kind == WASMTIME_VALTYPE_KIND_I64 ? 'l'
                                                            : '?';
        if (**signature != expected) return false;
        (*signature)++;
    }
    return true;
}

static bool signature_matches(const wasm_functype_t *type, const char *signature) {
    if (!types_match(wasm_functype_params(type), &signature) || *signature++ != ':') return false;
    return types_match(wasm_functype_results(type), &signature) && *signature == '\0';
}

static void types_write(Buffer *buffer, const char *label, const wasm_valtype_vec_t *types) {
    static const char *const NAMES[] = {
        [WASMTIME_VALTYPE_KIND_I32] = "i32",   [WASMTIME_VALTYPE_KIND_I64] = "i64",
        [WASMTIME_VALTYPE_KIND_F32] = "f32",   [WASMTIME_VALTYPE_KIND_F64] = "f64",
        [WASMTIME_VALTYPE_KIND_V128] = "v128", [WASMTIME_VALTYPE_KIND_REF] = "ref",
    };
    if (types->size == 0) return;
    buffer_append_format(buffer, " (%s", label);
    for (size_t i = 0; i < types->size; i++) {
        buffer_append_format(buffer, " %s", NAMES[type_kind(types->data[i])]);
    }
    buffer_u8(buffer, ')');
}

static void signature_write(Buffer *buffer, const wasm_functype_t *type) {
    buffer_append_text(buffer, "(func");
    types_write(buffer, "param", wasm_functype_params(type));
    types_write(buffer, "result", wasm_functype_results(type));
    buffer_u8(buffer, ')');
}

static void signature_write_rule(Buffer *buffer, const char *signature) {
    const char *labels[] = {"param", "result"};
    buffer_append_text(buffer, "(func");
    for (uint32_t part = 0; part < 2; part++) {
        bool is_empty = *signature == ':' || *signature == '\0';
        if (!is_empty) buffer_append_format(buffer, " (%s", labels[part]);
        for (; *signature != ':' && *signature != '\0'; signature++) {
            buffer_append_text(buffer, *signature == 'i' ? " i32" : " i64");
        }
        if (!is_empty) buffer_u8(buffer, ')');
        if (*signature == ':') signature++;
    }
    buffer_u8(buffer, ')');
}

static Bytes name_bytes(const wasm_name_t *name) {
    return bytes_of(name->data, name->size);
}
