// control_test.c - goal: what the control database was told is there after it was opened again, and the registry
// shows the same. Method: changes, close, open, load; the registry with Hosteds that only count references.

#include "server/control.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/registry.h"

static Arena arena;
static char folder[] = "/tmp/stdb-control-test-XXXXXX";
static char path[64];

static void remove_files(void) {
    static const char *const ENDS[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < 3; i++) {
        char name[80];
        (void)snprintf(name, sizeof name, "%s%s", path, ENDS[i]);
        (void)unlink(name);
    }
}

static int group_set_up(void **state) {
    (void)state;
    if (!mkdtemp(folder)) return -1;
    (void)snprintf(path, sizeof path, "%s/control.sqlite3", folder);
    return 0;
}

static int group_tear_down(void **state) {
    (void)state;
    return rmdir(folder);
}

static int set_up(void **state) {
    (void)state;
    arena_init(&arena, 64u << 20);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    arena_done(&arena);
    remove_files();
    return 0;
}

static Identity identity_of(uint8_t seed) {
    Identity identity;
    memset(identity.bytes, seed, sizeof identity.bytes);
    return identity;
}

static DatabaseRecord record_of(uint64_t id, uint8_t seed, uint8_t owner) {
    DatabaseRecord record = {.id = id,
                             .identity = identity_of(seed),
                             .owner = identity_of(owner),
                             .kind = PROGRAM_JS,
                             .replica = id + 1};
    memset(record.initial_program.bytes, seed ^ 0xff, 32);
    return record;
}

static void good(Status status, const Error *error) {
    if (status != STATUS_OK) fail_msg("%s", error->text);
}

// ---- everything as one text ----

static Buffer seen;

static void see_database(void *user, const DatabaseRecord *record) {
    (void)user;
    buffer_append_format(&seen, "db %llu %02x %02x %d %02x %llu;", (unsigned long long)record->id,
                         record->identity.bytes[0], record->owner.bytes[0], record->kind,
                         record->initial_program.bytes[0], (unsigned long long)record->replica);
}

static void see_name(void *user, Bytes name, const Identity *identity) {
    (void)user;
    buffer_append_format(&seen, "name %.*s %02x;", BYTES_FORMAT(name), identity->bytes[0]);
}

static void see_tld(void *user, Bytes name, const Identity *owner) {
    (void)user;
    buffer_append_format(&seen, "tld %.*s %02x;", BYTES_FORMAT(name), owner->bytes[0]);
}

static void see_lock(void *user, const Identity *identity) {
    (void)user;
    buffer_append_format(&seen, "lock %02x;", identity->bytes[0]);
}

static void assert_content(const char *expected) {
    Control *control = NULL;
    Error error;
    const ControlVisitor visitor = {NULL, see_database, see_name, see_tld, see_lock};
    buffer_init(&seen, 1u << 16);
    good(control_open(path, &control, &error), &error);
    good(control_load(control, &visitor, &error), &error);
    control_close(control);
    buffer_u8(&seen, 0);
    assert_string_equal((const char *)seen.data, expected);
    buffer_done(&seen);
}

static void test_persistence(void **state) {
    (void)state;
    Control *control = NULL;
    Error error;
    good(control_open(path, &control, &error), &error);
    uint64_t first = 0;
    uint64_t second = 0;
    good(control_new_id(control, &first, &error), &error);
    good(control_new_id(control, &second, &error), &error);
    assert_int_equal(second, first + 1);
    DatabaseRecord one = record_of(1, 0x11, 0xaa);
    DatabaseRecord two = record_of(2, 0x22, 0xbb);
    good(control_put_database(control, &two, &error), &error);
    good(control_put_database(control, &one, &error), &error);
    good(control_add_name(control, BYTES_LITERAL("zeta"), &one.identity, &one.owner, &error),
         &error);
    good(control_add_name(control, BYTES_LITERAL("alpha"), &one.identity, &one.owner, &error),
         &error);
    good(control_add_name(control, BYTES_LITERAL("beta"), &two.identity, &two.owner, &error),
         &error);
    good(control_set_lock(control, &two.identity, DATABASE_LOCKED, &error), &error);
    good(control_set_lock(control, &two.identity, DATABASE_LOCKED, &error), &error);
    control_close(control);
    assert_content("db 1 11 aa 1 ee 2;db 2 22 bb 1 dd 3;name zeta 11;name alpha 11;name beta 22;"
                   "tld zeta aa;tld alpha aa;tld beta bb;lock 22;");

    good(control_open(path, &control, &error), &error);
    uint64_t third = 0;
    good(control_new_id(control, &third, &error), &error);
    assert_int_equal(third, second + 1);  // never again
    const Bytes names[] = {BYTES_LITERAL("new"), BYTES_LITERAL("alpha")};
    good(control_set_names(control, &one.identity, &one.owner, (NameList){names, 2}, &error),
         &error);
    good(control_set_lock(control, &two.identity, DATABASE_UNLOCKED, &error), &error);
    good(control_remove_database(control, &two.identity, &error), &error);
    one.replica = 9;
    good(control_put_database(control, &one, &error), &error);
    control_close(control);
    assert_content("db 1 11 aa 1 ee 9;name new 11;name alpha 11;name beta 22;"
                   "tld zeta aa;tld alpha aa;tld beta bb;tld new aa;");
}

