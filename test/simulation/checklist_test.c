// checklist_test.c - goal: what storage.md asks of segments, one by one (docs/checklists/storage.md): old and newer versions,
// commits that are there twice, segments that were begun and not filled.
//
// Method: a real log of a few rows; its last segment is taken apart and put together differently.
#include "base/hash.h"
#include "log/segment.h"
#include "replica.h"
#include "values.h"

#define ROWS 20u
#define TRANSACTIONS (2 + ROWS)  // the system schema and the table come first

typedef struct Segment {
    Arena arena;
    Bytes file;
    SegmentCommit commits[TRANSACTIONS];
    uint32_t count;
} Segment;

static void add(TestReplica *replica, uint32_t first, uint32_t last) {
    for (uint32_t i = first; i < last; i++) {
        Tx *tx = tx_begin(replica->store);
        Table *table = store_find_table_by_name(replica->store, BYTES_LITERAL("t"));
        (void)insert(tx, table, key_u32(i));
        LogInputs none = {0};
        (void)log_append(replica->log, &none, tx_commit(tx));
        tx_release(tx);
    }
    log_wake(replica->log);
    test_wait_until(gate_is_open(log_gate(replica->log), log_ticket(replica->log)));
}

static void path_of(const TestReplica *replica, uint64_t number, const char *ending,
                    char ret_path[512]) {
    (void)snprintf(ret_path, 512, "%s/%020llu.stdb.%s", replica->segments,
                   (unsigned long long)number, ending);
}

// A closed log of TRANSACTIONS in one segment, and what is in it.
static void make(TestReplica *replica, Segment *segment) {
    replica_init(replica);
    replica->options.snapshots = NULL;
    replica_open(replica);
    SchemaMaker maker;
    maker_init(&maker, "t");
    maker_column(&maker, "n", type_primitive(TYPE_U32));
    maker_index(&maker, "t_idx", INDEX_BTREE, "0");
    Tx *tx = tx_begin(replica->store);
    create_table_in(tx, maker_schema(&maker));
    LogInputs none = {0};
    (void)log_append(replica->log, &none, tx_commit(tx));
    tx_release(tx);
    maker_done(&maker);
    add(replica, 0, ROWS);
    assert_int_equal(log_ticket(replica->log), TRANSACTIONS);
    replica_close(replica);
    char path[512];
    Error error;
    SegmentReader *reader = NULL;
    *segment = (Segment){.count = 0};
    arena_init(&segment->arena, 64u << 20);
    path_of(replica, 0, "log", path);
    assert_int_equal(
        os_file_read_all(os_real(), path, 32u << 20, &segment->arena, &segment->file, &error),
        STATUS_OK);
    assert_int_equal(segment_reader_open(os_real(), path, &reader, &error), STATUS_OK);
    SegmentCommit *commit = segment->commits;
    while (segment->count < TRANSACTIONS &&
           segment_reader_next(reader, commit, &error) == SEGMENT_COMMIT) {
        commit->records = arena_copy(&segment->arena, commit->records);
        commit++;
        segment->count++;
    }
    segment_reader_close(reader);
    assert_int_equal(segment->count, TRANSACTIONS);
}

static void done(TestReplica *replica, Segment *segment) {
    arena_done(&segment->arena);
    replica_done(replica);
}

// What is written counts: an index of what was there before would not fit.
static void write_segment(const TestReplica *replica, uint64_t number, Bytes bytes) {
    char path[512];
    Error error;
    path_of(replica, number, "ofs", path);
    (void)os_real()->remove(os_real(), path, &error);
    path_of(replica, number, "log", path);
    assert_int_equal(os_file_replace(os_real(), path, bytes, &error), STATUS_OK);
}

static void must_be_refused(const TestReplica *replica, const char *text) {
    Store *store = store_create();
    Log *log = NULL;
    LogReport report;
    Error error = {.text = ""};
    assert_int_not_equal(
        log_open(os_real(), replica->segments, &replica->options, store, &log, &report, &error),
        STATUS_OK);
    if (strstr(error.text, text) == NULL) fail_msg("not \"%s\": %s", text, error.text);
    store_free(store);
}

static void must_hold(TestReplica *replica, uint32_t rows) {
    replica_open(replica);
    Table *table = store_find_table_by_name(replica->store, BYTES_LITERAL("t"));
    assert_int_equal(table_row_count(table), rows);
    store_check(replica->store);
}

