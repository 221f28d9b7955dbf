// cache.c - compiled code on disk. A file, little-endian:
//
//   0          8               16                48
//   | "STDBCODE" | u64 code bytes | BLAKE3 of code | code |
//
// Its name is <program hash>-<hash of the settings>. Loading native code is as good as running it, so it is believed
// only if its hash is right; Wasmtime itself checks that it was made for this version and these CPU features.
#include "base/log.h"
#include "host/wasm/engine.h"

#include <stdio.h>

#define CACHE_MAGIC "STDBCODE"
#define CACHE_HEADER_BYTES 48u
#define SETTINGS_HASH_BYTES 8u

static bool cache_path(const HostEngine *engine, const Hash *program,
                       char ret_path[OS_PATH_BYTES_MAX]);
static bool cache_check(Bytes file, Bytes *ret_code);
static void hash_part_to_hex(const Hash *hash, size_t count, char *ret_text);

wasmtime_module_t *cache_load(const HostEngine *engine, const Hash *program) {
    char path[OS_PATH_BYTES_MAX];
    if (!engine->cache_dir || !cache_path(engine, program, path)) return NULL;
    if (!os_path_exists(engine->os, path)) return NULL;
    Arena arena;
    arena_init(&arena, MODULE_CODE_BYTES_MAX + CACHE_HEADER_BYTES);
    wasmtime_module_t *module = NULL;
    Error error = {.text = "damaged"};
    Bytes file;
    Bytes code;
    Status status = os_file_read_all(engine->os, path, MODULE_CODE_BYTES_MAX, &arena, &file,
                                     &error);
    if (status == STATUS_OK && cache_check(file, &code)) {
        wasmtime_error_t *failure = wasmtime_module_deserialize(engine->wasm, code.data, code.count,
                                                                &module);
        if (failure) {
            (void)error_set(&error, STATUS_CORRUPT,
                            "made by another version or for another machine");
            wasmtime_error_delete(failure);
            module = NULL;
        }
    }
    if (!module)
        log_line(LOG_INFO, "host", "compiling again, cached code %s: %s", path, error.text);
    arena_done(&arena);
    return module;
}

void cache_store(const HostEngine *engine, const Hash *program, const wasmtime_module_t *module) {
    char path[OS_PATH_BYTES_MAX];
    if (!engine->cache_dir || !cache_path(engine, program, path)) return;
    wasm_byte_vec_t code;
    wasmtime_error_t *failure = wasmtime_module_serialize(module, &code);
    if (failure) {
        wasmtime_error_delete(failure);
        log_line(LOG_WARN, "host", "compiled code cannot be written");
        return;
    }
    Buffer file;
    buffer_init(&file, MODULE_CODE_BYTES_MAX);
    if (code.size <= MODULE_CODE_BYTES_MAX - CACHE_HEADER_BYTES) {
        Bytes bytes = bytes_of(code.data, code.size);
        Hash hash = hash_blake3(bytes);
        buffer_append_text(&file, CACHE_MAGIC);
        buffer_u64(&file, code.size);
        buffer_append(&file, hash.bytes, sizeof hash.bytes);
        ASSERT(file.count == CACHE_HEADER_BYTES);
        buffer_append_bytes(&file, bytes);
        Error error;
        Status status = os_file_replace(engine->os, path, buffer_bytes(&file), &error);
        if (status != STATUS_OK)
            log_line(LOG_WARN, "host", "compiled code was not kept: %s", error.text);
    }
    buffer_done(&file);
    wasm_byte_vec_delete(&code);
}

static bool cache_check(Bytes file, Bytes *ret_code) {
    Reader reader = reader_of(file);
    const uint8_t *magic = reader_take(&reader, sizeof CACHE_MAGIC - 1);
    uint64_t count = reader_u64(&reader);
    const uint8_t *expected = reader_take(&reader, sizeof(Hash));
    if (reader.failed || memcmp(magic, CACHE_MAGIC, sizeof CACHE_MAGIC - 1) != 0) return false;
    if (count != reader_left(&reader)) return false;
    Bytes code = bytes_of(reader.at, reader_left(&reader));
    Hash hash = hash_blake3(code);
    if (memcmp(hash.bytes, expected, sizeof hash.bytes) != 0) return false;
    *ret_code = code;
    return true;
}

static bool cache_path(const HostEngine *engine, const Hash *program,
                       char ret_path[OS_PATH_BYTES_MAX]) {
    char name[2 * sizeof program->bytes + 1];
    char settings_name[2 * SETTINGS_HASH_BYTES + 1];
    Hash settings = hash_blake3(bytes_of_text(ENGINE_SETTINGS));
    hash_part_to_hex(program, sizeof program->bytes, name);
    hash_part_to_hex(&settings, SETTINGS_HASH_BYTES, settings_name);
    int count = snprintf(ret_path, OS_PATH_BYTES_MAX, "%s/%s-%s", engine->cache_dir, name,
                         settings_name);
    return count > 0 && (uint32_t)count < OS_PATH_BYTES_MAX;
}

static void hash_part_to_hex(const Hash *hash, size_t count, char *ret_text) {
    for (size_t i = 0; i < count; i++) snprintf(ret_text + 2 * i, 3, "%02x", hash->bytes[i]);
}
