// jwks.c - see jwks.h. A key set is immutable and counted: the cache swaps pointers under its lock, whoever
// verifies holds a reference and no lock.

#include "auth/jwks.h"

#include "auth/fetch.h"
#include "base/thread.h"

#include <cjose/cjose.h>
#include <stdatomic.h>

#define DISCOVERY_PATH "/.well-known/openid-configuration"

typedef struct IssuerKey {
    cjose_jwk_t *jwk;
    char *id;               // NULL: none
    const char *algorithm;  // the one it may be used with
} IssuerKey;

typedef struct KeySet {
    _Atomic uint32_t refs;  // relaxed up, acquire-release down: the last holder frees
    uint32_t count;
    IssuerKey keys[];
} KeySet;

typedef struct Issuer {
    char name[IDENTITY_CLAIM_BYTES_MAX];
    uint32_t name_bytes;  // 0: the slot is free
    KeySet *keys;
    int64_t fetched_nanos;
    int64_t used_nanos;
} Issuer;

struct Jwks {
    Os *os;
    Mutex mutex;
    // ---- under mutex ----
    Issuer issuers[AUTH_ISSUERS_MAX];
};

static bool is_young(const Issuer *issuer, int64_t now);
static Issuer *find_issuer(Jwks *jwks, Bytes name);
static KeySet *take_cached(Jwks *jwks, Bytes name, bool *ret_is_young);
static void keep(Jwks *jwks, Bytes name, KeySet *keys);
static Status fetch_keys(Bytes issuer, Arena *arena, KeySet **ret_keys, Error *error);
static Status find_jwks_url(Bytes issuer, Arena *arena, char **ret_url, Error *error);
static Status read_keys(Bytes document, KeySet **ret_keys, Error *error);
static bool read_key(const json_t *object, IssuerKey *ret_key);
static const char *key_algorithm(const cjose_jwk_t *jwk);
static Status verify_with(const KeySet *keys, const Token *token, Error *error);
static Status try_key(const IssuerKey *key, const Token *token, Error *error);
static KeySet *key_set_ref(KeySet *keys);
static void key_set_unref(KeySet *keys);

Jwks *jwks_create(Os *os) {
    Jwks *jwks = mem_alloc_zero(sizeof *jwks);
    jwks->os = os;
    mutex_init(&jwks->mutex);
    return jwks;
}

void jwks_free(Jwks *jwks) {
    if (jwks == NULL) return;
    for (uint32_t i = 0; i < AUTH_ISSUERS_MAX; i++) key_set_unref(jwks->issuers[i].keys);
    mutex_done(&jwks->mutex);
    mem_free(jwks);
}

bool jwks_is_fresh(Jwks *jwks, Bytes issuer) {
    mutex_lock(&jwks->mutex);
    const Issuer *found = find_issuer(jwks, issuer);
    bool is_fresh = found && is_young(found, jwks->os->monotonic_nanos(jwks->os));
    mutex_unlock(&jwks->mutex);
    return is_fresh;
}

Status jwks_verify(Jwks *jwks, const Token *token, Bytes issuer, Arena *arena, Error *error) {
    if (issuer.count > IDENTITY_CLAIM_BYTES_MAX) {
        return error_set(error, STATUS_DENIED, "Issuer too long: \"%.*s\"", BYTES_FORMAT(issuer));
    }
    bool is_fresh = false;
    KeySet *keys = take_cached(jwks, issuer, &is_fresh);
    if (!is_fresh) {
        KeySet *fetched = NULL;
        Status status = fetch_keys(issuer, arena, &fetched, error);
        if (status == STATUS_OK) {
            key_set_unref(keys);
            keys = fetched;
            keep(jwks, issuer, key_set_ref(keys));
        } else if (keys == NULL) {
            error->status = STATUS_DENIED;
            return STATUS_DENIED;
        }
    }
    Status status = verify_with(keys, token, error);
    key_set_unref(keys);
    return status;
}

// ---- the cache ----

static bool is_young(const Issuer *issuer, int64_t now) {
    return now - issuer->fetched_nanos < (int64_t)AUTH_KEYS_SECONDS_MAX * 1000000000;
}

