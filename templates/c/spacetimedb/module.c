// module.c - this database's tables and what may be done with them.
//
// Where to go from here: include/spacetime/module.h says what can be declared and where
// each declaration is explained; docs/modules-in-c.md is the guide.
#define STDB_SHORT_NAMES
#include <spacetime/module.h>

STDB_TABLE(Person, person, PUBLIC,
    (String, name));

// Called when the module is first published.
STDB_INIT(ctx) {
    return STDB_OK;
}

// Called every time a client connects; stdb_fail("...") here refuses it.
STDB_CLIENT_CONNECTED(ctx) {
    return STDB_OK;
}

// Called every time a client disconnects.
STDB_CLIENT_DISCONNECTED(ctx) {
    return STDB_OK;
}

STDB_REDUCER(add, ctx, (String, name)) {
    return person_insert(&(Person){.name = name});
}

STDB_REDUCER(say_hello, ctx) {
    PersonIter people = person_scan();
    for (Person person; person_next(&people, &person);) {
        stdb_log_info("Hello, %s!", person.name.data);
    }
    stdb_log_info("Hello, World!");
    return STDB_OK;
}
