// environment.c - see environment.h.

#include "db/environment.h"

#include "db/database.h"

static Status check_change(const EnvironmentChange *change, Error *error);
static bool key_is_valid(Bytes key);
static Status key_error(Bytes key, const char *problem, Error *error);
static uint32_t read_stored(const Database *database, Arena *arena, EnvironmentEntry *entries);
static const EnvironmentEntry *find_entry(const EnvironmentEntry *entries, uint32_t count,
                                          Bytes key);
static bool is_removed(const EnvironmentChange *change, Bytes key);
static Status check_values(const ModuleDef *def, const EnvironmentPlan *plan, Error *error);
static bool satisfies(const EnvironmentDef *def, Bytes value);
static Status missing_keys(const ModuleDef *def, const EnvironmentPlan *plan, Error *error);

Status environment_plan(const Database *database, const ModuleDef *def,
                        const EnvironmentChange *change, Arena *arena, EnvironmentPlan *ret_plan,
                        Error *error) {
    static const EnvironmentChange NONE;
    if (change == NULL) change = &NONE;
    Status status = check_change(change, error);
    if (status != STATUS_OK) return status;
    uint32_t stored_max = (uint32_t)table_row_count(store_find_table(database->store, ST_ENV));
    EnvironmentEntry *entries = ARENA_ARRAY(arena, EnvironmentEntry,
                                            (size_t)stored_max + change->set_count);
    EnvironmentEntry *stored = ARENA_ARRAY(arena, EnvironmentEntry, stored_max);
    uint32_t stored_count = read_stored(database, arena, stored);
    EnvironmentPlan plan = {.entries = entries};
    for (uint32_t i = 0; i < stored_count; i++) {
        const EnvironmentEntry *set = find_entry(change->set, change->set_count, stored[i].key);
        if (set == NULL && !is_removed(change, stored[i].key)) {
            entries[plan.count++] = stored[i];
        } else if (set == NULL || !bytes_equal(set->value, stored[i].value)) {
            plan.is_changed = true;
        }
    }
    for (uint32_t i = 0; i < change->set_count; i++) {
        entries[plan.count++] = change->set[i];
        if (find_entry(stored, stored_count, change->set[i].key) == NULL) plan.is_changed = true;
    }
    if (plan.count > ENVIRONMENT_ITEMS_MAX)
        return error_set(error, STATUS_INVALID, "too many stored values");
    status = check_values(def, &plan, error);
    if (status == STATUS_OK) *ret_plan = plan;
    return status;
}

static Status check_change(const EnvironmentChange *change, Error *error) {
    if (change->set_count > ENVIRONMENT_ITEMS_MAX || change->removed_count > ENVIRONMENT_ITEMS_MAX)
        return error_set(error, STATUS_INVALID, "too many stored values");
    if (change->removes_all && change->removed_count > 0)
        return error_set(error, STATUS_INVALID, "conflicting environment update operations");
    for (uint32_t i = 0; i < change->set_count; i++) {
        const EnvironmentEntry *entry = &change->set[i];
        if (!key_is_valid(entry->key)) return error_set(error, STATUS_INVALID, "invalid name");
        if (entry->value.count > ENVIRONMENT_VALUE_BYTES_MAX)
            return key_error(entry->key, "value exceeds size limit", error);
        ASSERT(utf8_is_valid(entry->value));
        bool is_twice = find_entry(change->set, i, entry->key) != NULL;
        for (uint32_t r = 0; r < change->removed_count; r++)
            is_twice = is_twice || bytes_equal(change->removed[r], entry->key);
        if (is_twice)
            return key_error(entry->key, "conflicting environment update operations", error);
    }
    for (uint32_t i = 0; i < change->removed_count; i++) {
        Bytes key = change->removed[i];
        if (!key_is_valid(key)) return error_set(error, STATUS_INVALID, "invalid name");
        for (uint32_t r = 0; r < i; r++) {
            if (bytes_equal(change->removed[r], key))
                return key_error(key, "conflicting environment update operations", error);
        }
    }
    return STATUS_OK;
}

