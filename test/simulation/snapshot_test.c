// snapshot_test.c - goal: snapshots hold what the log holds, whoever wrote them; what is damaged is not used, nor what
// is ahead of the log; unchanged pages are shared; nothing that is there is lost when files are compressed.
//
// Method: a snapshot of an unmodified server beside its log; random tables in temporary directories, opened with and
// without their snapshots; files flipped, removed and cut.
#include "replica.h"
#include "values.h"

// ---- upstream's ----

static void golden_init(TestReplica *replica) {
    replica_init(replica);
    replica->options.database = (Identity){{0}};  // whose it is, it says itself
    char path[512];
    (void)snprintf(path, sizeof path, "%s/data/replicas/1/clog", test_golden());
    test_copy_tree(path, replica->segments);
    (void)snprintf(path, sizeof path, "%s/data/replicas/1/snapshots", test_golden());
    test_copy_tree(path, replica->snapshots);
}

static void upstreams_snapshot_is_its_log(void **state) {
    (void)state;
    TestReplica with;
    TestReplica without;
    golden_init(&with);
    golden_init(&without);
    without.options.snapshots = NULL;
    replica_open(&with);
    replica_open(&without);
    assert_int_equal(with.report.snapshot_transactions, 1);
    assert_int_equal(with.report.transactions, 0);
    assert_int_equal(without.report.snapshot_transactions, 0);
    assert_int_equal(without.report.transactions, 1);
    assert_stores_equal(with.store, without.store);
    store_check(with.store);
    replica_done(&with);
    replica_done(&without);
}

static void anothers_snapshot_is_refused(void **state) {
    (void)state;
    TestReplica replica;
    golden_init(&replica);
    replica.options.database.bytes[5] = 1;
    assert_int_equal(replica_try_open(&replica), STATUS_INVALID);
    assert_non_null(
        strstr(replica.error.text, "Snapshot has incorrect database_identity: expected "));
    replica.options.database = (Identity){{0}};
    replica_open(&replica);  // it was not set aside
    assert_int_equal(replica.report.snapshot_transactions, 1);
    replica_done(&replica);
}

// ---- ours ----

typedef struct Made {
    TestReplica replica;
    Random random;
    SchemaMaker makers[8];
    uint32_t maker_count;
} Made;

static void append(TestReplica *replica, Tx *tx) {
    LogInputs none = {0};
    const Commit *commit = tx_commit(tx);
    if (commit->is_logged) (void)log_append(replica->log, &none, commit);
    tx_release(tx);
}

static void make_table(Made *made, const char *name, const Type *const *types, uint32_t count) {
    SchemaMaker *maker = &made->makers[made->maker_count++];
    maker_init(maker, name);
    for (uint32_t i = 0; i < count; i++) {
        char column[16];
        (void)snprintf(column, sizeof column, "c%u", i);
        maker_column(maker, arena_copy_text(&maker->arena, bytes_of_text(column)), types[i]);
    }
    char text[64];
    (void)snprintf(text, sizeof text, "%s_idx", name);
    maker_index(maker, arena_copy_text(&maker->arena, bytes_of_text(text)), INDEX_BTREE, "0");
    Tx *tx = tx_begin(made->replica.store);
    create_table_in(tx, maker_schema(maker));
    append(&made->replica, tx);
}

static Table *table_named(Made *made, const char *name) {
    Table *table = store_find_table_by_name(made->replica.store, bytes_of_text(name));
    assert_non_null(table);
    return table;
}

// One of each type that values.h knows, several tables.
static void make_random_tables(Made *made) {
    static const char *const NAMES[] = {"r0", "r1", "r2", "r3", "r4"};
    for (uint32_t i = 0; i < 5; i++) {
        const Type *types[6];
        uint32_t count = 1 + random_below(&made->random, 6);
        Arena arena;
        arena_init(&arena, 1u << 20);
        for (uint32_t c = 0; c < count; c++) types[c] = random_type(&made->random, &arena);
        make_table(made, NAMES[i], types, count);
        arena_done(&arena);
        Tx *tx = tx_begin(made->replica.store);
        Table *table = table_named(made, NAMES[i]);
        for (uint32_t r = 0; r < 300; r++) {
            Buffer row;
            buffer_init(&row, 1u << 20);
            for (uint32_t c = 0; c < count; c++) {
                random_value(&made->random, table_schema(table)->columns[c].type, &row);
            }
            (void)insert(tx, table, buffer_bytes(&row));
            buffer_done(&row);
        }
        append(&made->replica, tx);
    }
}

