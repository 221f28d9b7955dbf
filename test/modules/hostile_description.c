// hostile_description.c - describes itself wrongly; -DCASE=n chooses how. No library in it.
#include <stdint.h>

__attribute__((import_module("spacetime_10.0"), import_name("bytes_sink_write"))) uint32_t
bytes_sink_write(uint32_t sink, const uint8_t *bytes, uint32_t *length);
__attribute__((export_name("__describe_module__"))) void describe_module(uint32_t sink);
__attribute__((export_name("__call_reducer__"))) int32_t
call_reducer(uint32_t id, uint64_t s0, uint64_t s1, uint64_t s2, uint64_t s3, uint64_t c0,
             uint64_t c1, int64_t timestamp, uint32_t arguments, uint32_t error);

#ifndef CASE
#define CASE 0
#endif

static const uint8_t description[] = {
#if CASE == 0  // a version that there is not
    3, 0, 0, 0, 0,
#elif CASE == 1   // ends within a section
    2, 1, 0, 0, 0, 3, 9, 0,
#elif CASE == 2   // more sections than bytes
    2, 0xff, 0xff, 0xff, 0xff,
#elif CASE == 3   // an unknown section
    2, 1, 0, 0, 0, 200, 0, 0, 0, 0,
#elif CASE == 4   // an argument of a type that refers to itself: Array<&0>
    2, 2, 0, 0,   0, 0, 1, 0, 0, 0,   3, 0, 0, 0, 0, 0,  //
    3, 1, 0, 0,   0, 1, 0, 0, 0, 'r', 1, 0, 0, 0, 0, 1,
    0, 0, 0, 'x', 0, 0, 0, 0, 0, 1,   2, 0, 0, 0, 0, 4,
#elif CASE == 5   // a table whose rows are type 7 of none
    2, 1, 0, 0, 0, 2, 1, 0, 0, 0, 1, 0, 0, 0, 't', 7, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,   0, 0, 0, 0, 0, 0,
#elif CASE == 6   // two reducers of one name
    2, 1, 0, 0, 0,   3, 2, 0, 0, 0,                    //
    1, 0, 0, 0, 'r', 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 4,  //
    1, 0, 0, 0, 'r', 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 4,
#elif CASE == 7   // a reducer whose name is no text
    2, 1, 0, 0, 0, 3, 1, 0, 0, 0, 2, 0, 0, 0, 0xff, 0xfe, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 4,
#elif CASE == 8   // a reducer whose name is no identifier
    2, 1, 0, 0, 0, 3, 1, 0, 0, 0, 3, 0, 0, 0, 'a', ' ', 'b', 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 4,
#elif CASE == 9   // init is a reducer that there is not
    2, 1, 0, 0, 0, 7, 1, 0, 0, 0, 0, 4, 0, 0, 0, 'i', 'n', 'i', 't',
#elif CASE == 10  // nothing at all
    0,
#elif CASE == 11  // types nested deeper than anybody's stack: see describe_module
    2, 1, 0, 0, 0, 0, 1, 0, 0, 0,
#endif
};

static void write(uint32_t sink, const uint8_t *bytes, uint32_t count) {
    bytes_sink_write(sink, bytes, &count);
}

void describe_module(uint32_t sink) {
    if (CASE == 10) return;
    write(sink, description, sizeof description);
    static const uint8_t arrays[64] = {3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
                                       3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
                                       3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
                                       3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3};
    if (CASE == 11) {
        for (int i = 0; i < 1 << 15; i++) write(sink, arrays, sizeof arrays);
        write(sink, (uint8_t[]){7}, 1);
    }
}

int32_t call_reducer(uint32_t id, uint64_t s0, uint64_t s1, uint64_t s2, uint64_t s3, uint64_t c0,
                     uint64_t c1, int64_t timestamp, uint32_t arguments, uint32_t error) {
    (void)s0, (void)s1, (void)s2, (void)s3, (void)c0, (void)c1, (void)timestamp, (void)arguments,
        (void)error;
    return (int32_t)id;
}
