// sim_disk.h - an Os whose disk is in memory and fails when told: crashes, errors, no room, rotten bits.
//
// What a program sees and what the disk holds are two things. A write is seen at once and held after a sync of
// the file; a name is seen at once and held after a sync of its directory. A crash keeps what is held, and of the rest
// a random part: any of the writes, torn at any byte or with sectors missing, any of the names.
//
// Threads    one.
// Lifetime   Files do not survive a restart.
// Order      the same seed and the same calls give the same disk. Time moves by a millisecond per question.
#pragma once

#include "base/os.h"

typedef struct SimDisk SimDisk;

typedef enum SimFault {
    SIM_CRASH,  // the call takes effect as far as chance has it; from then on nothing does, until the restart
    SIM_EIO,  // of a sync: what was written since the last one is held in part and will never be in full
    SIM_ENOSPC,  // of a write: after a part of it. Of a sync or a removal: as SIM_EIO
} SimFault;

// Disks and programs that only say they sync.
typedef enum SimLie { SIM_HONEST, SIM_SKIP_FILE_SYNC, SIM_SKIP_DIRECTORY_SYNC } SimLie;

SimDisk *sim_disk_create(uint64_t seed);
void sim_disk_free(SimDisk *disk);
Os *sim_disk_os(SimDisk *disk);

// Calls that change the disk, so far.
uint64_t sim_disk_calls(const SimDisk *disk);
// That call (sim_disk_calls() + 1 is the next one) has this fault; 0: none has.
void sim_disk_fault_at(SimDisk *disk, uint64_t call, SimFault fault);
// After SIM_CRASH, until the restart: every call fails and changes nothing.
bool sim_disk_is_off(const SimDisk *disk);
// Power fails, if it did not yet, and comes back.
void sim_disk_restart(SimDisk *disk);

void sim_disk_set_lie(SimDisk *disk, SimLie lie);
// Called before each sync of a file takes effect; NULL: nothing is.
void sim_disk_on_sync(SimDisk *disk, void (*hook)(void *user), void *user);
// Bytes that all files together may hold; UINT64_MAX: no limit.
void sim_disk_set_room(SimDisk *disk, uint64_t bytes);
// A bit of a file turns, in what is held and seen. False if there is no such file or it is shorter.
bool sim_disk_flip_bit(SimDisk *disk, const char *path, uint64_t bit);
// Bytes of a file as they are seen; 0 if there is none.
uint64_t sim_disk_file_bytes(SimDisk *disk, const char *path);
// What of the file a sync has covered.
uint64_t sim_disk_held_bytes(SimDisk *disk, const char *path);

// The disk's own dice, for whoever drives it.
uint64_t sim_disk_random(SimDisk *disk, uint64_t limit);