// A change that cannot be made whole is not made at all.
static void test_atomic(void **state) {
    (void)state;
    Control *control = NULL;
    Error error;
    good(control_open(path, &control, &error), &error);
    Identity one = identity_of(1);
    Identity two = identity_of(2);
    good(control_add_name(control, BYTES_LITERAL("a"), &one, &one, &error), &error);
    good(control_add_name(control, BYTES_LITERAL("b"), &two, &two, &error), &error);
    const Bytes names[] = {BYTES_LITERAL("c"), BYTES_LITERAL("a")};  // "a" belongs to the other one
    assert_int_equal(control_set_names(control, &two, &two, (NameList){names, 2}, &error),
                     STATUS_IO);
    assert_int_equal(control_add_name(control, BYTES_LITERAL("b"), &one, &one, &error), STATUS_IO);
    control_close(control);
    assert_content("name a 01;name b 02;tld a 01;tld b 02;");
}

static void test_damage(void **state) {
    (void)state;
    Control *control = NULL;
    Error error;
    good(os_file_replace(os_real(), path, BYTES_LITERAL("this is no database, but long enough"),
                         &error),
         &error);
    assert_int_equal(control_open(path, &control, &error), STATUS_IO);
    assert_non_null(strstr(error.text, "control database"));
}

// ---- the registry ----

struct Hosted {
    uint32_t refs;
};

static struct Hosted *count_ref(struct Hosted *hosted) {
    hosted->refs++;
    return hosted;
}

static void count_unref(struct Hosted *hosted) {
    assert_true(hosted->refs > 0);
    hosted->refs--;
}

static void test_views(void **state) {
    (void)state;
    const HostedFunctions functions = {count_ref, count_unref};
    Registry *registry = registry_create(&functions);
    struct Hosted hosted[2] = {0};
    DatabaseRecord one = record_of(7, 0x11, 0xaa);
    DatabaseRecord two = record_of(3, 0x22, 0xaa);
    View *edit = registry_edit(registry);
    edit_put_database(edit, &one, &hosted[0]);
    edit_put_database(edit, &two, &hosted[1]);
    edit_add_name(edit, BYTES_LITERAL("a"), &one.identity, &one.owner);
    edit_add_name(edit, BYTES_LITERAL("b"), &one.identity, &one.owner);
    registry_publish(registry, edit);

    View *old = registry_view(registry);
    assert_true(identity_equal(view_find_name(old, BYTES_LITERAL("b")), &one.identity));
    ViewDatabases owned = view_databases(old, &one.owner, &arena);
    assert_int_equal(owned.count, 2);
    assert_int_equal(owned.items[0]->record.id, 3);  // ascending
    Identity nobody = identity_of(0x77);
    assert_int_equal(view_databases(old, &nobody, &arena).count, 0);

    edit = registry_edit(registry);
    edit_remove_database(edit, &one.identity);
    const Bytes names[] = {BYTES_LITERAL("c"), BYTES_LITERAL("a")};
    edit_set_names(edit, &one.identity, &one.owner, (NameList){names, 2});
    edit_set_lock(edit, &two.identity, DATABASE_LOCKED);
    registry_publish(registry, edit);

    // The old view shows what was.
    assert_ptr_equal(view_find_database(old, &one.identity)->hosted, &hosted[0]);
    assert_null(view_find_name(old, BYTES_LITERAL("c")));
    assert_false(view_is_locked(old, &two.identity));
    assert_int_equal(hosted[0].refs, 1);
    View *view = registry_view(registry);
    assert_null(view_find_database(view, &one.identity));
    assert_null(view_find_name(view, BYTES_LITERAL("b")));
    assert_non_null(view_find_tld(view, BYTES_LITERAL("b")));  // stays claimed
    assert_true(identity_equal(view_find_name(view, BYTES_LITERAL("c")), &one.identity));
    NameList list = view_names(view, &one.identity);
    assert_int_equal(list.count, 2);
    assert_true(bytes_equal_text(list.items[0], "c"));
    assert_true(view_is_locked(view, &two.identity));
    view_unref(old);
    assert_int_equal(hosted[0].refs, 0);
    view_unref(view);
    registry_free(registry);
    assert_int_equal(hosted[1].refs, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_persistence, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_atomic, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_damage, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_views, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}
