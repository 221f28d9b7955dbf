// hi.c - the smallest module.
#include <spacetime/module.h>

STDB_REDUCER(say_hi, ctx) {
    return STDB_OK;
}