static Issuer *find_issuer(Jwks *jwks, Bytes name) {
    for (uint32_t i = 0; i < AUTH_ISSUERS_MAX; i++) {
        Issuer *issuer = &jwks->issuers[i];
        if (issuer->name_bytes > 0 &&
            bytes_equal(bytes_of(issuer->name, issuer->name_bytes), name)) {
            return issuer;
        }
    }
    return NULL;
}

// A reference, or NULL.
static KeySet *take_cached(Jwks *jwks, Bytes name, bool *ret_is_young) {
    int64_t now = jwks->os->monotonic_nanos(jwks->os);
    KeySet *keys = NULL;
    mutex_lock(&jwks->mutex);
    Issuer *issuer = find_issuer(jwks, name);
    if (issuer) {
        keys = key_set_ref(issuer->keys);
        issuer->used_nanos = now;
        *ret_is_young = is_young(issuer, now);
    }
    mutex_unlock(&jwks->mutex);
    return keys;
}

// Takes the reference. The issuer that was not used for the longest time makes room.
static void keep(Jwks *jwks, Bytes name, KeySet *keys) {
    int64_t now = jwks->os->monotonic_nanos(jwks->os);
    mutex_lock(&jwks->mutex);
    Issuer *slot = find_issuer(jwks, name);
    for (uint32_t i = 0; slot == NULL && i < AUTH_ISSUERS_MAX; i++) {
        if (jwks->issuers[i].name_bytes == 0) slot = &jwks->issuers[i];
    }
    if (slot == NULL) {
        slot = &jwks->issuers[0];
        for (uint32_t i = 1; i < AUTH_ISSUERS_MAX; i++) {
            if (jwks->issuers[i].used_nanos < slot->used_nanos) slot = &jwks->issuers[i];
        }
    }
    KeySet *old = slot->keys;
    memcpy(slot->name, name.data, name.count);
    slot->name_bytes = name.count;
    slot->keys = keys;
    slot->fetched_nanos = now;
    slot->used_nanos = now;
    mutex_unlock(&jwks->mutex);
    key_set_unref(old);
}

static KeySet *key_set_ref(KeySet *keys) {
    atomic_fetch_add_explicit(&keys->refs, 1, memory_order_relaxed);
    return keys;
}

static void key_set_unref(KeySet *keys) {
    if (keys == NULL) return;
    if (atomic_fetch_sub_explicit(&keys->refs, 1, memory_order_acq_rel) != 1) return;
    for (uint32_t i = 0; i < keys->count; i++) {
        (void)cjose_jwk_release(keys->keys[i].jwk);  // false: others still hold it; nobody does
        mem_free(keys->keys[i].id);
    }
    mem_free(keys);
}

// ---- fetching ----

static Status fetch_keys(Bytes issuer, Arena *arena, KeySet **ret_keys, Error *error) {
    bool is_http = issuer.count > 7 && memcmp(issuer.data, "http://", 7) == 0;
    bool is_https = issuer.count > 8 && memcmp(issuer.data, "https://", 8) == 0;
    if (!is_http && !is_https) {
        return error_set(error, STATUS_DENIED, "Invalid OIDC URL scheme: %.*s",
                         BYTES_FORMAT(issuer));
    }
    char *url = NULL;
    Bytes document = BYTES_NONE;
    Status status = find_jwks_url(issuer, arena, &url, error);
    if (status == STATUS_OK) status = fetch_document(url, arena, &document, error);
    if (status == STATUS_OK) status = read_keys(document, ret_keys, error);
    if (status != STATUS_OK) {
        error_prefix(error, "Error fetching public key for issuer %.*s: OIDC/JWKS request failed: ",
                     BYTES_FORMAT(issuer));
    }
    return status;
}

static Status find_jwks_url(Bytes issuer, Arena *arena, char **ret_url, Error *error) {
    while (issuer.count > 0 && issuer.data[issuer.count - 1] == '/') issuer.count--;
    Bytes url = arena_format(arena, "%.*s" DISCOVERY_PATH, BYTES_FORMAT(issuer));
    Bytes document;
    Status status = fetch_document((const char *)url.data, arena, &document, error);
    if (status != STATUS_OK) return status;
    json_t *found = json_loadb((const char *)document.data, document.count, 0, NULL);
    const json_t *jwks_uri = json_object_get(found, "jwks_uri");
    if (json_is_string(jwks_uri)) {
        *ret_url = arena_copy_text(arena, bytes_of_text(json_string_value(jwks_uri)));
    } else {
        status = error_set(error, STATUS_INVALID, "%.*s: no `jwks_uri`", BYTES_FORMAT(url));
    }
    json_decref(found);
    return status;
}

