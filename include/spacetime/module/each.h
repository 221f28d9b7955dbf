// each.h - a macro applied to every item of a list: the engine under the declarations.
//
//     STDB_EACH(macro, data, a, b, c)        macro(data, a) macro(data, b) macro(data, c)
//     STDB_EACH_IN(macro, data, a, b, c)     the same, inside a macro that STDB_EACH calls
//     STDB_EACH_KEY(macro, data, a, b, c)    the same, inside a macro that STDB_EACH_IN calls
//
// The preprocessor does not recurse, hence one line per count.
// Limits     64 items in STDB_EACH (columns, fields, variants, arguments), 8 in STDB_EACH_IN
//            (attributes of a column), 6 in STDB_EACH_KEY (columns of an index)
#pragma once

#define STDB_PASTE(left, right) STDB_PASTE_(left, right)
#define STDB_PASTE_(left, right) left##right
#define STDB_CALL(macro, ...) macro(__VA_ARGS__)
#define STDB_CALL_IN(macro, ...) macro(__VA_ARGS__)
// Takes the parentheses off; its name is what the compiler says where there are none.
#define STDB_NEEDS_PARENTHESES(...) __VA_ARGS__

// Each declaration ends with this, so that a semicolon stands after it.
#define STDB_END _Static_assert(1, "")

#define STDB_COUNT(...)                                                                           \
    STDB_COUNT_(__VA_OPT__(__VA_ARGS__, ) MORE_THAN_64, MORE_THAN_64, MORE_THAN_64, MORE_THAN_64, \
                MORE_THAN_64, MORE_THAN_64, MORE_THAN_64, MORE_THAN_64, 64, 63, 62, 61, 60, 59,   \
                58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, 43, 42, 41, 40, 39,   \
                38, 37, 36, 35, 34, 33, 32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19,   \
                18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, ~)
#define STDB_COUNT_(_1, _2, _3, _4, _5, _6, _7, _8, _9, _10, _11, _12, _13, _14, _15, _16, _17, \
                    _18, _19, _20, _21, _22, _23, _24, _25, _26, _27, _28, _29, _30, _31, _32,  \
                    _33, _34, _35, _36, _37, _38, _39, _40, _41, _42, _43, _44, _45, _46, _47,  \
                    _48, _49, _50, _51, _52, _53, _54, _55, _56, _57, _58, _59, _60, _61, _62,  \
                    _63, _64, _65, _66, _67, _68, _69, _70, _71, _72, count, ...)               \
    count

#define STDB_EACH(macro, data, ...) \
    STDB_PASTE(STDB_EACH_, STDB_COUNT(__VA_ARGS__))(macro, data __VA_OPT__(, ) __VA_ARGS__)
#define STDB_EACH_IN(macro, data, ...) \
    STDB_PASTE(STDB_EACH_IN_, STDB_COUNT(__VA_ARGS__))(macro, data __VA_OPT__(, ) __VA_ARGS__)

#define STDB_EACH_KEY(macro, data, ...) \
    STDB_PASTE(STDB_EACH_KEY_, STDB_COUNT(__VA_ARGS__))(macro, data __VA_OPT__(, ) __VA_ARGS__)

#define STDB_EACH_KEY_0(m, d)
#define STDB_EACH_KEY_1(m, d, a) m(d, a)
#define STDB_EACH_KEY_2(m, d, a, ...) m(d, a) STDB_EACH_KEY_1(m, d, __VA_ARGS__)
#define STDB_EACH_KEY_3(m, d, a, ...) m(d, a) STDB_EACH_KEY_2(m, d, __VA_ARGS__)
#define STDB_EACH_KEY_4(m, d, a, ...) m(d, a) STDB_EACH_KEY_3(m, d, __VA_ARGS__)
#define STDB_EACH_KEY_5(m, d, a, ...) m(d, a) STDB_EACH_KEY_4(m, d, __VA_ARGS__)
#define STDB_EACH_KEY_6(m, d, a, ...) m(d, a) STDB_EACH_KEY_5(m, d, __VA_ARGS__)