static void made_init(Made *made, uint64_t seed) {
    *made = (Made){.random = {seed}};
    replica_init(&made->replica);
    replica_open(&made->replica);
}

static void made_done(Made *made) {
    replica_done(&made->replica);
    for (uint32_t i = 0; i < made->maker_count; i++) maker_done(&made->makers[i]);
}

static void take_snapshot(TestReplica *replica) {
    assert_true(log_snapshot_begin(replica->log, replica->store));
    log_wake(replica->log);
    test_wait_until(!log_snapshot_is_running(replica->log));
}

static bool exists(const TestReplica *replica, const char *name) {
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", replica->directory, name);
    return os_path_exists(os_real(), path);
}

static void snapshot_name(uint64_t offset, const char *ending, char ret_name[64]) {
    (void)snprintf(ret_name, 64, "snapshots/%020llu.%s", (unsigned long long)offset, ending);
}

// The same with the snapshot and from the whole log.
static void check_both_ways(TestReplica *replica) {
    replica_close(replica);
    replica_open(replica);
    assert_true(replica->report.snapshot_transactions > 0);
    store_check(replica->store);
    TestReplica whole = *replica;
    Store *with = replica->store;
    log_close(replica->log);
    whole.options.snapshots = NULL;
    replica_open(&whole);
    assert_int_equal(whole.report.snapshot_transactions, 0);
    assert_stores_equal(with, whole.store);
    replica_close(&whole);
    store_free(with);
    replica_open(replica);
}

static void a_snapshot_is_its_log(void **state) {
    (void)state;
    for (uint64_t seed = test_seed(1); seed < test_seed(1) + 5 * test_rounds(1); seed++) {
        Made made;
        made_init(&made, seed);
        make_random_tables(&made);
        take_snapshot(&made.replica);
        // More comes behind it.
        Tx *tx = tx_begin(made.replica.store);
        (void)tx_clear(tx, table_named(&made, "r1"));
        append(&made.replica, tx);
        check_both_ways(&made.replica);
        assert_int_equal(made.replica.report.transactions, 1);
        made_done(&made);
    }
}

// Rows whose parts are of every size at which the form changes: granules, blobs, rows that hardly fit a page.
static void large_parts_come_back(void **state) {
    (void)state;
    Made made;
    made_init(&made, 7);
    static const uint32_t SIZES[] = {0,   1,   61,  62,  63,  123,  124,   125,
                                     988, 989, 991, 992, 993, 5000, 65536, 200000};
    Arena arena;
    arena_init(&arena, 1u << 20);
    const Type *types[] = {type_primitive(TYPE_U32), type_primitive(TYPE_STRING),
                           type_array(&arena, type_primitive(TYPE_U8)),
                           type_array(&arena, type_primitive(TYPE_STRING))};
    make_table(&made, "large", types, 4);
    Table *table = table_named(&made, "large");
    Tx *tx = tx_begin(made.replica.store);
    for (uint32_t i = 0; i < 3 * (sizeof SIZES / sizeof SIZES[0]); i++) {
        Buffer row;
        buffer_init(&row, 1u << 20);
        uint32_t sizes[3];
        for (uint32_t c = 0; c < 3; c++) {
            sizes[c] = SIZES[(i * (c + 1) + i / 16) % (sizeof SIZES / sizeof SIZES[0])];
        }
        buffer_u32(&row, i);
        buffer_u32(&row, sizes[0]);
        for (uint32_t b = 0; b < sizes[0]; b++) buffer_u8(&row, (uint8_t)('a' + b % 26));
        buffer_u32(&row, sizes[1]);
        for (uint32_t b = 0; b < sizes[1]; b++) buffer_u8(&row, (uint8_t)b);
        buffer_u32(&row, 1);
        buffer_u32(&row, sizes[2]);
        for (uint32_t b = 0; b < sizes[2]; b++) buffer_u8(&row, 'z');
        assert_int_equal(insert(tx, table, buffer_bytes(&row)), INSERT_ADDED);
        buffer_done(&row);
    }
    append(&made.replica, tx);
    // A row with so many parts that the smaller ones have to leave the page too.
    const Type *many[80];
    for (uint32_t i = 0; i < 15; i++) many[i] = types[1];
    make_table(&made, "wide", many, 15);
    tx = tx_begin(made.replica.store);
    Buffer row;
    buffer_init(&row, 1u << 20);
    for (uint32_t i = 0; i < 15; i++) {
        buffer_u32(&row, 992);
        for (uint32_t b = 0; b < 992; b++) buffer_u8(&row, 'w');
    }
    assert_int_equal(insert(tx, table_named(&made, "wide"), buffer_bytes(&row)), INSERT_ADDED);
    buffer_done(&row);
    append(&made.replica, tx);
    take_snapshot(&made.replica);
    check_both_ways(&made.replica);
    arena_done(&arena);
    made_done(&made);
}

