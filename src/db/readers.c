// readers.c - see readers.h. The entries of a table fall into groups by columns: only for these are the keys of written
// rows put together.

#include "db/readers.h"

#include "base/limits.h"

#define READ_HEAD_BYTES 6u  // table, column count
// A read's key is a part of a row or of guest memory.
#define READ_BYTES_MAX (1ull << 32)

typedef struct ReaderRef {
    ViewReader *reader;
    uint32_t at;  // in its reads
} ReaderRef;
VEC(ReaderRefVec, reader_ref_vec, ReaderRef)

typedef struct ReadGroup ReadGroup;

struct ReadEntry {
    Bytes bytes;  // ours
    ReadGroup *group;
    ReaderRefVec readers;
};

// The reads of one table with the same columns.
struct ReadGroup {
    struct TableReads *table;
    uint32_t entry_count;
    uint16_t column_count;
    uint16_t columns[];
};
VEC(ReadGroupVec, read_group_vec, ReadGroup *)

typedef struct TableReads {
    TableId id;
    ReadGroupVec groups;
} TableReads;

static void write_head(Buffer *buffer, TableId table, const uint16_t *columns,
                       uint16_t column_count);
static ReadEntry *get_entry(Readers *readers, Bytes bytes);
static ReadGroup *get_group(Readers *readers, Bytes bytes);
static void drop_entry(Readers *readers, ReadEntry *entry);
static bool reads_are_same(const ViewReader *reader, const ReadNotes *notes);
static void find_group(Readers *readers, const Table *table, const ReadGroup *group,
                       ViewReaderVec *ret_readers);
static void probe_row(Readers *readers, const Table *table, const ReadGroup *group, Bytes row,
                      ViewReaderVec *ret_readers);
static void probe(Readers *readers, ViewReaderVec *ret_readers);

void readers_init(Readers *readers) {
    *readers = (Readers){0};
    bytes_map_init(&readers->entries);
    u64_map_init(&readers->tables);
    buffer_init(&readers->probe, READ_BYTES_MAX);
}

void readers_done(Readers *readers) {
    ASSERT(readers->entries.count == 0);
    ASSERT(readers->tables.count == 0);
    bytes_map_done(&readers->entries);
    u64_map_done(&readers->tables);
    buffer_done(&readers->probe);
}

static void write_head(Buffer *buffer, TableId table, const uint16_t *columns,
                       uint16_t column_count) {
    buffer_clear(buffer);
    buffer_u32(buffer, table);
    buffer_u16(buffer, column_count);
    for (uint16_t i = 0; i < column_count; i++) buffer_u16(buffer, columns[i]);
}

// ---- notes ----

void read_notes_init(ReadNotes *notes) {
    *notes = (ReadNotes){0};
    bytes_map_init(&notes->seen);
    u64_map_init(&notes->point_counts);
    buffer_init(&notes->scratch, READ_BYTES_MAX);
}

void read_notes_done(ReadNotes *notes) {
    bytes_map_done(&notes->seen);
    u64_map_done(&notes->point_counts);
    buffer_done(&notes->scratch);
}

void read_notes_table(ReadNotes *notes, TableId table) {
    write_head(&notes->scratch, table, NULL, 0);
    (void)bytes_map_set(&notes->seen, buffer_bytes(&notes->scratch), notes);
}

void read_notes_point(ReadNotes *notes, TableId table, ColumnList columns, Bytes key) {
    ASSERT(columns.count > 0);
    uintptr_t count = (uintptr_t)u64_map_find(&notes->point_counts, table);
    if (count >= VIEW_POINTS_MAX) return;  // the whole table is noted already
    write_head(&notes->scratch, table, columns.items, columns.count);
    buffer_append_bytes(&notes->scratch, key);
    ASSERT(!notes->scratch.failed);
    if (bytes_map_set(&notes->seen, buffer_bytes(&notes->scratch), notes)) return;
    (void)u64_map_set(&notes->point_counts, table, (void *)(count + 1));
    if (count + 1 == VIEW_POINTS_MAX) read_notes_table(notes, table);
}

// ---- replacing ----

void readers_replace(Readers *readers, ViewReader *reader, const ReadNotes *notes) {
    if (notes && reads_are_same(reader, notes)) return;
    for (uint32_t i = 0; i < reader->reads.count; i++) {
        ReadSlot slot = reader->reads.items[i];
        ReaderRefVec *refs = &slot.entry->readers;
        ReaderRef *gap = &refs->items[slot.at];
        ASSERT(gap->reader == reader && gap->at == i);
        *gap = refs->items[--refs->count];
        if (slot.at < refs->count) gap->reader->reads.items[gap->at].at = slot.at;
        if (refs->count == 0) drop_entry(readers, slot.entry);
    }
    read_slot_vec_clear(&reader->reads);
    if (notes == NULL) {
        read_slot_vec_done(&reader->reads);
        return;
    }
    uint32_t at = 0;
    Bytes bytes;
    void *value = NULL;
    while (bytes_map_next(&notes->seen, &at, &bytes, &value)) {
        ReadEntry *entry = get_entry(readers, bytes);
        read_slot_vec_push(&reader->reads, (ReadSlot){entry, entry->readers.count});
        reader_ref_vec_push(&entry->readers, (ReaderRef){reader, reader->reads.count - 1});
    }
}

