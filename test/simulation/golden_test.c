// golden_test.c - goal: what an unmodified upstream server (2.8.3) wrote replays into its tables, and what we make of it
// is the same bytes again: every commit, the list of the snapshot, every page of it.
//
// Method: copies of golden/data. Pages made anew from decoded rows are compared by their rows: upstream leaves what was
// in memory before in padding and in free places, so their bytes cannot come out again.
#include "log/flat_page.h"
#include "log/segment.h"
#include "log/snapshot_dir.h"
#include "log/snapshot_file.h"
#include "replica.h"

#define SEGMENT "00000000000000000000.stdb.log"

static void golden_init(TestReplica *replica) {
    replica_init(replica);
    replica->options.database = (Identity){{0}};
    replica->options.snapshots = NULL;
    char path[512];
    (void)snprintf(path, sizeof path, "%s/data/replicas/1/clog", test_golden());
    test_copy_tree(path, replica->segments);
    (void)snprintf(path, sizeof path, "%s/data/replicas/1/snapshots", test_golden());
    test_copy_tree(path, replica->snapshots);
}

static void upstreams_log_replays(void **state) {
    (void)state;
    TestReplica replica;
    golden_init(&replica);
    replica_open(&replica);
    assert_int_equal(replica.report.torn_bytes, 0);
    assert_int_equal(replica.report.transactions, 1);
    static const struct {
        const char *table;
        uint64_t rows;
    } EXPECTED[] = {
        {"fixed", 0},
        {"kinds", 0},
        {"secret", 1},  // written by init, the one transaction that this log holds
        {"st_row_level_security", 1},
        {"st_module", 1},
    };
    for (size_t i = 0; i < sizeof EXPECTED / sizeof EXPECTED[0]; i++) {
        Table *table = store_find_table_by_name(replica.store, bytes_of_text(EXPECTED[i].table));
        assert_non_null(table);
        assert_int_equal(table_row_count(table), EXPECTED[i].rows);
    }
    ProgramInfo program;
    assert_true(store_program(replica.store, &program));
    Hash hash = hash_keccak256(program.program);
    assert_true(hash_equal(&hash, &program.hash));
    // It opens again with what this one left.
    uint64_t ticket = log_ticket(replica.log);
    replica_close(&replica);
    replica_open(&replica);
    assert_int_equal(replica.report.transactions, ticket);
    assert_int_equal(log_ticket(replica.log), ticket);
    replica_done(&replica);
}

// ---- commits ----

#define GROUPS_MAX 64u
#define ROWS_MAX 4096u

typedef struct Decoded {
    Arena arena;
    LogInputs inputs;
    TableDelta deltas[GROUPS_MAX];
    uint32_t count;
} Decoded;

static TableDelta *delta_of(Decoded *decoded, TableId id) {
    for (uint32_t i = 0; i < decoded->count; i++) {
        if (decoded->deltas[i].schema->id == id) return &decoded->deltas[i];
    }
    assert_true(decoded->count < GROUPS_MAX);
    TableSchema *schema = ARENA_NEW(&decoded->arena, TableSchema);
    schema->id = id;
    TableDelta *delta = &decoded->deltas[decoded->count++];
    *delta = (TableDelta){.schema = schema};
    return delta;
}

// By the format, without txdata.c; rows are inserted as they come, so that later ones have their types.
static void decode_side(Decoded *decoded, Reader *reader, Store *store, bool is_insert) {
    uint64_t groups = reader_varint(reader);
    for (uint64_t g = 0; g < groups; g++) {
        TableId id = reader_u32(reader);
        uint64_t count = reader_varint(reader);
        assert_true(reader_ok(reader) && count <= ROWS_MAX);
        Row *rows = ARENA_ARRAY(&decoded->arena, Row, count);
        for (uint64_t r = 0; r < count; r++) {
            Error error = {.text = ""};
            const uint8_t *start = reader->at;
            Status status = bsatn_check(TYPESPACE_NONE, store_replay_row_type(store, id), reader,
                                        &error);
            rows[r].bytes = bytes_of(start, (size_t)(reader->at - start));
            if (status == STATUS_OK) {
                status = is_insert ? store_replay_insert(store, id, rows[r].bytes, &error)
                                   : store_replay_delete(store, id, rows[r].bytes, &error);
            }
            if (status != STATUS_OK) fail_msg("%s", error.text);
        }
        RowSpan *span = is_insert ? &delta_of(decoded, id)->inserted
                                  : &delta_of(decoded, id)->deleted;
        *span = (RowSpan){rows, (uint32_t)count};
    }
}

