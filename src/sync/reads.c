// reads.c - large first rows, read over snapshots of their tables on another thread.
//
// The set is registered and the answer takes its place in the client's queue in one step of the executor, as
// everywhere (subscribe.c); only its bytes come later. So updates stay behind the rows that they change. What could
// fail is decided before: how many rows are looked at and how large the message can become follow from the tables.
//
// A read has plans of its own, since the shared ones are the executor's. Their types are the schema's, which does not
// change while something is read (sync_wait_reads).

#include "base/limits.h"
#include "base/thread.h"
#include "sync/client.h"
#include "sync/message_v2.h"

// Handing over costs about as much as this many rows.
#define READ_ROWS_MIN 4096u
// Of a message, its lists' heads and offsets apart.
#define READ_HEAD_BYTES_MAX 64u

// The rows of one fragment.
typedef struct ReadPart {
    const Fragment *plan;
    TableSnapshot *snapshot;
} ReadPart;
VEC(ReadPartVec, read_part_vec, ReadPart)

// One table's entry of QueryRows: the rows of some parts, one behind the other.
typedef struct ReadList {
    Bytes table_name;  // in the read's arena
    uint32_t first_part;
    uint32_t part_count;
    // Found by looking at the rows once:
    uint64_t row_count;
    uint64_t row_bytes;
    uint32_t first_bytes;  // size of the first row
    bool is_uniform;       // all rows have that size
} ReadList;
VEC(ReadListVec, read_list_vec, ReadList)

typedef struct Read {
    struct Read *next;
    Arena arena;  // plans
    uint8_t head[READ_HEAD_BYTES_MAX];
    uint32_t head_bytes;
    ReadListVec lists;
    ReadPartVec parts;
    SharedBuf *later;
} Read;

struct Reads {
    SyncApart apart;  // start == NULL: there is nobody
    Mutex mutex;
    Condition changed;
    // ---- under mutex ----
    Read *first;
    Read *last;
    bool is_started;  // sync_run_reads was asked for and has not ended
    bool is_reading;  // it is at a read that it took
};

static bool may_read_apart(const Sync *sync, SyncClient *client);
static uint64_t scan_rows(const Sync *sync, const Query *query);
static Read *read_create(void);
static void read_free(Read *read);
static bool add_query(Sync *sync, Read *read, const SharedQuery *shared);
static void add_list(Read *read, Bytes table_name);
static void add_part(Sync *sync, Read *read, const Fragment *fragment);
static bool is_bounded(const Sync *sync, const Read *read);
static void send_later(Sync *sync, SyncClient *client, Read *read, const Buffer *head,
                       uint64_t ticket);
static Read *take_read(Reads *reads);
static void read_run(Read *read);
static void list_measure(const Read *read, ReadList *list);
static uint64_t list_bytes(const ReadList *list);
static bool list_is_fixed(const ReadList *list);
static uint8_t *list_write(const Read *read, const ReadList *list, uint8_t *to);
static uint8_t *write_offsets(const Read *read, const ReadList *list, uint8_t *to);
static uint8_t *write_rows(const ReadPart *part, uint8_t *to);
static bool next_row(const ReadPart *part, SnapshotScan *scan, Bytes *ret_row);

Reads *reads_create(void) {
    Reads *reads = mem_alloc_zero(sizeof *reads);
    mutex_init(&reads->mutex);
    condition_init(&reads->changed);
    return reads;
}

void reads_free(Reads *reads) {
    ASSERT(reads->first == NULL && !reads->is_reading);
    condition_done(&reads->changed);
    mutex_done(&reads->mutex);
    mem_free(reads);
}

void sync_set_apart(Sync *sync, const SyncApart *apart) {
    ASSERT(sync->first == NULL);
    sync->reads->apart = *apart;
}

void reads_forget_client(SyncClient *client) {
    for (uint32_t i = 0; i < CLIENT_READS_MAX; i++) {
        shared_buf_unref(client->laters[i]);
        client->laters[i] = NULL;
    }
}

void reads_settle(SyncClient *client) {
    for (uint32_t i = 0; i < CLIENT_READS_MAX; i++) {
        SharedBuf *later = client->laters[i];
        if (later == NULL || shared_later_is_open(later)) continue;
        client->cost->bytes += shared_later_bytes(later);
        shared_buf_unref(later);
        client->laters[i] = NULL;
    }
}

// ---- asking, on the executor ----