static bool key_is_valid(Bytes key) {
    if (key.count == 0 || key.count > ENVIRONMENT_NAME_BYTES_MAX) return false;
    for (uint32_t i = 0; i < key.count; i++) {
        uint8_t letter = key.data[i] | 0x20;
        bool is_digit = key.data[i] >= '0' && key.data[i] <= '9';
        if (key.data[i] != '_' && !(letter >= 'a' && letter <= 'z') && !(is_digit && i > 0))
            return false;
    }
    return true;
}

static Status key_error(Bytes key, const char *problem, Error *error) {
    return error_set(error, STATUS_INVALID, "environment key \"%.*s\": %s", BYTES_FORMAT(key),
                     problem);
}

// Copies: writing moves rows.
static uint32_t read_stored(const Database *database, Arena *arena, EnvironmentEntry *entries) {
    Table *table = store_find_table(database->store, ST_ENV);
    TableScan scan = table_scan(table);
    Row row;
    uint32_t count = 0;
    while (table_scan_next(&scan, &row)) {
        Reader key = reader_of(table_column(table, row.bytes, 0));
        Reader value = reader_of(table_column(table, row.bytes, 1));
        entries[count++] = (EnvironmentEntry){arena_copy(arena, reader_bytes(&key)),
                                              arena_copy(arena, reader_bytes(&value))};
        ASSERT(!key.failed && !value.failed);
    }
    return count;
}

static const EnvironmentEntry *find_entry(const EnvironmentEntry *entries, uint32_t count,
                                          Bytes key) {
    for (uint32_t i = 0; i < count; i++) {
        if (bytes_equal(entries[i].key, key)) return &entries[i];
    }
    return NULL;
}

static bool is_removed(const EnvironmentChange *change, Bytes key) {
    if (change->removes_all) return true;
    for (uint32_t i = 0; i < change->removed_count; i++) {
        if (bytes_equal(change->removed[i], key)) return true;
    }
    return false;
}

// Values that nobody declared are kept and do no harm.
static Status check_values(const ModuleDef *def, const EnvironmentPlan *plan, Error *error) {
    bool is_missing = false;
    for (uint32_t i = 0; i < def->environment_count; i++) {
        const EnvironmentDef *declared = &def->environment[i];
        const EnvironmentEntry *entry = find_entry(plan->entries, plan->count, declared->name);
        if (entry && !satisfies(declared, entry->value)) {
            return key_error(declared->name,
                             "value does not satisfy its declared string constraint", error);
        }
        if (entry == NULL && !declared->is_optional) is_missing = true;
    }
    return is_missing ? missing_keys(def, plan, error) : STATUS_OK;
}

static bool satisfies(const EnvironmentDef *def, Bytes value) {
    if (def->kind == ENVIRONMENT_STRING) return true;
    for (uint32_t i = 0; i < def->literal_count; i++) {
        if (bytes_equal(def->literals[i], value)) return true;
    }
    return false;
}

static Status missing_keys(const ModuleDef *def, const EnvironmentPlan *plan, Error *error) {
    Buffer keys;
    buffer_init(&keys, ERROR_TEXT_MAX);
    buffer_append_text(&keys, "[");
    for (uint32_t i = 0; i < def->environment_count; i++) {
        const EnvironmentDef *declared = &def->environment[i];
        bool is_there = find_entry(plan->entries, plan->count, declared->name) != NULL;
        if (is_there || declared->is_optional) continue;
        if (keys.count + declared->name.count + 8 > ERROR_TEXT_MAX) break;
        if (keys.count > 1) buffer_append_text(&keys, ",");
        json_write_string(&keys, declared->name);
    }
    buffer_append_text(&keys, "]");
    Status status = error_set(error, STATUS_NOT_FOUND, "%.*s", BYTES_FORMAT(buffer_bytes(&keys)));
    buffer_done(&keys);
    return status;
}

