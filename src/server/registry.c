// registry.c - see registry.h. Values of the maps lie in the view's arena; a copy copies them too.

#include "server/registry.h"

#include "base/map.h"
#include "base/thread.h"

#include <stdatomic.h>
#include <stdlib.h>

// Millions of names; more than a control database is for.
#define VIEW_ARENA_BYTES_MAX (1ull << 34)

struct View {
    _Atomic uint32_t refs;  // relaxed up, acquire-release down: the last holder frees
    const HostedFunctions *functions;
    Arena arena;
    BytesMap names;       // name -> Identity of the database
    BytesMap tlds;        // name -> Identity of the owner
    BytesMap name_lists;  // identity -> NameList
    BytesMap locks;       // identity -> the view itself
    BytesMap databases;   // identity -> ViewDatabase
};

struct Registry {
    HostedFunctions functions;
    Mutex mutex;
    View *newest;  // under mutex; written by the control thread only
};

static View *view_create(const HostedFunctions *functions);
static void copy_identities(BytesMap *to, const BytesMap *from, Arena *arena);
static void copy_name_lists(View *to, const View *from);
static void copy_databases(View *to, const View *from);
static void set_identity(BytesMap *map, Bytes name, const Identity *identity, Arena *arena);
static void set_name_list(View *edit, const Identity *identity, NameList names);
static Bytes key_of(const Identity *identity);
static int compare_ids(const void *a, const void *b);

Registry *registry_create(const HostedFunctions *functions) {
    Registry *registry = mem_alloc_zero(sizeof *registry);
    registry->functions = *functions;
    mutex_init(&registry->mutex);
    registry->newest = view_create(&registry->functions);
    return registry;
}

void registry_free(Registry *registry) {
    view_unref(registry->newest);
    mutex_done(&registry->mutex);
    mem_free(registry);
}

static View *view_create(const HostedFunctions *functions) {
    View *view = mem_alloc_zero(sizeof *view);
    view->refs = 1;
    view->functions = functions;
    arena_init(&view->arena, VIEW_ARENA_BYTES_MAX);
    bytes_map_init(&view->names);
    bytes_map_init(&view->tlds);
    bytes_map_init(&view->name_lists);
    bytes_map_init(&view->locks);
    bytes_map_init(&view->databases);
    return view;
}

View *registry_view(Registry *registry) {
    mutex_lock(&registry->mutex);
    View *view = registry->newest;
    atomic_fetch_add_explicit(&view->refs, 1, memory_order_relaxed);
    mutex_unlock(&registry->mutex);
    return view;
}

void view_unref(View *view) {
    if (view == NULL) return;
    if (atomic_fetch_sub_explicit(&view->refs, 1, memory_order_acq_rel) != 1) return;
    uint32_t at = 0;
    Bytes key;
    void *value;
    while (bytes_map_next(&view->databases, &at, &key, &value)) {
        view->functions->unref(((ViewDatabase *)value)->hosted);
    }
    bytes_map_done(&view->names);
    bytes_map_done(&view->tlds);
    bytes_map_done(&view->name_lists);
    bytes_map_done(&view->locks);
    bytes_map_done(&view->databases);
    arena_done(&view->arena);
    mem_free(view);
}

// ---- reading ----

static Bytes key_of(const Identity *identity) {
    return bytes_of(identity->bytes, sizeof identity->bytes);
}

const ViewDatabase *view_find_database(const View *view, const Identity *identity) {
    return bytes_map_find(&view->databases, key_of(identity));
}

const Identity *view_find_name(const View *view, Bytes name) {
    return bytes_map_find(&view->names, name);
}

const Identity *view_find_tld(const View *view, Bytes name) {
    return bytes_map_find(&view->tlds, name);
}

NameList view_names(const View *view, const Identity *identity) {
    const NameList *names = bytes_map_find(&view->name_lists, key_of(identity));
    return names ? *names : (NameList){0};
}

bool view_is_locked(const View *view, const Identity *identity) {
    return bytes_map_find(&view->locks, key_of(identity)) != NULL;
}

ViewDatabases view_databases(const View *view, const Identity *owner, Arena *arena) {
    const ViewDatabase **items = ARENA_ARRAY(arena, const ViewDatabase *, view->databases.count);
    uint32_t count = 0;
    uint32_t at = 0;
    Bytes key;
    void *value;
    while (bytes_map_next(&view->databases, &at, &key, &value)) {
        const ViewDatabase *database = value;
        if (owner == NULL || identity_equal(&database->record.owner, owner)) {
            items[count++] = database;
        }
    }
    if (count > 1) qsort(items, count, sizeof(const ViewDatabase *), compare_ids);
    return (ViewDatabases){items, count};
}

static int compare_ids(const void *a, const void *b) {
    const ViewDatabase *left = *(const ViewDatabase *const *)a;
    const ViewDatabase *right = *(const ViewDatabase *const *)b;
    return (left->record.id > right->record.id) - (left->record.id < right->record.id);
}

