// updates.c - decodes the four messages that a subscriber can get and writes their rows.
//
// A message is walked twice with the same functions: once without an Output, to find its end, and
// once with one.
#include "cli/updates.h"

#include "base/vec.h"

#define TAG_INITIAL_CONNECTION 0
#define TAG_SUBSCRIBE_APPLIED 1
#define TAG_SUBSCRIPTION_ERROR 3
#define TAG_TRANSACTION_UPDATE 4

#define ROWS_FIXED_SIZE 0
#define ROWS_OFFSETS 1

// A size hint and the count of no bytes.
#define ROW_LIST_BYTES_MIN 7

#define TABLE_PERSISTENT 0
#define TABLE_EVENT 1

typedef struct TableLine {
    Bytes name;
    Buffer deletes;  // rows with commas between them
    Buffer inserts;
} TableLine;

VEC(TableLineVec, table_line_vec, TableLine)

typedef struct Output {
    const ModuleInfo *module;
    TableLineVec tables;
    bool failed;
    Error error;
} Output;

// The rows of one table, and where they go. output == NULL: nowhere.
typedef struct RowTarget {
    Output *output;
    const RelationInfo *relation;
    Buffer *rows;
} RowTarget;

static void read_query_rows(Reader *reader, Output *output);
static void read_query_sets(Reader *reader, Output *output);
static void read_table_update(Reader *reader, Output *output);
static void read_table_rows(Reader *reader, Output *output, Bytes table);
static void read_row_list(Reader *reader, RowTarget target);
static void write_row(RowTarget target, Bytes row);
static TableLine *find_line(Output *output, Bytes table);
static const RelationInfo *find_relation(Output *output, Bytes table);
static void write_line(const Output *output, Buffer *line);

Status update_read(Cli *cli, Reader *reader, Update *ret_update) {
    Update update = {UPDATE_NONE, BYTES_NONE, BYTES_NONE};
    uint8_t tag = reader_u8(reader);
    const uint8_t *start = NULL;
    switch (tag) {
    case TAG_INITIAL_CONNECTION:
        (void)reader_take(reader, 32 + 16);
        (void)reader_string(reader);
        break;
    case TAG_SUBSCRIBE_APPLIED:
        update.kind = UPDATE_APPLIED;
        (void)reader_take(reader, 8);  // request and query set
        start = reader->at;
        read_query_rows(reader, NULL);
        break;
    case TAG_SUBSCRIPTION_ERROR:
        update.kind = UPDATE_ERROR;
        if (reader_u8(reader) == 0) (void)reader_u32(reader);  // the request, if it answers one
        (void)reader_u32(reader);
        update.error = reader_string(reader);
        break;
    case TAG_TRANSACTION_UPDATE:
        update.kind = UPDATE_CHANGES;
        start = reader->at;
        read_query_sets(reader, NULL);
        break;
    default: reader->failed = true; break;
    }
    if (!reader_ok(reader)) {
        return cli_fail(
            cli, STATUS_INVALID,
            "error decoding BSATN websocket message: message %u is malformed or was not "
            "asked for",
            tag);
    }
    if (start != NULL) update.tables = bytes_of(start, (size_t)(reader->at - start));
    *ret_update = update;
    return STATUS_OK;
}

Status update_write_line(Cli *cli, const Update *update, const ModuleInfo *module, Buffer *line) {
    Output output = {.module = module};
    Reader reader = reader_of(update->tables);
    if (update->kind == UPDATE_APPLIED) {
        read_query_rows(&reader, &output);
    } else {
        read_query_sets(&reader, &output);
    }
    Status status = STATUS_OK;
    if (output.failed) {
        (void)cli_fail_error(cli, &output.error);
        status = cli_wrap(cli, STATUS_INVALID, "error formatting response: %s", output.error.text);
    } else {
        write_line(&output, line);
        for (uint32_t i = 0; i < output.tables.count; i++) {
            if (output.tables.items[i].deletes.failed || output.tables.items[i].inserts.failed) {
                line->failed = true;
            }
        }
        if (line->failed) status = cli_fail(cli, STATUS_LIMIT, "an update is too long to be shown");
    }
    for (uint32_t i = 0; i < output.tables.count; i++) {
        buffer_done(&output.tables.items[i].deletes);
        buffer_done(&output.tables.items[i].inserts);
    }
    table_line_vec_done(&output.tables);
    return status;
}

// ---- walking ----

static void read_query_rows(Reader *reader, Output *output) {
    uint32_t count = reader_count(reader, 4 + ROW_LIST_BYTES_MIN);
    for (uint32_t i = 0; i < count && reader_ok(reader); i++) {
        Bytes table = reader_string(reader);
        RowTarget target = {output, NULL, NULL};
        if (output != NULL) {
            target.relation = find_relation(output, table);
            target.rows = &find_line(output, table)->inserts;
        }
        read_row_list(reader, target);
    }
}

static void read_query_sets(Reader *reader, Output *output) {
    uint32_t set_count = reader_count(reader, 8);
    for (uint32_t i = 0; i < set_count && reader_ok(reader); i++) {
        (void)reader_u32(reader);
        uint32_t table_count = reader_count(reader, 8);
        for (uint32_t t = 0; t < table_count && reader_ok(reader); t++) {
            read_table_update(reader, output);
        }
    }
}

