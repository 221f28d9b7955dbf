// short_names.h - the types without their prefix, and the options and arrays that modules use most.
//
// Included by module.h where STDB_SHORT_NAMES is defined before it.
#pragma once

#include "declare.h"
#include "runtime.h"

STDB_ALIAS(i8, int8_t);
STDB_ALIAS(u8, uint8_t);
STDB_ALIAS(i16, int16_t);
STDB_ALIAS(u16, uint16_t);
STDB_ALIAS(i32, int32_t);
STDB_ALIAS(u32, uint32_t);
STDB_ALIAS(i64, int64_t);
STDB_ALIAS(u64, uint64_t);
STDB_ALIAS(i128, StdbI128);
STDB_ALIAS(u128, StdbU128);
STDB_ALIAS(i256, StdbI256);
STDB_ALIAS(u256, StdbU256);
STDB_ALIAS(f32, float);
STDB_ALIAS(f64, double);

STDB_ALIAS(Unit, StdbUnit);
STDB_ALIAS(String, StdbString);
STDB_ALIAS(Bytes, StdbBytes);
STDB_ALIAS(Identity, StdbIdentity);
STDB_ALIAS(ConnectionId, StdbConnectionId);
STDB_ALIAS(Uuid, StdbUuid);
STDB_ALIAS(Timestamp, StdbTimestamp);
STDB_ALIAS(Duration, StdbDuration);
STDB_ALIAS(ScheduleAt, StdbScheduleAt);

STDB_OPTION(OptBool, bool);
STDB_OPTION(OptI32, int32_t);
STDB_OPTION(OptU32, uint32_t);
STDB_OPTION(OptI64, int64_t);
STDB_OPTION(OptU64, uint64_t);
STDB_OPTION(OptF64, double);
STDB_OPTION(OptString, StdbString);
STDB_OPTION(OptIdentity, StdbIdentity);
STDB_OPTION(OptTimestamp, StdbTimestamp);

STDB_ARRAY(Strings, StdbString);
STDB_ARRAY(Identities, StdbIdentity);
