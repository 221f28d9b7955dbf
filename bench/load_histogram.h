// load_histogram.h - counts of durations with a relative error under 1/64, in constant memory.
//
// Threads    one.
// Limits     durations from 0 to 2^40 ns (18 minutes); longer ones count as that.
#pragma once

#include <stdint.h>

#define HISTOGRAM_SUB_BITS 6u
#define HISTOGRAM_BITS_MAX 40u
#define HISTOGRAM_BUCKETS ((HISTOGRAM_BITS_MAX - HISTOGRAM_SUB_BITS + 1) << HISTOGRAM_SUB_BITS)

typedef struct Histogram {
    uint64_t count;
    uint64_t max;
    uint64_t buckets[HISTOGRAM_BUCKETS];
} Histogram;

void histogram_clear(Histogram *histogram);
void histogram_add(Histogram *histogram, uint64_t nanos);
// The duration below which `part` (0 to 1) of all lie; 0 if there are none.
uint64_t histogram_quantile(const Histogram *histogram, double part);