// ---- changing ----

View *registry_edit(Registry *registry) {
    const View *from = registry->newest;  // this thread is the only one that replaces it
    View *edit = view_create(&registry->functions);
    copy_identities(&edit->names, &from->names, &edit->arena);
    copy_identities(&edit->tlds, &from->tlds, &edit->arena);
    copy_name_lists(edit, from);
    copy_databases(edit, from);
    uint32_t at = 0;
    Bytes key;
    void *value;
    while (bytes_map_next(&from->locks, &at, &key, &value)) {
        (void)bytes_map_set(&edit->locks, key, edit);
    }
    return edit;
}

static void copy_identities(BytesMap *to, const BytesMap *from, Arena *arena) {
    uint32_t at = 0;
    Bytes key;
    void *value;
    while (bytes_map_next(from, &at, &key, &value)) set_identity(to, key, value, arena);
}

static void set_identity(BytesMap *map, Bytes name, const Identity *identity, Arena *arena) {
    Identity *copy = ARENA_NEW(arena, Identity);
    *copy = *identity;
    (void)bytes_map_set(map, name, copy);
}

static void copy_name_lists(View *to, const View *from) {
    uint32_t at = 0;
    Bytes key;
    void *value;
    while (bytes_map_next(&from->name_lists, &at, &key, &value)) {
        Identity identity;
        memcpy(identity.bytes, key.data, sizeof identity.bytes);
        set_name_list(to, &identity, *(const NameList *)value);
    }
}

// A copy, texts included.
static void set_name_list(View *edit, const Identity *identity, NameList names) {
    NameList *list = ARENA_NEW(&edit->arena, NameList);
    Bytes *items = ARENA_ARRAY(&edit->arena, Bytes, names.count);
    for (uint32_t i = 0; i < names.count; i++) items[i] = arena_copy(&edit->arena, names.items[i]);
    *list = (NameList){items, names.count};
    (void)bytes_map_set(&edit->name_lists, key_of(identity), list);
}

static void copy_databases(View *to, const View *from) {
    uint32_t at = 0;
    Bytes key;
    void *value;
    while (bytes_map_next(&from->databases, &at, &key, &value)) {
        const ViewDatabase *database = value;
        edit_put_database(to, &database->record, database->hosted);
    }
}

void edit_put_database(View *edit, const DatabaseRecord *record, struct Hosted *hosted) {
    ViewDatabase *database = ARENA_NEW(&edit->arena, ViewDatabase);
    *database = (ViewDatabase){*record, edit->functions->ref(hosted)};
    ViewDatabase *before = bytes_map_set(&edit->databases, key_of(&record->identity), database);
    if (before) edit->functions->unref(before->hosted);
}

void edit_remove_database(View *edit, const Identity *identity) {
    ViewDatabase *before = bytes_map_remove(&edit->databases, key_of(identity));
    if (before) edit->functions->unref(before->hosted);
}

void edit_add_name(View *edit, Bytes name, const Identity *identity, const Identity *owner) {
    ASSERT(view_find_name(edit, name) == NULL);
    if (owner) edit_claim_tld(edit, name, owner);
    set_identity(&edit->names, name, identity, &edit->arena);
    NameList before = view_names(edit, identity);
    Bytes *items = ARENA_ARRAY(&edit->arena, Bytes, before.count + 1);
    for (uint32_t i = 0; i < before.count; i++) items[i] = before.items[i];
    items[before.count] = name;
    set_name_list(edit, identity, (NameList){items, before.count + 1});
}

void edit_claim_tld(View *edit, Bytes name, const Identity *owner) {
    if (view_find_tld(edit, name)) return;
    set_identity(&edit->tlds, name, owner, &edit->arena);
}

void edit_set_names(View *edit, const Identity *identity, const Identity *owner, NameList names) {
    NameList before = view_names(edit, identity);
    for (uint32_t i = 0; i < before.count; i++) {
        (void)bytes_map_remove(&edit->names, before.items[i]);
    }
    set_name_list(edit, identity, names);
    for (uint32_t i = 0; i < names.count; i++) {
        edit_claim_tld(edit, names.items[i], owner);
        set_identity(&edit->names, names.items[i], identity, &edit->arena);
    }
}

void edit_set_lock(View *edit, const Identity *identity, LockState state) {
    if (state == DATABASE_LOCKED) {
        (void)bytes_map_set(&edit->locks, key_of(identity), edit);
    } else {
        (void)bytes_map_remove(&edit->locks, key_of(identity));
    }
}

void registry_publish(Registry *registry, View *edit) {
    mutex_lock(&registry->mutex);
    View *before = registry->newest;
    registry->newest = edit;
    mutex_unlock(&registry->mutex);
    view_unref(before);
}