static int compare_deltas(const void *a, const void *b) {
    TableId left = ((const TableDelta *)a)->schema->id;
    TableId right = ((const TableDelta *)b)->schema->id;
    return left < right ? -1 : left > right;
}

static void decode_record(Decoded *decoded, Bytes record, Store *store) {
    Reader reader = reader_of(record);
    uint8_t flags = reader_u8(&reader);
    assert_true(flags == 0x20 || flags == 0xa0);
    if (flags & 0x80) {
        Reader inputs = reader_of(reader_bytes(&reader));
        uint8_t name = reader_u8(&inputs);
        decoded->inputs.present = true;
        decoded->inputs.reducer = bytes_of(reader_take(&inputs, name), name);
        memcpy(decoded->inputs.caller.bytes, reader_take(&inputs, 32), 32);
        memcpy(decoded->inputs.connection.bytes, reader_take(&inputs, 16), 16);
        decoded->inputs.timestamp = (int64_t)reader_u64(&inputs);
        decoded->inputs.args = bytes_of(inputs.at, reader_left(&inputs));
        assert_true(reader_ok(&inputs));
    }
    decode_side(decoded, &reader, store, true);
    decode_side(decoded, &reader, store, false);
    uint64_t truncated = reader_varint(&reader);
    for (uint64_t i = 0; i < truncated; i++)
        delta_of(decoded, reader_u32(&reader))->is_truncated = true;
    assert_true(reader_finish(&reader));
    qsort(decoded->deltas, decoded->count, sizeof decoded->deltas[0], compare_deltas);
}

static void upstreams_commits_come_out_the_same(void **state) {
    (void)state;
    char path[512];
    (void)snprintf(path, sizeof path, "%s/data/replicas/1/clog/" SEGMENT, test_golden());
    Arena arena;
    Bytes file;
    Error error;
    arena_init(&arena, 64u << 20);
    assert_int_equal(os_file_read_all(os_real(), path, 32u << 20, &arena, &file, &error),
                     STATUS_OK);
    SegmentReader *reader = NULL;
    assert_int_equal(segment_reader_open(os_real(), path, &reader, &error), STATUS_OK);
    Store *store = store_create();
    store_replay_begin(store);
    Buffer out;
    buffer_init(&out, 64u << 20);
    uint8_t header[SEGMENT_HEADER_BYTES];
    segment_header_write(header);
    buffer_append(&out, header, sizeof header);
    SegmentCommit commit;
    uint32_t commits = 0;
    while (segment_reader_next(reader, &commit, &error) == SEGMENT_COMMIT) {
        Decoded decoded = {.count = 0};
        arena_init(&decoded.arena, 64u << 20);
        decode_record(&decoded, commit.records, store);
        assert_int_equal(store_replay_commit(store, &error), STATUS_OK);
        Commit made = {.tables = decoded.deltas, .table_count = decoded.count, .is_logged = true};
        size_t start = out.count;
        buffer_u64(&out, commit.offset);
        buffer_u64(&out, commit.epoch);
        buffer_u16(&out, commit.transactions);
        buffer_u32(&out, commit.records.count);
        txdata_write(&out, &decoded.inputs, &made);
        buffer_u32(&out, crc32c(0, bytes_of(out.data + start, out.count - start)));
        arena_done(&decoded.arena);
        commits++;
    }
    assert_int_equal(commits, 1);
    assert_int_equal(out.count, file.count);
    assert_memory_equal(out.data, file.data, file.count);
    segment_reader_close(reader);
    const Commit *repairs = NULL;
    assert_int_equal(store_replay_end(store, &repairs, &error), STATUS_OK);
    tx_release(store_tx(store));
    store_free(store);
    buffer_done(&out);
    arena_done(&arena);
}

// ---- the snapshot ----

static bool fetch_from_page(void *user, const uint8_t *reference, Buffer *content) {
    Hash blob;
    return flat_page_fetch(user, reference, content, &blob) == FLAT_INLINE;
}

