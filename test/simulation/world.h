// world.h - a database on a simulated disk, and what must be true of it after every crash.
//
// It does random transactions (rows of random types, sequences, tables that come, change and go) and notes for
// each logged one what the whole state is. After a recovery the state must be that of some prefix of these, and the
// prefix must hold everything that the gate had let through.
//
// Threads    one.        Lifetime   until world_done.
#pragma once

#include "base/vec.h"
#include "log/log.h"
#include "sim_disk.h"
#include "values.h"

#define WORLD_DIRECTORY "/data/replicas/1/clog"
#define WORLD_SNAPSHOTS "/data/replicas/1/snapshots"

VEC(DigestVec, digest_vec, uint64_t)

// A value that a sequence gave to a row of a logged transaction.
typedef struct Given {
    uint64_t owner;  // hash of the table's name
    uint64_t value;
    uint64_t offset;
} Given;
VEC(GivenVec, given_vec, Given)

typedef struct World {
    Random random;
    SimDisk *disk;
    Store *store;  // NULL: closed
    Log *log;
    LogOptions options;
    LogReport report;
    DigestVec states;  // after the transaction with that offset
    GivenVec given;
    uint64_t confirmed;                // the gate was open up to here
    uint32_t names;                    // tables that were ever created
    uint32_t restored;                 // openings that began with a snapshot
    char failure[2 * ERROR_TEXT_MAX];  // what is wrong; empty: nothing
} World;

void world_init(World *world, uint64_t seed, uint64_t segment_bytes_max);
void world_done(World *world);

// Opens what is on the disk and holds it against what is known. False if the disk failed, or if something is wrong.
bool world_open(World *world, Error *ret_error);
// Gives up the memory. With a disk that is off nothing is written any more.
void world_close(World *world);
// One transaction, committed or rolled back; appended if it is logged.
void world_transact(World *world);
// A round of the log's work, now and then; and now and then a snapshot.
void world_step(World *world);
// All of it.
void world_drain(World *world);

// Notes that something is wrong; the first is kept.
void world_wrong(World *world, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool world_is_wrong(const World *world);
uint64_t store_digest(Store *store);