// ---- what must not be used ----

static void flip_file(const char *path, uint64_t at) {
    File file;
    uint8_t byte;
    Os *os = os_real();
    assert_int_equal(os->file_open(os, path, OS_OPEN_READ_WRITE, &file, NULL), STATUS_OK);
    assert_int_equal(os->file_read(os, file, at, &byte, 1, NULL), STATUS_OK);
    byte ^= 4;
    assert_int_equal(os->file_write(os, file, at, &byte, 1, NULL), STATUS_OK);
    os->file_close(os, file);
}

// The path of some object, the `nth` from the front of the listing.
static void object_path(const TestReplica *replica, uint64_t offset, uint32_t nth,
                        char ret_path[512]) {
    char objects[256];
    (void)snprintf(objects, sizeof objects, "%s/%020llu.snapshot_dir/objects", replica->snapshots,
                   (unsigned long long)offset);
    TestNames *folders = test_list(objects);
    char folder[400];
    (void)snprintf(folder, sizeof folder, "%s/%.2s", objects, folders->names[nth % folders->count]);
    mem_free(folders);
    TestNames *files = test_list(folder);
    (void)snprintf(ret_path, 512, "%s/%.80s", folder, files->names[0]);
    mem_free(files);
}

static void add_row(Made *made, const char *name, uint32_t value) {
    Tx *tx = tx_begin(made->replica.store);
    (void)insert(tx, table_named(made, name), key_u32(value));
    append(&made->replica, tx);
}

// Two snapshots; the newer one is damaged in one way after the other, each time the older one takes its place.
static void a_damaged_snapshot_gives_way_to_an_older_one(void **state) {
    (void)state;
    for (uint32_t way = 1; way < 12; way += 2) {
        Made made;
        made_init(&made, 3);
        const Type *types[] = {type_primitive(TYPE_U32)};
        make_table(&made, "t", types, 1);
        add_row(&made, "t", 1);
        take_snapshot(&made.replica);
        add_row(&made, "t", 2);
        add_row(&made, "t", 3);
        take_snapshot(&made.replica);
        uint64_t newest = log_ticket(made.replica.log) - 1;
        add_row(&made, "t", 4);
        replica_close(&made.replica);
        char path[512];
        object_path(&made.replica, newest, way, path);
        if (way == 11) {
            (void)snprintf(path, sizeof path, "%s/%020llu.snapshot_dir/%020llu.snapshot_bsatn",
                           made.replica.snapshots, (unsigned long long)newest,
                           (unsigned long long)newest);
        }
        if (way % 5 == 4) {
            assert_int_equal(os_real()->remove(os_real(), path, NULL), STATUS_OK);
        } else {
            // A copy, so that the twin in the older snapshot stays as it is.
            Bytes bytes;
            Arena arena;
            arena_init(&arena, 1u << 20);
            assert_int_equal(os_file_read_all(os_real(), path, 1u << 19, &arena, &bytes, NULL),
                             STATUS_OK);
            assert_int_equal(os_file_replace(os_real(), path, bytes, NULL), STATUS_OK);
            flip_file(path, way % 3 == 0 ? bytes.count - 1 : bytes.count / 2);
            arena_done(&arena);
        }
        replica_open(&made.replica);
        assert_int_equal(table_row_count(table_named(&made, "t")), 4);
        assert_true(made.replica.report.snapshot_transactions < newest + 1);
        assert_true(made.replica.report.snapshot_transactions > 0);
        char name[64];
        snapshot_name(newest, "invalid_snapshot", name);
        assert_true(exists(&made.replica, name));
        check_both_ways(&made.replica);
        made_done(&made);
    }
}

