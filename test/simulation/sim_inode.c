// sim_inode.c - see sim_inode.h.
#include "sim_inode.h"

// How much of what no sync covered survives a crash.
typedef enum Survival {
    SURVIVE_NONE,
    SURVIVE_ALL,
    SURVIVE_FIRST,
    SURVIVE_ANY,
    SURVIVAL_COUNT
} Survival;

static void resize(Buffer *content, uint64_t size);
static void write_at(Buffer *content, uint64_t at, const uint8_t *bytes, size_t count);
static void apply(Buffer *content, const SimWrite *write);
static void apply_torn(Buffer *content, const SimWrite *write, SimDice *dice);
static void apply_sectors(Buffer *content, const SimWrite *write, SimDice *dice);
static void apply_some(Buffer *content, const SimWriteVec *writes, SimDice *dice);
static void copy_content(Buffer *to, const Buffer *from);
static void drop_writes(SimInode *file);
static void entries_move(SimEntryVec *entries, const SimMove *move);
static void entries_copy(SimEntryVec *to, const SimEntryVec *from);
static void entries_clear(SimEntryVec *entries);
static SimEntry *entries_find(SimEntryVec *entries, const char *name, size_t count);
static void drop_moves(SimInode *directory);

uint64_t sim_dice(SimDice *dice, uint64_t limit) {
    ASSERT(limit > 0);
    uint64_t value = dice->state += 0x9e3779b97f4a7c15u;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
    value = (value ^ value >> 27) * 0x94d049bb133111ebu;
    return (value ^ value >> 31) % limit;
}

SimInode *sim_inode_create(bool is_directory) {
    SimInode *inode = mem_alloc_zero(sizeof *inode);
    inode->is_directory = is_directory;
    buffer_init(&inode->seen, SIM_FILE_BYTES_MAX);
    buffer_init(&inode->held, SIM_FILE_BYTES_MAX);
    return inode;
}

void sim_inode_free(SimInode *inode) {
    drop_writes(inode);
    drop_moves(inode);
    sim_write_vec_done(&inode->writes);
    sim_move_vec_done(&inode->moves);
    entries_clear(&inode->seen_entries);
    entries_clear(&inode->held_entries);
    sim_entry_vec_done(&inode->seen_entries);
    sim_entry_vec_done(&inode->held_entries);
    buffer_done(&inode->seen);
    buffer_done(&inode->held);
    mem_free(inode);
}

// ---- files ----

void sim_file_write(SimInode *file, uint64_t at, const void *bytes, size_t count) {
    if (count == 0) return;
    uint8_t *copy = mem_alloc(count);
    memcpy(copy, bytes, count);
    sim_write_vec_push(&file->writes, (SimWrite){at, copy, count});
    write_at(&file->seen, at, copy, count);
    if (at + count > file->room) file->room = at + count;
}

void sim_file_resize(SimInode *file, uint64_t size) {
    sim_write_vec_push(&file->writes, (SimWrite){.at = size});
    resize(&file->seen, size);
    if (size < file->room) file->room = size;
}

void sim_file_sync(SimInode *file) {
    for (uint32_t i = 0; i < file->writes.count; i++) apply(&file->held, &file->writes.items[i]);
    drop_writes(file);
}

void sim_file_sync_badly(SimInode *file, SimDice *dice) {
    apply_some(&file->held, &file->writes, dice);
    drop_writes(file);
}

void sim_file_crash(SimInode *file, SimDice *dice) {
    apply_some(&file->held, &file->writes, dice);
    drop_writes(file);
    copy_content(&file->seen, &file->held);
    file->room = file->seen.count;
}

static void apply_some(Buffer *content, const SimWriteVec *writes, SimDice *dice) {
    Survival survival = (Survival)sim_dice(dice, SURVIVAL_COUNT);
    uint32_t first = writes->count > 0 ? (uint32_t)sim_dice(dice, writes->count + 1) : 0;
    for (uint32_t i = 0; i < writes->count; i++) {
        const SimWrite *write = &writes->items[i];
        switch (survival) {
        case SURVIVE_NONE: break;
        case SURVIVE_ALL: apply(content, write); break;
        case SURVIVE_FIRST:
            if (i < first) apply(content, write);
            if (i == first) apply_torn(content, write, dice);
            break;
        case SURVIVE_ANY:
        case SURVIVAL_COUNT:
            if (sim_dice(dice, 3) == 0) break;
            apply_sectors(content, write, dice);
            break;
        }
    }
}

static void apply(Buffer *content, const SimWrite *write) {
    if (write->bytes == NULL) {
        resize(content, write->at);
    } else {
        write_at(content, write->at, write->bytes, write->count);
    }
}

// The file ends somewhere within the write; or it has its full size, and nothing of the rest.
static void apply_torn(Buffer *content, const SimWrite *write, SimDice *dice) {
    if (write->bytes == NULL) return;
    size_t count = (size_t)sim_dice(dice, write->count + 1);
    if (count > 0) write_at(content, write->at, write->bytes, count);
    bool has_size = sim_dice(dice, 3) == 0;
    if (has_size && write->at + write->count > content->count) {
        // Sectors are whole: what is torn within one is only the end of the file.
        uint64_t end = (write->at + count) / SIM_SECTOR_BYTES * SIM_SECTOR_BYTES;
        resize(content, end > write->at ? end : write->at);
        resize(content, write->at + write->count);
    }
}

