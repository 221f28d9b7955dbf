// load_histogram.c - buckets: the highest bit of a value chooses a group of 64, the six bits below
// it the bucket.
#include "load_histogram.h"

#include <string.h>

#define SUB_COUNT (1u << HISTOGRAM_SUB_BITS)

static uint32_t bucket_of(uint64_t nanos);
static uint64_t bucket_top(uint32_t bucket);

void histogram_clear(Histogram *histogram) {
    memset(histogram, 0, sizeof *histogram);
}

void histogram_add(Histogram *histogram, uint64_t nanos) {
    histogram->count++;
    if (nanos > histogram->max) histogram->max = nanos;
    histogram->buckets[bucket_of(nanos)]++;
}

static uint32_t bucket_of(uint64_t nanos) {
    if (nanos >= 1ull << HISTOGRAM_BITS_MAX) return HISTOGRAM_BUCKETS - 1;
    if (nanos < SUB_COUNT) return (uint32_t)nanos;
    uint32_t shift = 63u - (uint32_t)__builtin_clzll(nanos) - HISTOGRAM_SUB_BITS;
    return (shift << HISTOGRAM_SUB_BITS) + (uint32_t)(nanos >> shift);
}

// The largest duration that falls into it.
static uint64_t bucket_top(uint32_t bucket) {
    if (bucket < 2 * SUB_COUNT) return bucket;
    uint32_t shift = (bucket >> HISTOGRAM_SUB_BITS) - 1;
    uint64_t sub = (bucket & (SUB_COUNT - 1)) + SUB_COUNT;
    return ((sub + 1) << shift) - 1;
}

uint64_t histogram_quantile(const Histogram *histogram, double part) {
    uint64_t wanted = (uint64_t)(part * (double)histogram->count + 0.5);
    if (wanted == 0) wanted = 1;
    uint64_t seen = 0;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if (seen < wanted) continue;
        uint64_t top = bucket_top(i);
        return top < histogram->max ? top : histogram->max;
    }
    return histogram->max;
}