static void without_any_good_snapshot_the_log_is_enough(void **state) {
    (void)state;
    Made made;
    made_init(&made, 3);
    make_random_tables(&made);
    take_snapshot(&made.replica);
    uint64_t offset = log_ticket(made.replica.log) - 1;
    replica_close(&made.replica);
    char path[512];
    // The last table's page: most is loaded before it turns out.
    for (uint32_t i = 0; i < 3; i++) {
        object_path(&made.replica, offset, i, path);
        flip_file(path, 40000);
    }
    replica_open(&made.replica);
    assert_int_equal(made.replica.report.snapshot_transactions, 0);
    store_check(made.replica.store);
    take_snapshot(&made.replica);
    check_both_ways(&made.replica);
    made_done(&made);
}

static void a_snapshot_ahead_of_the_log_is_set_aside(void **state) {
    (void)state;
    Made made;
    made_init(&made, 3);
    const Type *types[] = {type_primitive(TYPE_U32)};
    make_table(&made, "t", types, 1);
    add_row(&made, "t", 1);
    char kept[256];
    replica_close(&made.replica);
    (void)snprintf(kept, sizeof kept, "%s/kept", made.replica.directory);
    test_copy_tree(made.replica.segments, kept);
    replica_open(&made.replica);
    add_row(&made, "t", 2);
    take_snapshot(&made.replica);
    uint64_t offset = log_ticket(made.replica.log) - 1;
    replica_close(&made.replica);
    test_remove_tree(made.replica.segments);
    test_copy_tree(kept, made.replica.segments);
    replica_open(&made.replica);
    assert_int_equal(table_row_count(table_named(&made, "t")), 1);
    char name[64];
    snapshot_name(offset, "invalid_snapshot", name);
    assert_true(exists(&made.replica, name));
    made_done(&made);
}

static void snapshots_without_a_log_are_not_forgotten(void **state) {
    (void)state;
    Made made;
    made_init(&made, 3);
    make_random_tables(&made);
    take_snapshot(&made.replica);
    replica_close(&made.replica);
    test_remove_tree(made.replica.segments);
    assert_int_equal(replica_try_open(&made.replica), STATUS_CORRUPT);
    assert_non_null(strstr(made.replica.error.text, "there is no commitlog"));
    made_done(&made);
}

static void what_was_not_finished_is_removed(void **state) {
    (void)state;
    Made made;
    made_init(&made, 3);
    make_random_tables(&made);
    take_snapshot(&made.replica);
    uint64_t offset = log_ticket(made.replica.log) - 1;
    replica_close(&made.replica);
    char name[64];
    char path[512];
    snapshot_name(offset, "lock", name);
    (void)snprintf(path, sizeof path, "%s/%s", made.replica.directory, name);
    assert_int_equal(os_file_replace(os_real(), path, BYTES_NONE, NULL), STATUS_OK);
    replica_open(&made.replica);
    assert_int_equal(made.replica.report.snapshot_transactions, 0);
    assert_false(exists(&made.replica, name));
    snapshot_name(offset, "snapshot_dir", name);
    assert_false(exists(&made.replica, name));
    made_done(&made);
}

// ---- sharing, compression, and a log that begins late ----