#define STDB_EACH_IN_0(m, d)
#define STDB_EACH_IN_1(m, d, a) m(d, a)
#define STDB_EACH_IN_2(m, d, a, ...) m(d, a) STDB_EACH_IN_1(m, d, __VA_ARGS__)
#define STDB_EACH_IN_3(m, d, a, ...) m(d, a) STDB_EACH_IN_2(m, d, __VA_ARGS__)
#define STDB_EACH_IN_4(m, d, a, ...) m(d, a) STDB_EACH_IN_3(m, d, __VA_ARGS__)
#define STDB_EACH_IN_5(m, d, a, ...) m(d, a) STDB_EACH_IN_4(m, d, __VA_ARGS__)
#define STDB_EACH_IN_6(m, d, a, ...) m(d, a) STDB_EACH_IN_5(m, d, __VA_ARGS__)
#define STDB_EACH_IN_7(m, d, a, ...) m(d, a) STDB_EACH_IN_6(m, d, __VA_ARGS__)
#define STDB_EACH_IN_8(m, d, a, ...) m(d, a) STDB_EACH_IN_7(m, d, __VA_ARGS__)

#define STDB_EACH_MORE_THAN_64(m, d, ...) _Static_assert(0, "a list of more than 64 items");
#define STDB_EACH_0(m, d)
#define STDB_EACH_1(m, d, a) m(d, a)
#define STDB_EACH_2(m, d, a, ...) m(d, a) STDB_EACH_1(m, d, __VA_ARGS__)
#define STDB_EACH_3(m, d, a, ...) m(d, a) STDB_EACH_2(m, d, __VA_ARGS__)
#define STDB_EACH_4(m, d, a, ...) m(d, a) STDB_EACH_3(m, d, __VA_ARGS__)
#define STDB_EACH_5(m, d, a, ...) m(d, a) STDB_EACH_4(m, d, __VA_ARGS__)
#define STDB_EACH_6(m, d, a, ...) m(d, a) STDB_EACH_5(m, d, __VA_ARGS__)
#define STDB_EACH_7(m, d, a, ...) m(d, a) STDB_EACH_6(m, d, __VA_ARGS__)
#define STDB_EACH_8(m, d, a, ...) m(d, a) STDB_EACH_7(m, d, __VA_ARGS__)
#define STDB_EACH_9(m, d, a, ...) m(d, a) STDB_EACH_8(m, d, __VA_ARGS__)
#define STDB_EACH_10(m, d, a, ...) m(d, a) STDB_EACH_9(m, d, __VA_ARGS__)
#define STDB_EACH_11(m, d, a, ...) m(d, a) STDB_EACH_10(m, d, __VA_ARGS__)
#define STDB_EACH_12(m, d, a, ...) m(d, a) STDB_EACH_11(m, d, __VA_ARGS__)
#define STDB_EACH_13(m, d, a, ...) m(d, a) STDB_EACH_12(m, d, __VA_ARGS__)
#define STDB_EACH_14(m, d, a, ...) m(d, a) STDB_EACH_13(m, d, __VA_ARGS__)
#define STDB_EACH_15(m, d, a, ...) m(d, a) STDB_EACH_14(m, d, __VA_ARGS__)
#define STDB_EACH_16(m, d, a, ...) m(d, a) STDB_EACH_15(m, d, __VA_ARGS__)
#define STDB_EACH_17(m, d, a, ...) m(d, a) STDB_EACH_16(m, d, __VA_ARGS__)
#define STDB_EACH_18(m, d, a, ...) m(d, a) STDB_EACH_17(m, d, __VA_ARGS__)
#define STDB_EACH_19(m, d, a, ...) m(d, a) STDB_EACH_18(m, d, __VA_ARGS__)
#define STDB_EACH_20(m, d, a, ...) m(d, a) STDB_EACH_19(m, d, __VA_ARGS__)
#define STDB_EACH_21(m, d, a, ...) m(d, a) STDB_EACH_20(m, d, __VA_ARGS__)
#define STDB_EACH_22(m, d, a, ...) m(d, a) STDB_EACH_21(m, d, __VA_ARGS__)
#define STDB_EACH_23(m, d, a, ...) m(d, a) STDB_EACH_22(m, d, __VA_ARGS__)
#define STDB_EACH_24(m, d, a, ...) m(d, a) STDB_EACH_23(m, d, __VA_ARGS__)
#define STDB_EACH_25(m, d, a, ...) m(d, a) STDB_EACH_24(m, d, __VA_ARGS__)
#define STDB_EACH_26(m, d, a, ...) m(d, a) STDB_EACH_25(m, d, __VA_ARGS__)
#define STDB_EACH_27(m, d, a, ...) m(d, a) STDB_EACH_26(m, d, __VA_ARGS__)
#define STDB_EACH_28(m, d, a, ...) m(d, a) STDB_EACH_27(m, d, __VA_ARGS__)
#define STDB_EACH_29(m, d, a, ...) m(d, a) STDB_EACH_28(m, d, __VA_ARGS__)
#define STDB_EACH_30(m, d, a, ...) m(d, a) STDB_EACH_29(m, d, __VA_ARGS__)
#define STDB_EACH_31(m, d, a, ...) m(d, a) STDB_EACH_30(m, d, __VA_ARGS__)
#define STDB_EACH_32(m, d, a, ...) m(d, a) STDB_EACH_31(m, d, __VA_ARGS__)
#define STDB_EACH_33(m, d, a, ...) m(d, a) STDB_EACH_32(m, d, __VA_ARGS__)
#define STDB_EACH_34(m, d, a, ...) m(d, a) STDB_EACH_33(m, d, __VA_ARGS__)
#define STDB_EACH_35(m, d, a, ...) m(d, a) STDB_EACH_34(m, d, __VA_ARGS__)
#define STDB_EACH_36(m, d, a, ...) m(d, a) STDB_EACH_35(m, d, __VA_ARGS__)
#define STDB_EACH_37(m, d, a, ...) m(d, a) STDB_EACH_36(m, d, __VA_ARGS__)
#define STDB_EACH_38(m, d, a, ...) m(d, a) STDB_EACH_37(m, d, __VA_ARGS__)
#define STDB_EACH_39(m, d, a, ...) m(d, a) STDB_EACH_38(m, d, __VA_ARGS__)
#define STDB_EACH_40(m, d, a, ...) m(d, a) STDB_EACH_39(m, d, __VA_ARGS__)
#define STDB_EACH_41(m, d, a, ...) m(d, a) STDB_EACH_40(m, d, __VA_ARGS__)
#define STDB_EACH_42(m, d, a, ...) m(d, a) STDB_EACH_41(m, d, __VA_ARGS__)
#define STDB_EACH_43(m, d, a, ...) m(d, a) STDB_EACH_42(m, d, __VA_ARGS__)
#define STDB_EACH_44(m, d, a, ...) m(d, a) STDB_EACH_43(m, d, __VA_ARGS__)
#define STDB_EACH_45(m, d, a, ...) m(d, a) STDB_EACH_44(m, d, __VA_ARGS__)
#define STDB_EACH_46(m, d, a, ...) m(d, a) STDB_EACH_45(m, d, __VA_ARGS__)
#define STDB_EACH_47(m, d, a, ...) m(d, a) STDB_EACH_46(m, d, __VA_ARGS__)
#define STDB_EACH_48(m, d, a, ...) m(d, a) STDB_EACH_47(m, d, __VA_ARGS__)
#define STDB_EACH_49(m, d, a, ...) m(d, a) STDB_EACH_48(m, d, __VA_ARGS__)
#define STDB_EACH_50(m, d, a, ...) m(d, a) STDB_EACH_49(m, d, __VA_ARGS__)
#define STDB_EACH_51(m, d, a, ...) m(d, a) STDB_EACH_50(m, d, __VA_ARGS__)
#define STDB_EACH_52(m, d, a, ...) m(d, a) STDB_EACH_51(m, d, __VA_ARGS__)
#define STDB_EACH_53(m, d, a, ...) m(d, a) STDB_EACH_52(m, d, __VA_ARGS__)
#define STDB_EACH_54(m, d, a, ...) m(d, a) STDB_EACH_53(m, d, __VA_ARGS__)
#define STDB_EACH_55(m, d, a, ...) m(d, a) STDB_EACH_54(m, d, __VA_ARGS__)
#define STDB_EACH_56(m, d, a, ...) m(d, a) STDB_EACH_55(m, d, __VA_ARGS__)
#define STDB_EACH_57(m, d, a, ...) m(d, a) STDB_EACH_56(m, d, __VA_ARGS__)
#define STDB_EACH_58(m, d, a, ...) m(d, a) STDB_EACH_57(m, d, __VA_ARGS__)
#define STDB_EACH_59(m, d, a, ...) m(d, a) STDB_EACH_58(m, d, __VA_ARGS__)
#define STDB_EACH_60(m, d, a, ...) m(d, a) STDB_EACH_59(m, d, __VA_ARGS__)
#define STDB_EACH_61(m, d, a, ...) m(d, a) STDB_EACH_60(m, d, __VA_ARGS__)
#define STDB_EACH_62(m, d, a, ...) m(d, a) STDB_EACH_61(m, d, __VA_ARGS__)
#define STDB_EACH_63(m, d, a, ...) m(d, a) STDB_EACH_62(m, d, __VA_ARGS__)
#define STDB_EACH_64(m, d, a, ...) m(d, a) STDB_EACH_63(m, d, __VA_ARGS__)
