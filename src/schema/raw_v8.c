#include "schema/raw_reader.h"
void raw_v8_read(RawReader *reader, RawModule *ret_module) { (void)ret_module; raw_fail(reader, "module descriptions of version 8 are not supported"); }