static void add_rows(Made *made, const char *name, uint32_t first, uint32_t count) {
    Tx *tx = tx_begin(made->replica.store);
    for (uint32_t i = 0; i < count; i++)
        (void)insert(tx, table_named(made, name), key_u32(first + i));
    append(&made->replica, tx);
}

// Objects of a snapshot, and how many of them another one has too: by their names, which are their hashes.
static uint32_t count_objects(const TestReplica *replica, uint64_t offset, uint64_t other,
                              uint32_t *ret_shared) {
    char objects[256];
    (void)snprintf(objects, sizeof objects, "%s/%020llu.snapshot_dir/objects", replica->snapshots,
                   (unsigned long long)offset);
    TestNames *folders = test_list(objects);
    uint32_t count = 0;
    *ret_shared = 0;
    for (uint32_t i = 0; i < folders->count; i++) {
        char folder[400];
        (void)snprintf(folder, sizeof folder, "%s/%.2s", objects, folders->names[i]);
        TestNames *files = test_list(folder);
        for (uint32_t f = 0; f < files->count; f++) {
            char name[256];
            (void)snprintf(name, sizeof name, "snapshots/%020llu.snapshot_dir/objects/%.2s/%.80s",
                           (unsigned long long)other, folders->names[i], files->names[f]);
            count++;
            if (exists(replica, name)) (*ret_shared)++;
        }
        mem_free(files);
    }
    mem_free(folders);
    return count;
}

// Half a million rows are about thirty pages; a change touches one of them.
static void unchanged_pages_are_shared(void **state) {
    (void)state;
    Made made;
    made_init(&made, 3);
    const Type *types[] = {type_primitive(TYPE_U32)};
    make_table(&made, "t", types, 1);
    add_rows(&made, "t", 0, 500000);
    Tx *tx = tx_begin(made.replica.store);
    for (uint32_t i = 0; i < 1000; i++) {
        assert_true(tx_delete_equal(tx, table_named(&made, "t"), key_u32(i * 7)));
    }
    append(&made.replica, tx);
    take_snapshot(&made.replica);
    uint64_t older = log_ticket(made.replica.log) - 1;
    tx = tx_begin(made.replica.store);
    assert_true(tx_delete_equal(tx, table_named(&made, "t"), key_u32(250000)));
    append(&made.replica, tx);
    take_snapshot(&made.replica);
    uint64_t newest = log_ticket(made.replica.log) - 1;
    uint32_t shared = 0;
    uint32_t objects = count_objects(&made.replica, newest, older, &shared);
    assert_true(objects > 35);
    assert_int_equal(objects - shared, 1);
    replica_close(&made.replica);
    replica_open(&made.replica);
    assert_int_equal(table_row_count(table_named(&made, "t")), 499000 - 1);
    check_both_ways(&made.replica);
    made_done(&made);
}

static bool is_packed(const char *path) {
    File file;
    uint8_t magic[4] = {0};
    Os *os = os_real();
    assert_int_equal(os->file_open(os, path, OS_OPEN_READ, &file, NULL), STATUS_OK);
    assert_int_equal(os->file_read(os, file, 0, magic, 4, NULL), STATUS_OK);
    os->file_close(os, file);
    return load_u32le(magic) == 0xfd2fb528u;
}