bool sync_subscribe_apart(Sync *sync, SyncClient *client, const QuerySet *set, uint32_t request_id,
                          uint64_t ticket) {
    if (!may_read_apart(sync, client)) return false;
    uint64_t rows = 0;
    for (uint32_t i = 0; i < set->queries.count; i++) {
        const Query *query = set->queries.items[i].shared->plan.query;
        if (!query_scans_tables(query)) return false;
        rows += scan_rows(sync, query);
    }
    if (rows < READ_ROWS_MIN) return false;
    Read *read = read_create();
    bool is_fit = true;
    for (uint32_t i = 0; i < set->queries.count && is_fit; i++) {
        is_fit = add_query(sync, read, set->queries.items[i].shared);
    }
    if (!is_fit || !is_bounded(sync, read)) {
        read_free(read);
        return false;
    }
    ASSERT(sync->message.count == 0);
    v2_subscribe_applied(&sync->message, request_id, set->id);
    send_later(sync, client, read, &sync->message, ticket);
    return true;
}

bool sync_one_off_apart(Sync *sync, SyncClient *client, SharedPlan *plan, uint32_t request_id,
                        uint64_t ticket) {
    if (!may_read_apart(sync, client) || !query_scans_tables(plan->query)) return false;
    if (scan_rows(sync, plan->query) < READ_ROWS_MIN) return false;
    Read *read = read_create();
    add_list(read, plan->table_name);
    for (uint32_t i = 0; i < query_fragment_count(plan->query); i++) {
        add_part(sync, read, query_fragment(plan->query, i));
    }
    if (!is_bounded(sync, read)) {
        read_free(read);
        return false;
    }
    arena_done(&read->arena);
    read->arena = plan->arena;
    plan->arena = (Arena){0};
    ASSERT(sync->message.count == 0);
    v2_one_off_head(&sync->message, request_id);
    send_later(sync, client, read, &sync->message, ticket);
    return true;
}

// What the client has not taken yet is bounded: then the executor writes, and its messages are counted as usual.
static bool may_read_apart(const Sync *sync, SyncClient *client) {
    bool is_possible = sync->output.takes_later && sync->reads->apart.start != NULL;
    if (!is_possible || client->format != FORMAT_V2) return false;
    reads_settle(client);
    bool has_place = false;
    for (uint32_t i = 0; i < CLIENT_READS_MAX; i++) {
        has_place = has_place || client->laters[i] == NULL;
    }
    return has_place;
}

static uint64_t scan_rows(const Sync *sync, const Query *query) {
    uint64_t rows = 0;
    for (uint32_t i = 0; i < query_fragment_count(query); i++) {
        TableId id = fragment_table(query_fragment(query, i), 0);
        rows += table_row_count(store_find_table(sync->store, id));
    }
    return rows;
}

static Read *read_create(void) {
    Read *read = mem_alloc_zero(sizeof *read);
    arena_init(&read->arena, (uint64_t)QUERY_PLAN_BYTES_MAX * SQL_RELATIONS_MAX);
    return read;
}

static void read_free(Read *read) {
    for (uint32_t i = 0; i < read->parts.count; i++) {
        table_snapshot_release(read->parts.items[i].snapshot);
    }
    read_part_vec_done(&read->parts);
    read_list_vec_done(&read->lists);
    arena_done(&read->arena);
    shared_buf_unref(read->later);
    mem_free(read);
}

// A list for each fragment whose table has rows. False if it cannot be compiled once more, or scans no longer.
static bool add_query(Sync *sync, Read *read, const SharedQuery *shared) {
    const Query *query = NULL;
    Error ignored;
    Status status = sql_compile_query(&shared->context, shared->plan.text, SQL_SUBSCRIBE,
                                      &read->arena, &query, &ignored);
    if (status != STATUS_OK || !query_scans_tables(query)) return false;
    Bytes table_name = arena_copy(&read->arena, shared->plan.table_name);
    for (uint32_t i = 0; i < query_fragment_count(query); i++) {
        const Fragment *fragment = query_fragment(query, i);
        Table *table = store_find_table(sync->store, fragment_table(fragment, 0));
        if (table_row_count(table) == 0) continue;
        add_list(read, table_name);
        add_part(sync, read, fragment);
    }
    return true;
}

static void add_list(Read *read, Bytes table_name) {
    read_list_vec_push(
        &read->lists,
        (ReadList){.table_name = table_name, .first_part = read->parts.count, .is_uniform = true});
}

