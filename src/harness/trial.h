// trial.h - the parts of a Trial: the database and who acts on it.
//
// Threads    the one that calls harness.h; what the executor writes is read after a turn has ended.
// Lifetime   harness.h.   Limits  HARNESS_* in limits.h.
#pragma once

#include "base/thread.h"
#include "harness/harness.h"
#include "harness/limits.h"

struct Harness {
    HostEngine *engine;
    Bytes program;
    Arena arena;  // of the program
};

// Somebody who acts: "owner", or any name that a test makes up.
typedef struct Person {
    Bytes name;
    Caller caller;  // its connection is that of `connect`, or of the call that runs
    bool is_connected;
    SyncClient *client;  // NULL: has not subscribed
    Buffer received;     // messages, each with a comma behind it; the executor's while a step runs
} Person;

// A function or handler that was called; the executor fills it in. It stays until the trial ends or
// it has been reported, for procedures may sleep.
typedef struct TrialCall {
    FunctionWaiter waiter;  // first
    RouteWaiter route;
    Person *person;
    Bytes name, json;
    bool is_error;
    bool disconnects;
    Buffer text;
    _Atomic bool
        is_done;  // the executor writes, last; the trial's thread reads what it wrote before
} TrialCall;

struct Trial {
    Harness *harness;
    VirtualClock *clock;
    ExecutorPool *pool;
    Database *database;  // NULL: not made yet
    Arena arena;
    Person persons[HARNESS_PERSONS_MAX];
    uint32_t person_count;
    Person *acting;
    TrialCall *asleep;  // a procedure that has not ended
    LogPosition logged;
    EnvironmentEntry environment[HARNESS_ENVIRONMENT_MAX];
    uint32_t environment_count;
    RouteField fields[HARNESS_HEADERS_MAX];  // of the next request
    uint32_t field_count;
    uint32_t query_count;  // of all subscriptions
    Buffer reply;
};

// The person of this name, made if there is none. NULL: there are too many.
Person *trial_person(Trial *trial, Bytes name);
// Makes the database if there is none. False: the reply says why.
bool trial_needs_database(Trial *trial);
// Lets everything happen that is due now.
void trial_settle(Trial *trial);

// A text with @{name} filled in, as steps have it.
Bytes trial_expected(Trial *trial, Bytes text);

StepReply reply_error(Trial *trial, const char *format, ...) __attribute__((format(printf, 2, 3)));
StepReply reply_ok(Trial *trial, Bytes text);

// What steps do to the database (actions.c).
StepReply trial_call(Trial *trial, Bytes name, Bytes json);
StepReply trial_result(Trial *trial);
StepReply trial_sql(Trial *trial, Bytes text);
StepReply trial_http(Trial *trial, Bytes method, Bytes path, Bytes body);
StepReply trial_connect(Trial *trial);
StepReply trial_disconnect(Trial *trial);
StepReply trial_subscribe(Trial *trial, Bytes query);
// The messages to who acts since the last time, a JSON array.
StepReply trial_updates(Trial *trial);

// ---- text (text.c) ----

// Takes the next word off the text, and the spaces around it; empty at the end.
Bytes text_word(Bytes *text);
Bytes text_trim(Bytes text);
bool text_starts(Bytes text, Bytes head);
bool text_contains(Bytes text, Bytes part);
// Whether two JSON texts differ in spaces between tokens only.
bool json_is_same(Bytes left, Bytes right, Arena *arena);
// The member "rows" of the only statement in an answer of SQL over HTTP; empty: there is none.
Bytes json_rows(Bytes answer);
// "10ms", "5s", "2m", "1h", "3d", or seconds without a unit. False: something else, or more than
// HARNESS_ADVANCE_DAYS_MAX.
bool text_duration(Bytes text, int64_t *ret_micros);
