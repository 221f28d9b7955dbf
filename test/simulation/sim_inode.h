// sim_inode.h - what the simulated disk is made of: files and directories, each as it is seen and as it is held.
//
// Threads    one.        Lifetime   until sim_inode_free.
#pragma once

#include "base/vec.h"

#define SIM_FILE_BYTES_MAX (64u << 20)
#define SIM_SECTOR_BYTES 512u

// A write, or a change of the size, that no sync covered yet.
typedef struct SimWrite {
    uint64_t at;
    uint8_t *bytes;  // NULL: the size becomes `at`
    size_t count;
} SimWrite;
VEC(SimWriteVec, sim_write_vec, SimWrite)

typedef struct SimEntry {
    char *name;
    struct SimInode *inode;
} SimEntry;
VEC(SimEntryVec, sim_entry_vec, SimEntry)

// A change of a directory that no sync covered yet: `from` goes, `to` comes; each may be NULL.
typedef struct SimMove {
    char *from;
    char *to;
    struct SimInode *inode;
} SimMove;
VEC(SimMoveVec, sim_move_vec, SimMove)

typedef struct SimInode {
    bool is_directory;
    bool is_reached;  // while the unreachable are looked for
    // ---- files ----
    Buffer seen;
    Buffer held;
    SimWriteVec writes;
    uint64_t room;  // bytes it takes on the disk: what was written, not what is a hole
    // ---- directories ----
    SimEntryVec seen_entries;
    SimEntryVec held_entries;
    SimMoveVec moves;
} SimInode;
VEC(SimInodeVec, sim_inode_vec, SimInode *)

// splitmix64.
typedef struct SimDice {
    uint64_t state;
} SimDice;
uint64_t sim_dice(SimDice *dice, uint64_t limit);  // below the limit

SimInode *sim_inode_create(bool is_directory);
void sim_inode_free(SimInode *inode);

// ---- files ----
void sim_file_write(SimInode *file, uint64_t at, const void *bytes, size_t count);
void sim_file_resize(SimInode *file, uint64_t size);
void sim_file_sync(SimInode *file);
// A part of what was written is held, the rest will never be, though it is still seen.
void sim_file_sync_badly(SimInode *file, SimDice *dice);
void sim_file_crash(SimInode *file, SimDice *dice);

// ---- directories ----
SimEntry *sim_directory_find(SimInode *directory, const char *name,
                             size_t name_count);  // seen; NULL
void sim_directory_move(SimInode *directory, const char *from, const char *to, SimInode *inode);
void sim_directory_sync(SimInode *directory);
void sim_directory_crash(SimInode *directory, SimDice *dice);