static void add_part(Sync *sync, Read *read, const Fragment *fragment) {
    ASSERT(read->lists.count > 0);
    Table *table = store_find_table(sync->store, fragment_table(fragment, 0));
    read_part_vec_push(&read->parts, (ReadPart){fragment, table_snapshot_create(table)});
    read->lists.items[read->lists.count - 1].part_count++;
}

// Neither limit of a query can be met, whatever its filters let through.
static bool is_bounded(const Sync *sync, const Read *read) {
    uint64_t bytes = READ_HEAD_BYTES_MAX;
    for (uint32_t i = 0; i < read->lists.count; i++) {
        bytes += READ_HEAD_BYTES_MAX + read->lists.items[i].table_name.count;
    }
    for (uint32_t i = 0; i < read->parts.count; i++) {
        const TableSnapshot *snapshot = read->parts.items[i].snapshot;
        uint64_t rows = table_snapshot_row_count(snapshot);
        if (rows >= SQL_TOUCHED_ROWS_MAX) return false;
        bytes += table_snapshot_bytes_max(snapshot) + rows * sizeof(uint64_t);
    }
    return bytes <= sync->output.message_bytes_max;
}

static void send_later(Sync *sync, SyncClient *client, Read *read, const Buffer *head,
                       uint64_t ticket) {
    ASSERT(head->count > 0 && head->count <= READ_HEAD_BYTES_MAX && !head->failed);
    memcpy(read->head, head->data, head->count);
    read->head_bytes = (uint32_t)head->count;
    sync_rewind_message(sync, 0);
    SharedSlice later = shared_later_create();
    read->later = shared_buf_ref(later.buf);
    uint32_t place = 0;
    while (client->laters[place]) place++;
    ASSERT(place < CLIENT_READS_MAX);
    client->laters[place] = shared_buf_ref(later.buf);
    sync_send(sync, client, later, ticket);
    Reads *reads = sync->reads;
    mutex_lock(&reads->mutex);
    if (reads->last) {
        reads->last->next = read;
    } else {
        reads->first = read;
    }
    reads->last = read;
    bool is_started = reads->is_started;
    reads->is_started = true;
    mutex_unlock(&reads->mutex);
    if (!is_started) reads->apart.start(reads->apart.user);
}

void sync_wait_reads(Sync *sync) {
    Reads *reads = sync->reads;
    mutex_lock(&reads->mutex);
    for (Read *read = take_read(reads); read; read = take_read(reads)) {
        mutex_unlock(&reads->mutex);
        read_run(read);
        reads->apart.ready(reads->apart.user);
        mutex_lock(&reads->mutex);
    }
    while (reads->is_reading) condition_wait(&reads->changed, &reads->mutex);
    mutex_unlock(&reads->mutex);
}

// ---- reading, on another thread ----

void sync_run_reads(Sync *sync) {
    Reads *reads = sync->reads;
    mutex_lock(&reads->mutex);
    ASSERT(reads->is_started && !reads->is_reading);
    for (Read *read = take_read(reads); read; read = take_read(reads)) {
        reads->is_reading = true;
        mutex_unlock(&reads->mutex);
        read_run(read);
        reads->apart.ready(reads->apart.user);
        mutex_lock(&reads->mutex);
        reads->is_reading = false;
    }
    reads->is_started = false;
    condition_broadcast(&reads->changed);
    mutex_unlock(&reads->mutex);
}

// Under the mutex. NULL: none is left.
static Read *take_read(Reads *reads) {
    Read *read = reads->first;
    if (read == NULL) return NULL;
    reads->first = read->next;
    if (reads->first == NULL) reads->last = NULL;
    return read;
}

// Looks at the rows twice, so that the message has its size from the start.
static void read_run(Read *read) {
    uint64_t bytes = read->head_bytes + sizeof(uint32_t);
    for (uint32_t i = 0; i < read->lists.count; i++) {
        list_measure(read, &read->lists.items[i]);
        bytes += list_bytes(&read->lists.items[i]);
    }
    ASSERT(bytes <= UINT32_MAX);  // is_bounded
    SharedBuf *message = shared_buf_create((uint32_t)bytes);
    uint8_t *to = message->data;
    memcpy(to, read->head, read->head_bytes);
    to += read->head_bytes;
    store_u32le(to, read->lists.count);
    to += sizeof(uint32_t);
    for (uint32_t i = 0; i < read->lists.count; i++) {
        to = list_write(read, &read->lists.items[i], to);
    }
    ASSERT(to == message->data + bytes);
    message->count = (uint32_t)bytes;
    shared_later_fill(read->later, (SharedSlice){message, 0, message->count});
    read_free(read);
}

