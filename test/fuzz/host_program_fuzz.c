// host_program_fuzz.c - any bytes as a program.
//
// An input that begins like WebAssembly is taken as it is; any other is a list of changes to a good module, | u16 place |
// byte |, which gets further than noise does. Programs are compiled, linked and checked, not started: a start function
// may take a minute.
#include "base/log.h"
#include "remote.h"  // of test/unit/host

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count);

static HostEngine *engine;
static Buffer good;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count) {
    Error error;
    if (!engine) {
        log_set_level(LOG_ERROR);
        ASSERT(host_engine_create(os_real(), NULL, &engine, &error) == STATUS_OK);
        buffer_init(&good, BUILDER_BYTES_MAX);
        remote_build(&good, REMOTE_ALL_EXPORTS);
    }
    Buffer module;
    buffer_init(&module, BUILDER_BYTES_MAX);
    bool is_whole = count >= 4 && memcmp(data, "\0asm", 4) == 0;
    if (is_whole) {
        buffer_append(&module, data, count < BUILDER_BYTES_MAX ? count : BUILDER_BYTES_MAX);
    } else {
        buffer_append(&module, good.data, good.count);
        Reader reader = reader_of(bytes_of(data, count));
        while (reader_left(&reader) >= 3) {
            uint16_t at = reader_u16(&reader);
            module.data[at % module.count] = reader_u8(&reader);
        }
    }
    Program *program = NULL;
    Hash hash = {0};
    Status status = program_create(engine, PROGRAM_WASM, buffer_bytes(&module), &hash, &program,
                                   &error);
    ASSERT((status == STATUS_OK) == (program != NULL));
    if (count == 0) ASSERT(status == STATUS_OK);
    program_unref(program);
    buffer_done(&module);
    return 0;
}
