// wasm_check.c - walks the sections of a module; the server validates it properly, so whatever is not
// understood here is left to it.
#include "cli/wasm_check.h"

#include "base/reader.h"

#define SECTION_IMPORT 2
#define SECTION_EXPORT 7

typedef enum WasmProblem { WASM_FINE, WASM_BINDGEN, WASM_GETRANDOM } WasmProblem;

static WasmProblem check_imports(Bytes section);
static WasmProblem check_exports(Bytes section);
static void skip_import(Reader *reader);
static void skip_limits(Reader *reader);
static Bytes read_name(Reader *reader);
static bool is_bindgen(Bytes name);

Status wasm_check(Cli *cli, const char *path) {
    Bytes program = BYTES_NONE;
    Status status = file_read(cli, path, MODULE_PROGRAM_BYTES_MAX, &program);
    if (status != STATUS_OK) return status;
    Reader reader = reader_of(program);
    (void)reader_take(&reader, 8);  // magic and version
    WasmProblem problem = WASM_FINE;
    while (reader_ok(&reader) && reader_left(&reader) > 0 && problem == WASM_FINE) {
        uint8_t id = reader_u8(&reader);
        Bytes section = read_name(
            &reader);  // sections have the same form as names: bytes with a count
        if (id == SECTION_IMPORT) problem = check_imports(section);
        if (id == SECTION_EXPORT) problem = check_exports(section);
    }
    if (problem == WASM_BINDGEN) {
        return cli_fail(
            cli, STATUS_INVALID,
            "wasm-bindgen detected.\n\nA dependency expects a browser around it. "
            "Databases are none: find it with `cargo tree --target "
            "wasm32-unknown-unknown -i wasm-bindgen` and turn off the feature that needs "
            "it (often `js` or `wasmbind`).");
    }
    if (problem == WASM_GETRANDOM) {
        return cli_fail(cli, STATUS_INVALID,
                        "getrandom usage detected.\n\nModules have no source of randomness besides "
                        "their context: use `ctx.rng()`, or turn off the feature that needs "
                        "getrandom.");
    }
    return STATUS_OK;
}

static WasmProblem check_imports(Bytes section) {
    Reader reader = reader_of(section);
    uint64_t count = reader_varint(&reader);
    for (uint64_t i = 0; i < count && reader_ok(&reader); i++) {
        Bytes module = read_name(&reader);
        Bytes name = read_name(&reader);
        skip_import(&reader);
        if (is_bindgen(module) || is_bindgen(name)) return WASM_BINDGEN;
        if (bytes_equal_text(name, "__getrandom_custom")) return WASM_GETRANDOM;
    }
    return WASM_FINE;
}

static WasmProblem check_exports(Bytes section) {
    Reader reader = reader_of(section);
    uint64_t count = reader_varint(&reader);
    for (uint64_t i = 0; i < count && reader_ok(&reader); i++) {
        Bytes name = read_name(&reader);
        (void)reader_u8(&reader);
        (void)reader_varint(&reader);
        if (is_bindgen(name)) return WASM_BINDGEN;
    }
    return WASM_FINE;
}

// The type of an import: a function, a table, a memory, a global.
static void skip_import(Reader *reader) {
    switch (reader_u8(reader)) {
    case 0: (void)reader_varint(reader); break;
    case 1:
        (void)reader_u8(reader);
        skip_limits(reader);
        break;
    case 2: skip_limits(reader); break;
    case 3: (void)reader_take(reader, 2); break;
    default: reader->failed = true; break;
    }
}

static void skip_limits(Reader *reader) {
    uint8_t flags = reader_u8(reader);
    (void)reader_varint(reader);
    if (flags & 1) (void)reader_varint(reader);
}

// Bytes behind their count as LEB128.
static Bytes read_name(Reader *reader) {
    uint64_t count = reader_varint(reader);
    const uint8_t *at = count <= reader_left(reader) ? reader_take(reader, (size_t)count) : NULL;
    if (at == NULL) {
        reader->failed = true;
        return BYTES_NONE;
    }
    return bytes_of(at, (size_t)count);
}

static bool is_bindgen(Bytes name) {
    static const char PREFIX[] = "__wbindgen";
    return name.count >= sizeof PREFIX - 1 && memcmp(name.data, PREFIX, sizeof PREFIX - 1) == 0;
}