static void list_measure(const Read *read, ReadList *list) {
    for (uint32_t i = 0; i < list->part_count; i++) {
        const ReadPart *part = &read->parts.items[list->first_part + i];
        uint32_t size = table_snapshot_row_bytes(part->snapshot);
        if (size > 0 && fragment_takes_all(part->plan)) {
            uint64_t rows = table_snapshot_row_count(part->snapshot);
            if (list->row_count == 0) list->first_bytes = size;
            list->is_uniform = list->is_uniform && (rows == 0 || size == list->first_bytes);
            list->row_count += rows;
            list->row_bytes += rows * size;
            continue;
        }
        SnapshotScan scan = table_snapshot_scan(part->snapshot);
        Bytes row;
        while (next_row(part, &scan, &row)) {
            if (list->row_count == 0) list->first_bytes = row.count;
            list->is_uniform = list->is_uniform && row.count == list->first_bytes;
            list->row_count++;
            list->row_bytes += row.count;
        }
    }
}

// As row_list_write chooses.
static bool list_is_fixed(const ReadList *list) {
    return list->row_count > 0 && list->is_uniform && list->first_bytes > 0 &&
           list->first_bytes <= UINT16_MAX;
}

static uint64_t list_bytes(const ReadList *list) {
    uint64_t hint = list_is_fixed(list) ? 1 + sizeof(uint16_t)
                                        : 1 + sizeof(uint32_t) + list->row_count * sizeof(uint64_t);
    return 2 * sizeof(uint32_t) + list->table_name.count + hint + list->row_bytes;
}

static uint8_t *list_write(const Read *read, const ReadList *list, uint8_t *to) {
    store_u32le(to, list->table_name.count);
    to += sizeof(uint32_t);
    memcpy(to, list->table_name.data, list->table_name.count);
    to += list->table_name.count;
    if (list_is_fixed(list)) {
        *to++ = ROW_HINT_FIXED_SIZE;
        store_u16le(to, (uint16_t)list->first_bytes);
        to += sizeof(uint16_t);
    } else {
        *to++ = ROW_HINT_OFFSETS;
        to = write_offsets(read, list, to);
    }
    store_u32le(to, (uint32_t)list->row_bytes);
    to += sizeof(uint32_t);
    for (uint32_t i = 0; i < list->part_count; i++) {
        to = write_rows(&read->parts.items[list->first_part + i], to);
    }
    return to;
}

static uint8_t *write_offsets(const Read *read, const ReadList *list, uint8_t *to) {
    store_u32le(to, (uint32_t)list->row_count);
    to += sizeof(uint32_t);
    uint64_t at = 0;
    for (uint32_t i = 0; i < list->part_count; i++) {
        const ReadPart *part = &read->parts.items[list->first_part + i];
        SnapshotScan scan = table_snapshot_scan(part->snapshot);
        Bytes row;
        while (next_row(part, &scan, &row)) {
            store_u64le(to, at);
            to += sizeof(uint64_t);
            at += row.count;
        }
    }
    ASSERT(at == list->row_bytes);
    return to;
}

static uint8_t *write_rows(const ReadPart *part, uint8_t *to) {
    uint32_t size = table_snapshot_row_bytes(part->snapshot);
    if (size > 0 && fragment_takes_all(part->plan)) {
        table_snapshot_copy(part->snapshot, to);
        return to + table_snapshot_row_count(part->snapshot) * size;
    }
    SnapshotScan scan = table_snapshot_scan(part->snapshot);
    Bytes row;
    while (next_row(part, &scan, &row)) {
        if (row.count > 0) memcpy(to, row.data, row.count);
        to += row.count;
    }
    return to;
}

// The next row that the fragment passes on.
static bool next_row(const ReadPart *part, SnapshotScan *scan, Bytes *ret_row) {
    Row row;
    while (table_snapshot_next(scan, &row)) {
        if (!fragment_matches(part->plan, row.bytes)) continue;
        *ret_row = fragment_output(part->plan, row.bytes);
        return true;
    }
    return false;
}
