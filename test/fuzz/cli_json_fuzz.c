// cli_json_fuzz.c - what servers answer in JSON: any text.
//
// A text that is accepted, written with indentation and read again, must be accepted and then written
// the same. Definitions and results of SQL are read from every text, too; they may be refused.
#include "cli/json_text.h"
#include "cli/remote.h"
#include "cli/sql_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count);

#define TEXT_BYTES_MAX (1u << 20)

static void check_pretty(Bytes value) {
    Buffer first;
    Buffer second;
    buffer_init(&first, TEXT_BYTES_MAX);
    buffer_init(&second, TEXT_BYTES_MAX);
    json_text_write_pretty(&first, value);
    Bytes again = BYTES_NONE;
    if (!first.failed) {
        ASSERT(json_text_read(buffer_bytes(&first), &again));
        json_text_write_pretty(&second, again);
        ASSERT(bytes_equal(buffer_bytes(&first), buffer_bytes(&second)));
    }
    buffer_done(&first);
    buffer_done(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count) {
    Cli cli = {.os = os_real()};
    arena_init(&cli.arena, 1ull << 30);
    Bytes text = bytes_of(data, count);
    Bytes value = BYTES_NONE;
    if (json_text_read(text, &value)) check_pretty(value);
    ModuleInfo module;
    if (module_info_read(&cli, text, &module) == STATUS_OK) {
        ASSERT(module_find_function(&module, "\n") == NULL || module.function_count > 0);
    }
    Buffer table;
    buffer_init(&table, TEXT_BYTES_MAX);
    (void)sql_write_results(&cli, text, &table);  // either way
    buffer_done(&table);
    arena_done(&cli.arena);
    return 0;
}