static void what_is_older_is_compressed_and_still_read(void **state) {
    (void)state;
    Made made;
    made_init(&made, 3);
    made.replica.options.segment_bytes_max = 8192;
    replica_close(&made.replica);
    replica_open(&made.replica);
    const Type *types[] = {type_primitive(TYPE_U32)};
    make_table(&made, "t", types, 1);
    for (uint32_t i = 0; i < 1500; i++) {
        add_row(&made, "t", i);
        if (i % 100 == 0) {
            log_wake(made.replica.log);
            test_wait_until(gate_is_open(log_gate(made.replica.log), log_ticket(made.replica.log)));
        }
        if (i == 300 || i == 700 || i == 1200) take_snapshot(&made.replica);
    }
    replica_close(&made.replica);
    // Segments and snapshots before the newest snapshot are compressed, those behind it are not.
    TestNames *segments = test_list(made.replica.segments);
    uint32_t packed = 0;
    uint32_t plain = 0;
    char path[512];
    for (uint32_t i = 0; i < segments->count; i++) {
        if (strstr(segments->names[i], ".stdb.log") == NULL) continue;
        (void)snprintf(path, sizeof path, "%s/%.80s", made.replica.segments, segments->names[i]);
        if (is_packed(path)) packed++;
        if (!is_packed(path)) plain++;
        assert_null(strstr(segments->names[i], ".tmp"));
    }
    mem_free(segments);
    assert_true(packed > 2);
    assert_true(plain > 0);
    replica_open(&made.replica);
    uint64_t newest = made.replica.report.snapshot_transactions - 1;
    assert_int_equal(table_row_count(table_named(&made, "t")), 1500);
    object_path(&made.replica, newest, 0, path);
    assert_false(is_packed(path));
    check_both_ways(&made.replica);
    // The compressed one before it is as good.
    replica_close(&made.replica);
    char name[64];
    snapshot_name(newest, "snapshot_dir", name);
    (void)snprintf(path, sizeof path, "%s/%s", made.replica.directory, name);
    test_remove_tree(path);
    replica_open(&made.replica);
    uint64_t older = made.replica.report.snapshot_transactions - 1;
    assert_true(older < newest && older > 0);
    object_path(&made.replica, older, 0, path);
    assert_true(is_packed(path));
    assert_int_equal(table_row_count(table_named(&made, "t")), 1500);
    check_both_ways(&made.replica);
    made_done(&made);
}

// An operator may remove segments that a snapshot covers; without that snapshot the log does not open.
static void a_log_may_begin_behind_a_snapshot(void **state) {
    (void)state;
    Made made;
    made_init(&made, 3);
    made.replica.options.segment_bytes_max = 4096;
    replica_close(&made.replica);
    replica_open(&made.replica);
    const Type *types[] = {type_primitive(TYPE_U32)};
    make_table(&made, "t", types, 1);
    for (uint32_t i = 0; i < 600; i++) {
        add_row(&made, "t", i);
        if (i % 20 == 0) {
            log_wake(made.replica.log);
            test_wait_until(gate_is_open(log_gate(made.replica.log), log_ticket(made.replica.log)));
        }
        if (i == 400) take_snapshot(&made.replica);
    }
    replica_close(&made.replica);
    // What ends before the snapshot goes.
    uint64_t holder = 0;
    TestNames *segments = test_list(made.replica.segments);
    for (uint32_t i = 0; i < segments->count; i++) {
        uint64_t number = strtoull(segments->names[i], NULL, 10);
        if (number <= 402 && number > holder) holder = number;
    }
    uint32_t removed = 0;
    for (uint32_t i = 0; i < segments->count; i++) {
        if (strtoull(segments->names[i], NULL, 10) >= holder) continue;
        char path[512];
        (void)snprintf(path, sizeof path, "%s/%.80s", made.replica.segments, segments->names[i]);
        assert_int_equal(os_real()->remove(os_real(), path, NULL), STATUS_OK);
        removed++;
    }
    mem_free(segments);
    assert_true(removed > 4);
    replica_open(&made.replica);
    assert_int_equal(table_row_count(table_named(&made, "t")), 600);
    store_check(made.replica.store);
    add_row(&made, "t", 1000000);
    replica_close(&made.replica);
    replica_open(&made.replica);
    assert_int_equal(table_row_count(table_named(&made, "t")), 601);
    replica_close(&made.replica);
    test_remove_tree(made.replica.snapshots);
    assert_int_equal(replica_try_open(&made.replica), STATUS_CORRUPT);
    assert_non_null(
        strstr(made.replica.error.text, "No connected snapshot found, commitlog starts at"));
    made_done(&made);
}

// ---- when ----

