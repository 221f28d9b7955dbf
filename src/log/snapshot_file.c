// snapshot_file.c - see snapshot_file.h. Fixed-size arrays carry their count, as in all of upstream's BSATN.
#include "log/snapshot_file.h"

#include "base/reader.h"

static const uint8_t MAGIC[4] = {'t', 'x', 'y', 'z'};
#define VERSION 0u
#define MODULE_ABI_MAJOR 7u
#define MODULE_ABI_MINOR 0u
#define HASH_BYTES ((uint32_t)sizeof(Hash))
#define BLOB_BYTES_MIN (4u + HASH_BYTES + 4u)
#define TABLE_BYTES_MIN 8u
#define PAGE_BYTES_MIN (4u + HASH_BYTES)

static void write_hash(Buffer *buffer, const Hash *hash);
static Hash read_hash(Reader *reader);
static void read_blobs(Reader *reader, Arena *arena, SnapshotFile *snapshot);
static void read_tables(Reader *reader, Arena *arena, SnapshotFile *snapshot);

void snapshot_file_write(const SnapshotFile *snapshot, Buffer *file) {
    Hash none = {{0}};
    size_t start = file->count;
    buffer_append(file, none.bytes, HASH_BYTES);
    buffer_string(file, bytes_of(MAGIC, sizeof MAGIC));
    buffer_u8(file, VERSION);
    buffer_append(file, snapshot->database.bytes, sizeof snapshot->database.bytes);
    buffer_u64(file, snapshot->replica);
    buffer_u32(file, 2);
    buffer_u16(file, MODULE_ABI_MAJOR);
    buffer_u16(file, MODULE_ABI_MINOR);
    buffer_u64(file, snapshot->tx_offset);
    buffer_u32(file, snapshot->blob_count);
    for (uint32_t i = 0; i < snapshot->blob_count; i++) {
        write_hash(file, &snapshot->blobs[i].hash);
        buffer_u32(file, snapshot->blobs[i].uses);
    }
    buffer_u32(file, snapshot->table_count);
    for (uint32_t i = 0; i < snapshot->table_count; i++) {
        const SnapshotTable *table = &snapshot->tables[i];
        buffer_u32(file, table->id);
        buffer_u32(file, table->page_count);
        for (uint32_t p = 0; p < table->page_count; p++) write_hash(file, &table->pages[p]);
    }
    if (file->failed) return;
    Bytes body = bytes_of(file->data + start + HASH_BYTES, file->count - start - HASH_BYTES);
    Hash hash = hash_blake3(body);
    memcpy(file->data + start, hash.bytes, HASH_BYTES);
}

static void write_hash(Buffer *buffer, const Hash *hash) {
    buffer_string(buffer, bytes_of(hash->bytes, HASH_BYTES));
}

Status snapshot_file_read(Bytes file, Arena *arena, SnapshotFile *ret_snapshot, Error *error) {
    if (file.count < HASH_BYTES) return error_set(error, STATUS_CORRUPT, "too short");
    Bytes body = bytes_slice(file, HASH_BYTES, file.count - HASH_BYTES);
    Hash hash = hash_blake3(body);
    if (memcmp(hash.bytes, file.data, HASH_BYTES) != 0) {
        char computed[65];
        char expected[65];
        Hash stored;
        memcpy(stored.bytes, file.data, HASH_BYTES);
        hash_to_hex(&hash, computed);
        hash_to_hex(&stored, expected);
        return error_set(error, STATUS_CORRUPT, "expected hash %s, but computed %s", expected,
                         computed);
    }
    SnapshotFile snapshot = {0};
    Reader reader = reader_of(body);
    Bytes magic = reader_bytes(&reader);
    if (!bytes_equal(magic, bytes_of(MAGIC, sizeof MAGIC))) {
        return error_set(error, STATUS_CORRUPT, "bad magic number");
    }
    uint8_t version = reader_u8(&reader);
    if (version != VERSION) {
        return error_set(error, STATUS_UNSUPPORTED, "unsupported version %u", version);
    }
    const uint8_t *database = reader_take(&reader, sizeof snapshot.database.bytes);
    if (database) memcpy(snapshot.database.bytes, database, sizeof snapshot.database.bytes);
    snapshot.replica = reader_u64(&reader);
    if (reader_u32(&reader) != 2) reader.failed = true;
    (void)reader_take(&reader, 4);  // the module ABI: nothing hangs on it
    snapshot.tx_offset = reader_u64(&reader);
    read_blobs(&reader, arena, &snapshot);
    read_tables(&reader, arena, &snapshot);
    if (!reader_finish(&reader)) return error_set(error, STATUS_CORRUPT, "malformed");
    *ret_snapshot = snapshot;
    return STATUS_OK;
}

static Hash read_hash(Reader *reader) {
    Hash hash = {{0}};
    Bytes bytes = reader_bytes(reader);
    if (bytes.count != HASH_BYTES) reader->failed = true;
    if (!reader->failed) memcpy(hash.bytes, bytes.data, HASH_BYTES);
    return hash;
}

static void read_blobs(Reader *reader, Arena *arena, SnapshotFile *snapshot) {
    uint32_t count = reader_count(reader, BLOB_BYTES_MIN);
    SnapshotBlob *blobs = ARENA_ARRAY(arena, SnapshotBlob, count);
    for (uint32_t i = 0; i < count; i++) {
        blobs[i].hash = read_hash(reader);
        blobs[i].uses = reader_u32(reader);
    }
    snapshot->blobs = blobs;
    snapshot->blob_count = count;
}

static void read_tables(Reader *reader, Arena *arena, SnapshotFile *snapshot) {
    uint32_t count = reader_count(reader, TABLE_BYTES_MIN);
    SnapshotTable *tables = ARENA_ARRAY(arena, SnapshotTable, count);
    for (uint32_t i = 0; i < count && reader_ok(reader); i++) {
        tables[i].id = reader_u32(reader);
        tables[i].page_count = reader_count(reader, PAGE_BYTES_MIN);
        Hash *pages = ARENA_ARRAY(arena, Hash, tables[i].page_count);
        for (uint32_t p = 0; p < tables[i].page_count; p++) pages[p] = read_hash(reader);
        tables[i].pages = pages;
    }
    snapshot->tables = tables;
    snapshot->table_count = count;
}
