// sql_text.c - rows come as JSON; each value is read by its column's type and shown by sats.
#include "cli/sql_text.h"

#include "cli/json_text.h"
#include "cli/text_table.h"
#include "cli/type_json.h"

static Status write_result(Cli *cli, Bytes result, Buffer *text);
static Status add_row(Cli *cli, Bytes row, const Type *columns, TextTable *table);
static Status write_value(Cli *cli, Bytes json, const Type *type, Bytes *ret_text);
static Status fail_malformed(Cli *cli);

Status sql_write_results(Cli *cli, Bytes answer, Buffer *text) {
    Bytes results = BYTES_NONE;
    if (!json_text_read(answer, &results) || json_text_kind(results) != JSON_TEXT_ARRAY) {
        return fail_malformed(cli);
    }
    JsonWalk walk = json_text_walk(results);
    Bytes key = BYTES_NONE;
    Bytes result = BYTES_NONE;
    Status status = STATUS_OK;
    for (bool is_first = true; status == STATUS_OK && json_text_next(&walk, &key, &result);
         is_first = false) {
        if (!is_first) buffer_append_text(text, "\n\n");
        status = write_result(cli, result, text);
    }
    if (status == STATUS_OK && text->failed) {
        return cli_fail(cli, STATUS_LIMIT,
                        "the result is too long for a table. Use --format json, or ask for less.");
    }
    return status;
}

static Status write_result(Cli *cli, Bytes result, Buffer *text) {
    Bytes rows = json_text_member(result, "rows");
    const Type *columns = type_of_elements(json_text_member(result, "schema"), &cli->arena);
    if (columns == NULL || rows.data == NULL) return fail_malformed(cli);
    TextTable table;
    text_table_init(&table, columns->field_count);
    for (uint32_t i = 0; i < columns->field_count; i++) {
        Bytes name = columns->fields[i].name;
        if (name.data == NULL) name = arena_format(&cli->arena, "column %u", i);
        text_table_add(&table, name);
    }
    JsonWalk walk = json_text_walk(rows);
    Bytes key = BYTES_NONE;
    Bytes row = BYTES_NONE;
    Status status = STATUS_OK;
    while (status == STATUS_OK && json_text_next(&walk, &key, &row)) {
        status = add_row(cli, row, columns, &table);
    }
    if (status == STATUS_OK) text_table_write(text, &table, TEXT_TABLE_PSQL);
    text_table_done(&table);
    return status;
}

static Status add_row(Cli *cli, Bytes row, const Type *columns, TextTable *table) {
    JsonWalk walk = json_text_walk(row);
    Bytes key = BYTES_NONE;
    Bytes json = BYTES_NONE;
    for (uint32_t i = 0; i < columns->field_count; i++) {
        if (!json_text_next(&walk, &key, &json)) return fail_malformed(cli);
        Bytes text = BYTES_NONE;
        Status status = write_value(cli, json, columns->fields[i].type, &text);
        if (status != STATUS_OK) return status;
        text_table_add(table, text);
    }
    return STATUS_OK;
}

static Status write_value(Cli *cli, Bytes json, const Type *type, Bytes *ret_text) {
    Buffer bsatn;
    Buffer text;
    Error error;
    buffer_init(&bsatn, CLI_RESPONSE_BYTES_MAX);
    buffer_init(&text, CLI_RESPONSE_BYTES_MAX);
    Status status = json_read_value(json, TYPESPACE_NONE, type, (JsonReadOptions){0}, &bsatn, NULL,
                                    &error);
    if (status == STATUS_OK) {
        buffer_u8(&bsatn, 0);  // a value of no bytes needs a place, too
        (void)display_value(&text, type, bsatn.data);
        *ret_text = arena_copy(&cli->arena, buffer_bytes(&text));
    } else {
        (void)cli_fail_error(cli, &error);
        (void)cli_wrap(cli, status, "malformed sql response");
    }
    buffer_done(&text);
    buffer_done(&bsatn);
    return status;
}

static Status fail_malformed(Cli *cli) {
    return cli_fail(cli, STATUS_INVALID, "malformed sql response");
}