// Keys of unknown kinds and symmetric ones are left out: a set may hold keys for other uses.
static Status read_keys(Bytes document, KeySet **ret_keys, Error *error) {
    json_t *found = json_loadb((const char *)document.data, document.count, 0, NULL);
    const json_t *list = json_object_get(found, "keys");
    size_t count = json_array_size(list);
    if (!json_is_array(list) || count > AUTH_ISSUER_KEYS_MAX) {
        json_decref(found);
        return error_set(error, STATUS_INVALID, "not a set of at most %u keys",
                         AUTH_ISSUER_KEYS_MAX);
    }
    KeySet *keys = mem_alloc_zero(sizeof *keys + count * sizeof(IssuerKey));
    keys->refs = 1;
    for (size_t i = 0; i < count; i++) {
        if (read_key(json_array_get(list, i), &keys->keys[keys->count])) keys->count++;
    }
    json_decref(found);
    *ret_keys = keys;
    return STATUS_OK;
}

static bool read_key(const json_t *object, IssuerKey *ret_key) {
    cjose_err reason;
    char *text = json_dumps(object, JSON_COMPACT | JSON_ENCODE_ANY);
    if (text == NULL) return false;
    cjose_jwk_t *jwk = cjose_jwk_import(text, strlen(text), &reason);
    mem_free(text);
    if (jwk == NULL) return false;
    const char *algorithm = key_algorithm(jwk);
    if (algorithm == NULL) {
        (void)cjose_jwk_release(jwk);  // the only holder
        return false;
    }
    const json_t *id = json_object_get(object, "kid");
    *ret_key = (IssuerKey){.jwk = jwk, .algorithm = algorithm};
    if (json_is_string(id)) ret_key->id = mem_copy_text(bytes_of_text(json_string_value(id)));
    return true;
}

// The algorithm follows from the key, never from the token alone.
static const char *key_algorithm(const cjose_jwk_t *jwk) {
    cjose_err reason;
    switch (cjose_jwk_get_kty(jwk, &reason)) {
    case CJOSE_JWK_KTY_RSA: return "RS256";
    case CJOSE_JWK_KTY_EC:
        return cjose_jwk_EC_get_curve(jwk, &reason) == CJOSE_JWK_EC_P_256 ? "ES256" : NULL;
    case CJOSE_JWK_KTY_OCT: return NULL;
    }
    return NULL;
}

// ---- verifying ----

static Status verify_with(const KeySet *keys, const Token *token, Error *error) {
    for (uint32_t i = 0; token->key_id.data && i < keys->count; i++) {
        const IssuerKey *key = &keys->keys[i];
        if (key->id && bytes_equal_text(token->key_id, key->id)) return try_key(key, token, error);
    }
    Status status = error_set(error, STATUS_DENIED,
                              token->key_id.data ? "Specified key ID not found in JWKs"
                                                 : "No kid found");
    for (uint32_t i = 0; i < keys->count; i++) {
        const IssuerKey *key = &keys->keys[i];
        if (token->key_id.data && key->id) continue;
        status = try_key(key, token, error);
        if (status == STATUS_OK) break;
    }
    return status;
}

static Status try_key(const IssuerKey *key, const Token *token, Error *error) {
    if (!bytes_equal_text(token->algorithm, key->algorithm)) {
        return error_set(error, STATUS_DENIED, "Invalid token: InvalidAlgorithm");
    }
    cjose_err reason;
    cjose_jws_t *jws = cjose_jws_import((const char *)token->text.data, token->text.count, &reason);
    bool is_valid = jws && cjose_jws_verify(jws, key->jwk, &reason);
    cjose_jws_release(jws);
    if (is_valid) return STATUS_OK;
    return error_set(error, STATUS_DENIED, "Invalid token: InvalidSignature");
}
