// dump.c - the rows of a database, for a reader that is not ours to compare with.
//
//   dump DIRECTORY         replays DIRECTORY/clog, without looking at snapshots, and prints its rows
//   dump --make DIRECTORY  first makes a database there, of random tables, with a snapshot
//
// Each line is "table id, row as hexadecimal BSATN"; the columns are those of st_column.
#include "replica.h"
#include "values.h"

#define TABLES 8u
#define ROWS 400u

static void fill(TestReplica *replica, uint64_t seed) {
    Random random = {seed};
    for (uint32_t t = 0; t < TABLES; t++) {
        SchemaMaker maker;
        char name[16];
        (void)snprintf(name, sizeof name, "t%u", t);
        maker_init(&maker, name);
        uint32_t columns = 1 + random_below(&random, 7);
        for (uint32_t c = 0; c < columns; c++) {
            char column[16];
            (void)snprintf(column, sizeof column, "c%u", c);
            maker_column(&maker, arena_copy_text(&maker.arena, bytes_of_text(column)),
                         random_type(&random, &maker.arena));
        }
        maker_index(&maker, arena_copy_text(&maker.arena, arena_format(&maker.arena, "t%u_idx", t)),
                    INDEX_BTREE, "0");
        Tx *tx = tx_begin(replica->store);
        Table *table = create_table_in(tx, maker_schema(&maker));
        for (uint32_t r = 0; r < ROWS; r++) {
            Buffer row;
            buffer_init(&row, 1u << 20);
            for (uint32_t c = 0; c < columns; c++)
                random_value(&random, maker.columns[c].type, &row);
            (void)insert(tx, table, buffer_bytes(&row));
            buffer_done(&row);
        }
        // Holes among the rows.
        for (uint32_t r = 0; r < ROWS / 8 && table_row_count(table) > 1; r++) {
            TableScan scan = table_scan(table);
            Row row;
            uint32_t skip = random_below(&random, (uint32_t)table_row_count(table));
            for (uint32_t i = 0; i <= skip; i++) (void)table_scan_next(&scan, &row);
            tx_delete(tx, table, row.id);
        }
        LogInputs none = {0};
        (void)log_append(replica->log, &none, tx_commit(tx));
        tx_release(tx);
        maker_done(&maker);
    }
    if (!log_snapshot_begin(replica->log, replica->store)) exit(3);
    log_wake(replica->log);
    while (log_snapshot_is_running(replica->log)) {}
}

static void print_rows(Store *store) {
    TableId at = 0;
    for (Table *table = store_next_table(store, &at); table; table = store_next_table(store, &at)) {
        if (table_is_ephemeral(table)) continue;
        TableScan scan = table_scan(table);
        Row row;
        while (table_scan_next(&scan, &row)) {
            printf("%u ", table_id(table));
            for (uint32_t i = 0; i < row.bytes.count; i++) printf("%02x", row.bytes.data[i]);
            printf("\n");
        }
    }
}

int main(int argument_count, char **arguments) {
    bool makes = argument_count == 3 && strcmp(arguments[1], "--make") == 0;
    if (!makes && argument_count != 2) return 2;
    TestReplica replica = {.store = NULL};
    const char *directory = arguments[argument_count - 1];
    (void)snprintf(replica.segments, sizeof replica.segments, "%s/clog", directory);
    (void)snprintf(replica.snapshots, sizeof replica.snapshots, "%s/snapshots", directory);
    replica.options.database.bytes[0] = 0x42;
    if (makes) {
        replica.options.snapshots = replica.snapshots;
        if (replica_try_open(&replica) != STATUS_OK) return 3;
        fill(&replica, test_seed(1));
        replica_close(&replica);
        replica.options.snapshots = NULL;
    }
    if (replica_try_open(&replica) != STATUS_OK) {
        fprintf(stderr, "%s\n", replica.error.text);
        return 3;
    }
    print_rows(replica.store);
    replica_close(&replica);
    return 0;
}