void environment_write(Database *database, Tx *tx, const EnvironmentPlan *plan) {
    Table *table = store_find_table(database->store, ST_ENV);
    (void)tx_clear(tx, table);  // rows that come again are no change
    for (uint32_t i = 0; i < plan->count; i++) {
        Buffer row;
        buffer_init(&row, ENVIRONMENT_NAME_BYTES_MAX + ENVIRONMENT_VALUE_BYTES_MAX + 8);
        buffer_string(&row, plan->entries[i].key);
        buffer_string(&row, plan->entries[i].value);
        InsertResult result;
        InsertOutcome outcome = tx_insert(tx, table, buffer_bytes(&row), &result);
        ASSERT(outcome == INSERT_ADDED);
        buffer_done(&row);
    }
}

// ---- db.h ----

void database_write_environment(Database *database, Buffer *json) {
    const ModuleDef *def = database->def;
    char hex[65];
    hash_to_hex(&database->info.hash, hex);
    buffer_append_format(json, "{\"module_hash\":\"%s\",\"declarations\":[", hex);
    for (uint32_t i = 0; i < def->environment_count; i++) {
        const EnvironmentDef *declared = &def->environment[i];
        buffer_append_text(json, i > 0 ? ",{\"name\":" : "{\"name\":");
        json_write_string(json, declared->name);
        buffer_append_text(json, ",\"ty\":");
        if (declared->kind == ENVIRONMENT_STRING) buffer_append_text(json, "\"String\"");
        if (declared->kind == ENVIRONMENT_LITERAL) buffer_append_text(json, "{\"StringLiteral\":");
        if (declared->kind == ENVIRONMENT_UNION) buffer_append_text(json, "{\"Union\":[");
        for (uint32_t l = 0; l < declared->literal_count; l++) {
            if (l > 0) buffer_append_text(json, ",");
            json_write_string(json, declared->literals[l]);
        }
        if (declared->kind == ENVIRONMENT_LITERAL) buffer_append_text(json, "}");
        if (declared->kind == ENVIRONMENT_UNION) buffer_append_text(json, "]}");
        buffer_append_format(json, ",\"optional\":%s}", declared->is_optional ? "true" : "false");
    }
    buffer_append_text(json, "],\"stored_keys\":[");
    Table *table = store_find_table(database->store, ST_ENV);
    TableScan scan = table_scan(table);
    Row row;
    for (bool is_first = true; table_scan_next(&scan, &row); is_first = false) {
        Reader key = reader_of(table_column(table, row.bytes, 0));
        if (!is_first) buffer_append_text(json, ",");
        json_write_string(json, reader_bytes(&key));
    }
    buffer_append_text(json, "]}");
}

PublishOutcome database_set_environment(Database *database, const Hash *expected,
                                        const EnvironmentChange *change, uint64_t *ret_ticket,
                                        Error *error) {
    ASSERT(database->def != NULL);
    if (!hash_equal(expected, &database->info.hash)) {
        (void)error_set(error, STATUS_CONFLICT,
                        "database program changed before publication; reload environment metadata "
                        "and retry");
        return PUBLISH_OUTDATED;
    }
    EnvironmentPlan plan;
    Status status = environment_plan(database, database->def, change, &database->call_arena, &plan,
                                     error);
    if (status == STATUS_NOT_FOUND) return PUBLISH_MISSING_ENVIRONMENT;
    if (status == STATUS_OK && database_failure(database, error)) status = error->status;
    if (status != STATUS_OK) return PUBLISH_REJECTED;
    *ret_ticket = database_ticket(database);
    return plan.is_changed ? environment_apply(database, &plan, ret_ticket, error) : PUBLISH_DONE;
}

PublishOutcome environment_apply(Database *database, const EnvironmentPlan *plan,
                                 uint64_t *ret_ticket, Error *error) {
    Tx *tx = tx_begin(database->store);
    environment_write(database, tx, plan);
    if (views_exist(database) && views_refresh(database, NULL).status != CALL_OK) {
        tx_rollback(tx);
        (void)error_set(error, STATUS_INVALID,
                        "view evaluation failed during environment publication");
        return PUBLISH_REJECTED;
    }
    TxCause cause = {.event = {.result = RESULT_COMMITTED,
                               .caller_identity = database->options.owner,
                               .reducer_id = UINT32_MAX,
                               .timestamp = database_now(database)}};
    *ret_ticket = database_commit(database, &cause);
    return PUBLISH_DONE;
}
