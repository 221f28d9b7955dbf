// limits.h - the limits of this room (base/limits.h is full); going past one is an error of the
// step or script.
//
// Threads, Lifetime   constants.
#pragma once

// Everything that one test makes, and a program.
#define HARNESS_ARENA_BYTES_MAX (4ull << 30)
#define HARNESS_STEP_BYTES_MAX (1u << 20)
#define HARNESS_LINES_MAX 65536u  // of a script
#define HARNESS_NAME_BYTES_MAX 64u
#define HARNESS_PERSONS_MAX 64u
#define HARNESS_HEADERS_MAX 32u
#define HARNESS_ENVIRONMENT_MAX 256u
#define HARNESS_ADVANCE_DAYS_MAX 3650
// What is shown of why a test failed.
#define HARNESS_ERROR_TEXT_MAX 4096u
// Messages to one subscriber between two looks.
#define HARNESS_RECEIVED_BYTES_MAX (64u << 20)