// The rows of a page, put into a page of ours, read from there: the same.
static void check_page_from_rows(const FlatPage *page, const FlatRow *row) {
    FlatPage made;
    FlatObjectVec objects = {0};
    Buffer bsatn;
    Buffer again;
    Buffer fixed;
    flat_page_init(&made);
    flat_page_clear(&made, row->row_bytes);
    buffer_init(&bsatn, 1u << 20);
    buffer_init(&again, 1u << 20);
    buffer_init(&fixed, FLAT_PAGE_BYTES);
    for (uint32_t slot = 0; flat_page_next(page, &slot); slot++) {
        buffer_clear(&bsatn);
        // What refers to a blob (the program) is left out.
        if (!flat_row_read(row, flat_page_row(page, slot), fetch_from_page, (void *)page, &bsatn))
            continue;
        buffer_clear(&fixed);
        memset(buffer_reserve(&fixed, row->row_bytes), 0, row->row_bytes);
        flat_object_vec_clear(&objects);
        flat_row_write(row, buffer_bytes(&bsatn), fixed.data, &objects);
        assert_true(flat_page_add(&made, slot, fixed.data, &objects));
        buffer_clear(&again);
        assert_true(flat_row_read(row, flat_page_row(&made, slot), fetch_from_page, &made, &again));
        assert_true(bytes_equal(buffer_bytes(&bsatn), buffer_bytes(&again)));
    }
    // The same rows in the same slots take the same room.
    if (made.row_count == page->row_count) {
        assert_int_equal(made.last, page->last);
        assert_int_equal(made.granule_count, page->granule_count);
    }
    buffer_done(&bsatn);
    buffer_done(&again);
    buffer_done(&fixed);
    flat_object_vec_done(&objects);
    flat_page_done(&made);
}

static void upstreams_snapshot_comes_out_the_same(void **state) {
    (void)state;
    TestReplica replica;
    golden_init(&replica);
    replica_open(&replica);
    Arena arena;
    arena_init(&arena, 64u << 20);
    char path[OS_PATH_BYTES_MAX];
    Error error;
    Buffer content;
    Buffer out;
    buffer_init(&content, 1u << 20);
    buffer_init(&out, 1u << 20);
    snapshot_file_path(replica.snapshots, 0, path);
    assert_int_equal(snapshot_read_file(os_real(), path, 1u << 20, &content, &error), STATUS_OK);
    SnapshotFile snapshot;
    Bytes list = arena_copy(&arena, buffer_bytes(&content));
    assert_int_equal(snapshot_file_read(list, &arena, &snapshot, &error), STATUS_OK);
    snapshot_file_write(&snapshot, &out);
    assert_true(bytes_equal(buffer_bytes(&out), list));
    FlatPage page;
    flat_page_init(&page);
    uint32_t pages = 0;
    for (uint32_t i = 0; i < snapshot.table_count; i++) {
        const SnapshotTable *table = &snapshot.tables[i];
        for (uint32_t p = 0; p < table->page_count; p++, pages++) {
            FlatRow row;
            Table *ours = store_find_table(replica.store, table->id);
            assert_non_null(ours);
            assert_true(flat_row_of(table_schema(ours)->row_type, &arena, &row));
            snapshot_object_path(replica.snapshots, 0, &table->pages[p], path);
            assert_int_equal(snapshot_read_file(os_real(), path, 1u << 20, &content, &error),
                             STATUS_OK);
            assert_true(flat_page_read(buffer_bytes(&content), row.row_bytes, &page));
            Hash hash = flat_page_hash(&page);
            assert_true(hash_equal(&hash, &table->pages[p]));
            buffer_clear(&out);
            flat_page_write(&page, &hash, &out);
            assert_true(bytes_equal(buffer_bytes(&out), buffer_bytes(&content)));
            check_page_from_rows(&page, &row);
        }
    }
    assert_int_equal(pages, 15);
    assert_int_equal(snapshot.blob_count, 1);
    flat_page_done(&page);
    buffer_done(&content);
    buffer_done(&out);
    arena_done(&arena);
    replica_done(&replica);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(upstreams_log_replays),
        cmocka_unit_test(upstreams_commits_come_out_the_same),
        cmocka_unit_test(upstreams_snapshot_comes_out_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