static void read_table_update(Reader *reader, Output *output) {
    Bytes table = reader_string(reader);
    uint32_t count = reader_count(reader, 1 + ROW_LIST_BYTES_MIN);
    for (uint32_t i = 0; i < count && reader_ok(reader); i++) {
        read_table_rows(reader, output, table);
    }
}

static void read_table_rows(Reader *reader, Output *output, Bytes table) {
    uint8_t tag = reader_u8(reader);
    RowTarget inserts = {output, NULL, NULL};
    RowTarget deletes = {output, NULL, NULL};
    if (output != NULL) {
        TableLine *line = find_line(output, table);
        inserts.relation = deletes.relation = find_relation(output, table);
        inserts.rows = &line->inserts;
        deletes.rows = &line->deletes;
    }
    if (tag == TABLE_PERSISTENT) {
        read_row_list(reader, inserts);
        read_row_list(reader, deletes);
    } else if (tag == TABLE_EVENT) {
        read_row_list(reader, inserts);
    } else {
        reader->failed = true;
    }
}

static void read_row_list(Reader *reader, RowTarget target) {
    uint8_t hint = reader_u8(reader);
    uint16_t row_bytes = 0;
    Bytes offsets = BYTES_NONE;
    if (hint == ROWS_FIXED_SIZE) {
        row_bytes = reader_u16(reader);
    } else {
        uint32_t count = reader_count(reader, 8);
        const uint8_t *at = reader_take(reader, (size_t)count * 8);
        if (at != NULL) offsets = bytes_of(at, (size_t)count * 8);
    }
    Bytes rows = reader_bytes(reader);
    bool is_fixed = hint == ROWS_FIXED_SIZE;
    if (hint > ROWS_OFFSETS || (is_fixed && (row_bytes == 0 || rows.count % row_bytes != 0))) {
        reader->failed = true;
    }
    if (!reader_ok(reader)) return;
    uint32_t count = is_fixed ? rows.count / row_bytes : offsets.count / 8;
    for (uint32_t i = 0; i < count && reader_ok(reader); i++) {
        uint64_t start = is_fixed ? (uint64_t)i * row_bytes : load_u64le(offsets.data + 8ull * i);
        uint64_t end = rows.count;
        if (is_fixed) end = start + row_bytes;
        if (!is_fixed && i + 1 < count) end = load_u64le(offsets.data + 8ull * (i + 1));
        if (start > end || end > rows.count) {
            reader->failed = true;
        } else {
            write_row(target, bytes_slice(rows, (uint32_t)start, (uint32_t)(end - start)));
        }
    }
}

// ---- writing ----

static void write_row(RowTarget target, Bytes row) {
    Output *output = target.output;
    if (output == NULL || output->failed) return;
    Reader reader = reader_of(row);
    const RelationInfo *relation = target.relation;
    if (bsatn_check(relation->typespace, relation->row, &reader, &output->error) != STATUS_OK ||
        !reader_finish(&reader)) {
        output->failed = true;
        (void)error_set(&output->error, STATUS_INVALID, "a row of %.*s does not fit its type",
                        BYTES_FORMAT(relation->name));
        return;
    }
    if (target.rows->count > 0) buffer_u8(target.rows, ',');
    // A row of no bytes needs a place, too.
    const uint8_t *at = row.count == 0 ? (const uint8_t *)"" : row.data;
    (void)json_write_value(target.rows, relation->typespace, relation->row, at, JSON_TYPED);
}

static TableLine *find_line(Output *output, Bytes table) {
    for (uint32_t i = 0; i < output->tables.count; i++) {
        if (bytes_equal(output->tables.items[i].name, table)) return &output->tables.items[i];
    }
    TableLine *line = table_line_vec_add(&output->tables);
    line->name = table;
    buffer_init(&line->deletes, CLI_RESPONSE_BYTES_MAX);
    buffer_init(&line->inserts, CLI_RESPONSE_BYTES_MAX);
    return line;
}

// NULL, and the output has failed, if the definition has no such table.
static const RelationInfo *find_relation(Output *output, Bytes table) {
    const RelationInfo *relation = module_find_relation(output->module, table);
    if (relation == NULL) {
        output->failed = true;
        (void)error_set(&output->error, STATUS_NOT_FOUND, "table not found in schema");
    }
    return relation;
}

static void write_line(const Output *output, Buffer *line) {
    buffer_u8(line, '{');
    for (uint32_t i = 0; i < output->tables.count; i++) {
        const TableLine *table = &output->tables.items[i];
        if (i > 0) buffer_u8(line, ',');
        json_write_string(line, table->name);
        buffer_append_text(line, ":{\"deletes\":[");
        buffer_append_bytes(line, buffer_bytes(&table->deletes));
        buffer_append_text(line, "],\"inserts\":[");
        buffer_append_bytes(line, buffer_bytes(&table->inserts));
        buffer_append_text(line, "]}");
    }
    buffer_append_text(line, "}\n");
}

void subscribe_write(Buffer *message, const char *const *queries, uint32_t count) {
    buffer_u8(message, 0);   // Subscribe
    buffer_u32(message, 0);  // request
    buffer_u32(message, 0);  // query set
    buffer_u32(message, count);
    for (uint32_t i = 0; i < count; i++) buffer_string(message, bytes_of_text(queries[i]));
}
