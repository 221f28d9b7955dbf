// hi_again.c - a reducer with a name that another source uses.
#include <spacetime/module.h>

STDB_REDUCER(say_hi, ctx) {
    return STDB_OK;
}
