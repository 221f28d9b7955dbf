// types.c - which changes of a row type leave the rows that are there as they are.
#include "store/table.h"

// Every value of `from` is, byte for byte, a value of `to`: the same shape, sums may have got
// variants at the end. Names do not matter. Depth is bounded by SATS_DEPTH_MAX.
bool type_accepts(const Type *from, const Type *to) {
    ASSERT(from != NULL && to != NULL);
    if (from->kind != to->kind) return false;
    switch (from->kind) {
    case TYPE_ARRAY: return type_accepts(from->element, to->element);
    case TYPE_PRODUCT:
    case TYPE_SUM:
        if (from->kind == TYPE_PRODUCT && from->field_count != to->field_count) return false;
        if (from->field_count > to->field_count) return false;
        for (uint32_t i = 0; i < from->field_count; i++) {
            if (!type_accepts(from->fields[i].type, to->fields[i].type)) return false;
        }
        return true;
    case TYPE_REF: return false;
    default: return true;
    }
}
