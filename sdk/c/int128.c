// int128.c - the functions that the compiler calls for 128-bit arithmetic. Linked only where a
// module uses it.
#include <spacetime/module.h>

typedef union Wide {
    StdbU128 all;
    struct {
        uint64_t low, high;
    };
} Wide;

StdbU128 __ashlti3(StdbU128 value, int bits);
StdbU128 __lshrti3(StdbU128 value, int bits);
StdbI128 __ashrti3(StdbI128 value, int bits);
StdbU128 __multi3(StdbU128 left, StdbU128 right);
StdbU128 __udivmodti4(StdbU128 dividend, StdbU128 divisor, StdbU128 *ret_remainder);
StdbU128 __udivti3(StdbU128 dividend, StdbU128 divisor);
StdbU128 __umodti3(StdbU128 dividend, StdbU128 divisor);
StdbI128 __divti3(StdbI128 dividend, StdbI128 divisor);
StdbI128 __modti3(StdbI128 dividend, StdbI128 divisor);

StdbU128 __ashlti3(StdbU128 value, int bits) {
    Wide in = {value}, out;
    if (bits == 0) return value;
    if (bits >= 64) {
        out.low = 0;
        out.high = in.low << (bits - 64);
    } else {
        out.low = in.low << bits;
        out.high = in.high << bits | in.low >> (64 - bits);
    }
    return out.all;
}

StdbU128 __lshrti3(StdbU128 value, int bits) {
    Wide in = {value}, out;
    if (bits == 0) return value;
    if (bits >= 64) {
        out.high = 0;
        out.low = in.high >> (bits - 64);
    } else {
        out.high = in.high >> bits;
        out.low = in.low >> bits | in.high << (64 - bits);
    }
    return out.all;
}

StdbI128 __ashrti3(StdbI128 value, int bits) {
    Wide in = {(StdbU128)value}, out;
    if (bits == 0) return value;
    int64_t high = (int64_t)in.high;
    if (bits >= 64) {
        out.high = (uint64_t)(high >> 63);
        out.low = (uint64_t)(high >> (bits - 64));
    } else {
        out.high = (uint64_t)(high >> bits);
        out.low = in.low >> bits | in.high << (64 - bits);
    }
    return (StdbI128)out.all;
}

StdbU128 __multi3(StdbU128 left, StdbU128 right) {
    Wide a = {left}, b = {right}, out;
    uint64_t a0 = a.low & UINT32_MAX, a1 = a.low >> 32, b0 = b.low & UINT32_MAX, b1 = b.low >> 32;
    uint64_t middle = a1 * b0 + (a0 * b0 >> 32);
    uint64_t carry = (middle & UINT32_MAX) + a0 * b1;
    out.low = a.low * b.low;
    out.high = a1 * b1 + (middle >> 32) + (carry >> 32) + a.low * b.high + a.high * b.low;
    return out.all;
}

// One bit at a time: rare enough here.
StdbU128 __udivmodti4(StdbU128 dividend, StdbU128 divisor, StdbU128 *ret_remainder) {
    if (divisor == 0) __builtin_trap();
    Wide numerator = {dividend}, denominator = {divisor};
    Wide quotient = {0}, remainder = {0};
    if (numerator.high == 0 && denominator.high == 0) {
        quotient.low = numerator.low / denominator.low;
        remainder.low = numerator.low % denominator.low;
    } else {
        for (int bit = 127; bit >= 0; bit--) {
            uint64_t next = (bit >= 64 ? numerator.high >> (bit - 64) : numerator.low >> bit) & 1;
            remainder.high = remainder.high << 1 | remainder.low >> 63;
            remainder.low = remainder.low << 1 | next;
            if (remainder.all < denominator.all) continue;
            remainder.all -= denominator.all;
            if (bit >= 64)
                quotient.high |= 1ull << (bit - 64);
            else
                quotient.low |= 1ull << bit;
        }
    }
    if (ret_remainder != NULL) *ret_remainder = remainder.all;
    return quotient.all;
}

StdbU128 __udivti3(StdbU128 dividend, StdbU128 divisor) {
    return __udivmodti4(dividend, divisor, NULL);
}

StdbU128 __umodti3(StdbU128 dividend, StdbU128 divisor) {
    StdbU128 remainder;
    __udivmodti4(dividend, divisor, &remainder);
    return remainder;
}

StdbI128 __divti3(StdbI128 dividend, StdbI128 divisor) {
    StdbU128 size = dividend < 0 ? -(StdbU128)dividend : (StdbU128)dividend;
    StdbU128 quotient = __udivmodti4(size, divisor < 0 ? -(StdbU128)divisor : (StdbU128)divisor,
                                     NULL);
    return (StdbI128)((dividend < 0) != (divisor < 0) ? -quotient : quotient);
}

StdbI128 __modti3(StdbI128 dividend, StdbI128 divisor) {
    StdbU128 size = dividend < 0 ? -(StdbU128)dividend : (StdbU128)dividend;
    StdbU128 remainder;
    __udivmodti4(size, divisor < 0 ? -(StdbU128)divisor : (StdbU128)divisor, &remainder);
    return (StdbI128)(dividend < 0 ? -remainder : remainder);
}