static void apply_sectors(Buffer *content, const SimWrite *write, SimDice *dice) {
    if (write->bytes == NULL) {
        resize(content, write->at);
        return;
    }
    size_t done = 0;
    while (done < write->count) {
        uint64_t at = write->at + done;
        size_t count = SIM_SECTOR_BYTES - at % SIM_SECTOR_BYTES;
        if (count > write->count - done) count = write->count - done;
        if (sim_dice(dice, 2) == 0) write_at(content, at, write->bytes + done, count);
        done += count;
    }
    uint64_t end = write->at + write->count;
    if (sim_dice(dice, 2) == 0 && end > content->count) resize(content, end);
}

static void resize(Buffer *content, uint64_t size) {
    ASSERT(size <= SIM_FILE_BYTES_MAX);
    if (size > content->count) {
        size_t more = (size_t)size - content->count;
        memset(buffer_reserve(content, more), 0, more);
    }
    content->count = (size_t)size;
}

static void write_at(Buffer *content, uint64_t at, const uint8_t *bytes, size_t count) {
    if (at + count > content->count) resize(content, at + count);
    memcpy(content->data + at, bytes, count);
}

static void copy_content(Buffer *to, const Buffer *from) {
    buffer_clear(to);
    buffer_append(to, from->data, from->count);
}

static void drop_writes(SimInode *file) {
    for (uint32_t i = 0; i < file->writes.count; i++) mem_free(file->writes.items[i].bytes);
    sim_write_vec_clear(&file->writes);
}

// ---- directories ----

SimEntry *sim_directory_find(SimInode *directory, const char *name, size_t name_count) {
    ASSERT(directory->is_directory);
    return entries_find(&directory->seen_entries, name, name_count);
}

void sim_directory_move(SimInode *directory, const char *from, const char *to, SimInode *inode) {
    SimMove move = {.inode = inode};
    if (from) move.from = mem_copy_text(bytes_of_text(from));
    if (to) move.to = mem_copy_text(bytes_of_text(to));
    entries_move(&directory->seen_entries, &move);
    sim_move_vec_push(&directory->moves, move);
}

void sim_directory_sync(SimInode *directory) {
    entries_clear(&directory->held_entries);
    entries_copy(&directory->held_entries, &directory->seen_entries);
    drop_moves(directory);
}

void sim_directory_crash(SimInode *directory, SimDice *dice) {
    Survival survival = (Survival)sim_dice(dice, SURVIVAL_COUNT);
    uint32_t count = directory->moves.count;
    uint32_t first = count > 0 ? (uint32_t)sim_dice(dice, count + 1) : 0;
    for (uint32_t i = 0; i < count; i++) {
        bool survives = survival == SURVIVE_ALL || (survival == SURVIVE_FIRST && i < first) ||
                        (survival == SURVIVE_ANY && sim_dice(dice, 2) == 0);
        if (survives) entries_move(&directory->held_entries, &directory->moves.items[i]);
    }
    drop_moves(directory);
    entries_clear(&directory->seen_entries);
    entries_copy(&directory->seen_entries, &directory->held_entries);
}

static SimEntry *entries_find(SimEntryVec *entries, const char *name, size_t count) {
    for (uint32_t i = 0; i < entries->count; i++) {
        const char *other = entries->items[i].name;
        if (strlen(other) == count && memcmp(other, name, count) == 0) return &entries->items[i];
    }
    return NULL;
}

static void entries_remove(SimEntryVec *entries, const char *name) {
    SimEntry *entry = entries_find(entries, name, strlen(name));
    if (entry == NULL) return;
    mem_free(entry->name);
    *entry = entries->items[--entries->count];
}

static void entries_move(SimEntryVec *entries, const SimMove *move) {
    if (move->from) entries_remove(entries, move->from);
    if (move->to == NULL) return;
    entries_remove(entries, move->to);
    sim_entry_vec_push(entries, (SimEntry){mem_copy_text(bytes_of_text(move->to)), move->inode});
}

static void entries_copy(SimEntryVec *to, const SimEntryVec *from) {
    for (uint32_t i = 0; i < from->count; i++) {
        SimEntry entry = from->items[i];
        entry.name = mem_copy_text(bytes_of_text(entry.name));
        sim_entry_vec_push(to, entry);
    }
}

static void entries_clear(SimEntryVec *entries) {
    for (uint32_t i = 0; i < entries->count; i++) mem_free(entries->items[i].name);
    sim_entry_vec_clear(entries);
}

static void drop_moves(SimInode *directory) {
    for (uint32_t i = 0; i < directory->moves.count; i++) {
        mem_free(directory->moves.items[i].from);
        mem_free(directory->moves.items[i].to);
    }
    sim_move_vec_clear(&directory->moves);
}