// Frames of version 0 have no epoch.
static void segments_of_version_0_are_read_and_left_alone(void **state) {
    (void)state;
    TestReplica replica;
    Segment segment;
    make(&replica, &segment);
    Buffer old;
    buffer_init(&old, 32u << 20);
    buffer_append(&old, segment.file.data, SEGMENT_HEADER_BYTES);
    old.data[6] = 0;
    for (uint32_t i = 0; i < segment.count; i++) {
        size_t start = old.count;
        buffer_u64(&old, segment.commits[i].offset);
        buffer_u16(&old, segment.commits[i].transactions);
        buffer_u32(&old, segment.commits[i].records.count);
        buffer_append_bytes(&old, segment.commits[i].records);
        buffer_u32(&old, crc32c(0, bytes_of(old.data + start, old.count - start)));
    }
    write_segment(&replica, 0, buffer_bytes(&old));
    must_hold(&replica, ROWS);
    add(&replica, ROWS, ROWS + 5);
    replica_close(&replica);
    char path[512];
    Bytes after;
    Error error;
    path_of(&replica, 0, "log", path);
    assert_int_equal(os_file_read_all(os_real(), path, 32u << 20, &segment.arena, &after, &error),
                     STATUS_OK);
    assert_true(bytes_equal(after, buffer_bytes(&old)));
    must_hold(&replica, ROWS + 5);
    buffer_done(&old);
    done(&replica, &segment);
}

static void what_we_do_not_know_is_refused(void **state) {
    (void)state;
    TestReplica replica;
    Segment segment;
    make(&replica, &segment);
    static const struct {
        uint32_t at;
        uint8_t value;
        const char *text;
    } WRONG[] = {
        {6, 2, "unsupported log format version: 2"},
        {7, 1, "unsupported checksum algorithm: 1"},
        {0, 0, "magic"},
    };
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) {
        Bytes changed = arena_copy(&segment.arena, segment.file);
        ((uint8_t *)(uintptr_t)changed.data)[WRONG[i].at] = WRONG[i].value;
        write_segment(&replica, 0, changed);
        must_be_refused(&replica, WRONG[i].text);
    }
    write_segment(&replica, 0, segment.file);
    must_hold(&replica, ROWS);
    done(&replica, &segment);
}

static void a_commit_that_is_there_twice_counts_once(void **state) {
    (void)state;
    TestReplica replica;
    Segment segment;
    make(&replica, &segment);
    const SegmentCommit *last = &segment.commits[segment.count - 1];
    Buffer twice;
    buffer_init(&twice, 32u << 20);
    buffer_append_bytes(&twice, segment.file);
    buffer_append(&twice, segment.file.data + last->at, (size_t)(last->end - last->at));
    write_segment(&replica, 0, buffer_bytes(&twice));
    must_hold(&replica, ROWS);
    assert_int_equal(log_ticket(replica.log), TRANSACTIONS);
    replica_close(&replica);
    // The same transaction with other content: two histories.
    twice.count = segment.file.count;
    buffer_u64(&twice, last->offset);
    buffer_u64(&twice, last->epoch);
    buffer_u16(&twice, 1);
    const SegmentCommit *other = &segment.commits[segment.count - 2];
    buffer_u32(&twice, other->records.count);
    buffer_append_bytes(&twice, other->records);
    size_t start = segment.file.count;
    buffer_u32(&twice, crc32c(0, bytes_of(twice.data + start, twice.count - start)));
    write_segment(&replica, 0, buffer_bytes(&twice));
    must_be_refused(&replica, "forked history");
    write_segment(&replica, 0, segment.file);
    must_hold(&replica, ROWS);
    buffer_done(&twice);
    done(&replica, &segment);
}

// A segment that holds its header, or a part of its first commit, was begun when the power failed.
static void a_segment_that_was_just_begun_is_no_damage(void **state) {
    (void)state;
    TestReplica replica;
    Segment segment;
    make(&replica, &segment);
    const SegmentCommit *last = &segment.commits[segment.count - 1];
    Bytes front = bytes_slice(segment.file, 0, (uint32_t)last->at);
    Buffer begun;
    buffer_init(&begun, 32u << 20);
    for (uint32_t bytes = 0; bytes < last->end - last->at; bytes += 7) {
        write_segment(&replica, 0, front);
        buffer_clear(&begun);
        buffer_append(&begun, segment.file.data, SEGMENT_HEADER_BYTES);
        buffer_append(&begun, segment.file.data + last->at, bytes);
        write_segment(&replica, TRANSACTIONS - 1, buffer_bytes(&begun));
        must_hold(&replica, ROWS - 1);
        add(&replica, 100, 103);
        replica_close(&replica);
        must_hold(&replica, ROWS + 2);
        replica_close(&replica);
        char path[512];
        Error error;
        path_of(&replica, TRANSACTIONS - 1, "log", path);
        (void)os_real()->remove(os_real(), path, &error);
        path_of(&replica, TRANSACTIONS - 1, "ofs", path);
        (void)os_real()->remove(os_real(), path, &error);
    }
    buffer_done(&begun);
    write_segment(&replica, 0, segment.file);
    must_hold(&replica, ROWS);
    done(&replica, &segment);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segments_of_version_0_are_read_and_left_alone),
        cmocka_unit_test(what_we_do_not_know_is_refused),
        cmocka_unit_test(a_commit_that_is_there_twice_counts_once),
        cmocka_unit_test(a_segment_that_was_just_begun_is_no_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