static void snapshots_are_due_after_init_and_every_so_often(void **state) {
    (void)state;
    Made made;
    made_init(&made, 3);
    made.replica.options.snapshot_interval = 50;
    replica_close(&made.replica);
    replica_open(&made.replica);
    const Type *types[] = {type_primitive(TYPE_U32)};
    make_table(&made, "t", types, 1);  // offset 1
    log_snapshot_if_due(made.replica.log, made.replica.store);
    assert_true(log_snapshot_is_running(made.replica.log));
    log_wake(made.replica.log);
    test_wait_until(!log_snapshot_is_running(made.replica.log));
    char name[64];
    snapshot_name(1, "snapshot_dir", name);
    assert_true(exists(&made.replica, name));
    for (uint32_t i = 0; i < 120; i++) {
        add_row(&made, "t", i);
        log_wake(made.replica.log);
        log_snapshot_if_due(made.replica.log, made.replica.store);
        test_wait_until(!log_snapshot_is_running(made.replica.log));
    }
    snapshot_name(51, "snapshot_dir", name);
    assert_true(exists(&made.replica, name));
    snapshot_name(101, "snapshot_dir", name);
    assert_true(exists(&made.replica, name));
    TestNames *names = test_list(made.replica.snapshots);
    assert_int_equal(names->count, 3);
    mem_free(names);
    made_done(&made);
}

// The writer goes on while a snapshot is written: it holds what was there when it began.
static void a_snapshot_is_of_one_moment(void **state) {
    (void)state;
    Made made;
    made_init(&made, 3);
    const Type *types[] = {type_primitive(TYPE_U32)};
    make_table(&made, "t", types, 1);
    add_rows(&made, "t", 0, 200000);
    uint64_t offset = log_ticket(made.replica.log) - 1;
    assert_true(log_snapshot_begin(made.replica.log, made.replica.store));
    for (uint32_t i = 0; i < 200; i++) {
        Tx *tx = tx_begin(made.replica.store);
        assert_true(tx_delete_equal(tx, table_named(&made, "t"), key_u32(i * 900)));
        append(&made.replica, tx);
        log_wake(made.replica.log);
    }
    test_wait_until(!log_snapshot_is_running(made.replica.log));
    replica_close(&made.replica);
    replica_open(&made.replica);
    assert_int_equal(made.replica.report.snapshot_transactions, offset + 1);
    assert_int_equal(made.replica.report.transactions, 200);
    assert_int_equal(table_row_count(table_named(&made, "t")), 199800);
    check_both_ways(&made.replica);
    made_done(&made);
}

static void closing_gives_up_a_snapshot(void **state) {
    (void)state;
    Made made;
    made_init(&made, 3);
    const Type *types[] = {type_primitive(TYPE_U32)};
    make_table(&made, "t", types, 1);
    add_rows(&made, "t", 0, 300000);
    for (uint32_t i = 0; i < 10; i++) {
        add_rows(&made, "t", 1000000 + i, 1);
        assert_true(log_snapshot_begin(made.replica.log, made.replica.store));
        replica_close(&made.replica);
        replica_open(&made.replica);
        assert_int_equal(table_row_count(table_named(&made, "t")), 300001 + i);
    }
    made_done(&made);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(upstreams_snapshot_is_its_log),
        cmocka_unit_test(anothers_snapshot_is_refused),
        cmocka_unit_test(a_snapshot_is_its_log),
        cmocka_unit_test(large_parts_come_back),
        cmocka_unit_test(a_damaged_snapshot_gives_way_to_an_older_one),
        cmocka_unit_test(without_any_good_snapshot_the_log_is_enough),
        cmocka_unit_test(a_snapshot_ahead_of_the_log_is_set_aside),
        cmocka_unit_test(snapshots_without_a_log_are_not_forgotten),
        cmocka_unit_test(what_was_not_finished_is_removed),
        cmocka_unit_test(unchanged_pages_are_shared),
        cmocka_unit_test(what_is_older_is_compressed_and_still_read),
        cmocka_unit_test(a_log_may_begin_behind_a_snapshot),
        cmocka_unit_test(snapshots_are_due_after_init_and_every_so_often),
        cmocka_unit_test(a_snapshot_is_of_one_moment),
        cmocka_unit_test(closing_gives_up_a_snapshot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