// The usual case: a view reads the same every time.
static bool reads_are_same(const ViewReader *reader, const ReadNotes *notes) {
    if (reader->reads.count != notes->seen.count) return false;
    for (uint32_t i = 0; i < reader->reads.count; i++) {
        if (!bytes_map_find(&notes->seen, reader->reads.items[i].entry->bytes)) return false;
    }
    return true;
}

static ReadEntry *get_entry(Readers *readers, Bytes bytes) {
    ReadEntry *entry = bytes_map_find(&readers->entries, bytes);
    if (entry) return entry;
    uint8_t *copy = mem_alloc(bytes.count);
    memcpy(copy, bytes.data, bytes.count);
    entry = mem_alloc_zero(sizeof *entry);
    entry->bytes = bytes_of(copy, bytes.count);
    entry->group = get_group(readers, bytes);
    entry->group->entry_count++;
    (void)bytes_map_set(&readers->entries, bytes, entry);
    return entry;
}

static ReadGroup *get_group(Readers *readers, Bytes bytes) {
    ASSERT(bytes.count >= READ_HEAD_BYTES);
    TableId id = load_u32le(bytes.data);
    uint16_t column_count = load_u16le(bytes.data + 4);
    const uint8_t *columns = bytes.data + READ_HEAD_BYTES;
    TableReads *table = u64_map_find(&readers->tables, id);
    if (table == NULL) {
        table = mem_alloc_zero(sizeof *table);
        table->id = id;
        (void)u64_map_set(&readers->tables, id, table);
    }
    for (uint32_t i = 0; i < table->groups.count; i++) {
        ReadGroup *group = table->groups.items[i];
        bool is_same = group->column_count == column_count;
        for (uint16_t c = 0; c < column_count && is_same; c++) {
            is_same = group->columns[c] == load_u16le(columns + 2 * c);
        }
        if (is_same) return group;
    }
    ReadGroup *group = mem_alloc_zero(sizeof *group + sizeof(uint16_t) * column_count);
    group->table = table;
    group->column_count = column_count;
    for (uint16_t c = 0; c < column_count; c++) group->columns[c] = load_u16le(columns + 2 * c);
    read_group_vec_push(&table->groups, group);
    return group;
}

static void drop_entry(Readers *readers, ReadEntry *entry) {
    ReadGroup *group = entry->group;
    void *removed = bytes_map_remove(&readers->entries, entry->bytes);
    ASSERT(removed == entry);
    reader_ref_vec_done(&entry->readers);
    mem_free((void *)(uintptr_t)entry->bytes.data);
    mem_free(entry);
    ASSERT(group->entry_count > 0);
    if (--group->entry_count > 0) return;
    TableReads *table = group->table;
    for (uint32_t i = 0; i < table->groups.count; i++) {
        if (table->groups.items[i] == group)
            table->groups.items[i] = table->groups.items[--table->groups.count];
    }
    mem_free(group);
    if (table->groups.count > 0) return;
    (void)u64_map_remove(&readers->tables, table->id);
    read_group_vec_done(&table->groups);
    mem_free(table);
}

// ---- finding ----

void readers_find(Readers *readers, Tx *tx, ViewReaderVec *ret_readers) {
    readers->stamp++;
    for (Table *table = tx_next_touched(tx, NULL); table; table = tx_next_touched(tx, table)) {
        const TableReads *reads = u64_map_find(&readers->tables, table_id(table));
        if (reads == NULL) continue;
        for (uint32_t i = 0; i < reads->groups.count; i++) {
            find_group(readers, table, reads->groups.items[i], ret_readers);
        }
    }
}

static void find_group(Readers *readers, const Table *table, const ReadGroup *group,
                       ViewReaderVec *ret_readers) {
    if (group->column_count == 0) {
        write_head(&readers->probe, group->table->id, NULL, 0);
        probe(readers, ret_readers);
        return;
    }
    TouchedScan scan = table_touched(table);
    Bytes before;
    Bytes now;
    while (table_touched_next(&scan, &before, &now)) {
        if (before.data) probe_row(readers, table, group, before, ret_readers);
        if (now.data) probe_row(readers, table, group, now, ret_readers);
    }
}

static void probe_row(Readers *readers, const Table *table, const ReadGroup *group, Bytes row,
                      ViewReaderVec *ret_readers) {
    Buffer *key = &readers->probe;
    write_head(key, group->table->id, group->columns, group->column_count);
    for (uint16_t c = 0; c < group->column_count; c++) {
        if (group->columns[c] >= table_schema(table)->column_count)
            return;  // of the table as it was
        buffer_append_bytes(key, table_column(table, row, group->columns[c]));
    }
    ASSERT(!key->failed);
    probe(readers, ret_readers);
}

static void probe(Readers *readers, ViewReaderVec *ret_readers) {
    const ReadEntry *entry = bytes_map_find(&readers->entries, buffer_bytes(&readers->probe));
    for (uint32_t i = 0; entry && i < entry->readers.count; i++) {
        ViewReader *reader = entry->readers.items[i].reader;
        if (reader->stamp == readers->stamp) continue;
        reader->stamp = readers->stamp;
        view_reader_vec_push(ret_readers, reader);
    }
}
