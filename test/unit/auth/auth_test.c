// auth_test.c - goal: keys, our own tokens, and those of other issuers. Method: real key files in a temporary
// directory; an issuer of our own on loopback, whose tokens cjose signs (we verify with what it made, not with
// what we made).

#include "auth/auth.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cjose/cjose.h>
#include <cmocka.h>
#include <jansson.h>

#include "auth/token.h"
#include "base/limits.h"
#include "base/thread.h"

static Arena arena;
static char folder[] = "/tmp/stdb-auth-test-XXXXXX";
static char private_path[64];
static char public_path[64];

static int group_set_up(void **state) {
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static void remove_keys(void) {
    (void)unlink(private_path);
    (void)unlink(public_path);
}

static int group_tear_down(void **state) {
    (void)state;
    remove_keys();
    return rmdir(folder);
}

static int set_up(void **state) {
    (void)state;
    arena_init(&arena, 64u << 20);
    (void)snprintf(private_path, sizeof private_path, "%s/id_ecdsa", folder);
    (void)snprintf(public_path, sizeof public_path, "%s/id_ecdsa.pub", folder);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    remove_keys();
    arena_done(&arena);
    return 0;
}

static Status open_auth(Auth **ret_auth, Error *error) {
    AuthOptions options = {.os = os_real(),
                           .private_key_path = private_path,
                           .public_key_path = public_path,
                           .issuer = "localhost"};
    return auth_create(&options, ret_auth, error);
}

static Auth *open_good(void) {
    Auth *auth = NULL;
    Error error;
    if (open_auth(&auth, &error) != STATUS_OK) fail_msg("%s", error.text);
    return auth;
}

static void assert_refused(Auth *auth, Bytes token, const char *expected) {
    Claims claims;
    Error error;
    assert_int_equal(auth_validate(auth, token, &arena, &claims, &error), STATUS_DENIED);
    assert_string_equal(error.text, expected);
}

static Claims validate(Auth *auth, Bytes token) {
    Claims claims = {0};
    Error error;
    if (auth_validate(auth, token, &arena, &claims, &error) != STATUS_OK)
        fail_msg("%s", error.text);
    return claims;
}

// ---- key files ----

static void write_file(const char *path, Bytes bytes) {
    Error error;
    assert_int_equal(os_file_replace(os_real(), path, bytes, &error), STATUS_OK);
}

static void test_key_files(void **state) {
    (void)state;
    Auth *auth = open_good();
    Bytes pem = arena_copy(&arena, auth_public_key(auth));
    assert_memory_equal(pem.data, "-----BEGIN PUBLIC KEY-----\n", 27);
    struct stat status;
    assert_int_equal(stat(private_path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    Claims claims;
    auth_mint(auth, &arena, &claims);
    auth_free(auth);

    auth = open_good();  // the same pair
    assert_true(bytes_equal(auth_public_key(auth), pem));
    Claims again = validate(auth, claims.token);
    assert_true(identity_equal(&again.identity, &claims.identity));
    auth_free(auth);

    Bytes private_pem;
    Error error;
    assert_int_equal(os_file_read_all(os_real(), private_path, 65536, &arena, &private_pem, &error),
                     STATUS_OK);
    assert_memory_equal(private_pem.data, "-----BEGIN PRIVATE KEY-----\n", 28);
    (void)unlink(public_path);
    assert_int_equal(open_auth(&auth, &error), STATUS_NOT_FOUND);
    assert_non_null(strstr(error.text, "Unable to read public key for JWT token verification"));
    remove_keys();
    write_file(public_path, pem);
    assert_int_equal(open_auth(&auth, &error), STATUS_NOT_FOUND);
    assert_non_null(strstr(error.text, "Unable to read private key for JWT token signing"));

    remove_keys();
    auth_free(open_good());
    write_file(private_path, private_pem);  // of another pair
    assert_int_equal(open_auth(&auth, &error), STATUS_INVALID);
    assert_non_null(strstr(error.text, "are not a pair"));
    write_file(private_path, BYTES_LITERAL("-----BEGIN EC PRIVATE KEY-----\nAAAA\n"));
    assert_int_equal(open_auth(&auth, &error), STATUS_INVALID);
}

// ---- our own tokens ----

static void test_minted_token(void **state) {
    (void)state;
    Auth *auth = open_good();
    Claims claims;
    auth_mint(auth, &arena, &claims);
    assert_memory_equal(claims.token.data, "eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.", 37);
    char hex[IDENTITY_HEX_COUNT + 1];
    identity_to_hex(&claims.identity, hex);
    int64_t iat = os_real()->time_micros(os_real()) / 1000000;
    const char *payload = (const char *)arena_copy_text(&arena, claims.payload);
    char expected[512];
    long long issued = strtoll(strstr(payload, "\"iat\":") + 6, NULL, 10);
    assert_true(issued >= iat - 1 && issued <= iat + 1);
    (void)snprintf(expected, sizeof expected,
                   "{\"hex_identity\":\"%s\",\"sub\":\"%.*s\",\"iss\":\"localhost\","
                   "\"aud\":[\"spacetimedb\"],\"iat\":%lld}",
                   hex, BYTES_FORMAT(claims.subject), issued);
    assert_string_equal(payload, expected);
    assert_int_equal(claims.subject.count, 36);
    assert_int_equal(claims.subject.data[14], '4');  // a version 4 UUID
    assert_non_null(strchr("89ab", claims.subject.data[19]));
    // The CLI decodes the payload with the standard alphabet.
    const uint8_t *dot = memchr(claims.token.data, '.', claims.token.count);
    const uint8_t *end = memchr(dot + 1, '.', claims.token.count - 37);
    for (const uint8_t *at = dot; at < end; at++) assert_true(*at != '-' && *at != '_');

    Claims other;
    auth_mint(auth, &arena, &other);
    assert_false(identity_equal(&other.identity, &claims.identity));
    Identity database = auth_mint_database_identity(auth);
    assert_false(identity_equal(&database, &claims.identity));
    assert_int_equal(database.bytes[31], 0xc2);
    auth_free(auth);
}

static void test_short_token(void **state) {
    (void)state;
    Auth *auth = open_good();
    Claims claims;
    auth_mint(auth, &arena, &claims);
    Bytes token;
    Error error;
    assert_int_equal(auth_mint_short(auth, &claims, &arena, &token, &error), STATUS_OK);
    Claims shorter = validate(auth, token);
    assert_true(identity_equal(&shorter.identity, &claims.identity));
    json_t *payload = json_loadb((const char *)shorter.payload.data, shorter.payload.count, 0,
                                 NULL);
    json_int_t iat = json_integer_value(json_object_get(payload, "iat"));
    assert_int_equal(json_integer_value(json_object_get(payload, "exp")), iat + 60);
    json_decref(payload);
    auth_free(auth);
}

static void test_tampering(void **state) {
    (void)state;
    Auth *auth = open_good();
    Claims claims;
    auth_mint(auth, &arena, &claims);
    char *text = arena_copy_text(&arena, claims.token);
    char *last = text + claims.token.count - 10;
    *last = *last == 'A' ? 'B' : 'A';
    assert_refused(auth, bytes_of_text(text), "Invalid token: InvalidSignature");
    // Another algorithm in the header never reaches the key.
    Bytes rest = bytes_slice(claims.token, 36, claims.token.count - 36);
    static const char *const ALGORITHMS[] = {"{\"alg\":\"HS256\"}", "{\"alg\":\"none\"}", "{}"};
    for (size_t i = 0; i < sizeof ALGORITHMS / sizeof ALGORITHMS[0]; i++) {
        Bytes header = base64url_write(bytes_of_text(ALGORITHMS[i]), &arena);
        Bytes forged = arena_format(&arena, "%.*s%.*s", BYTES_FORMAT(header), BYTES_FORMAT(rest));
        assert_refused(auth, forged, "Invalid token: InvalidAlgorithm");
    }
    assert_refused(auth, BYTES_LITERAL("x"), "Invalid token: InvalidToken");
    auth_free(auth);

    remove_keys();
    auth = open_good();  // the server's keys were replaced
    assert_false(auth_needs_network(auth, claims.token));
    assert_refused(auth, claims.token, "Invalid token: InvalidSignature");
    auth_free(auth);
}

// ---- other issuers ----

typedef struct Issuer {
    Thread thread;
    int socket;
    uint16_t port;
    char url[64];
    char *jwks;  // what /keys answers
    _Atomic uint32_t requests;
    _Atomic bool is_broken;  // answers 500
} Issuer;

static void serve_one(Issuer *issuer, int client) {
    char request[2048] = {0};
    size_t count = 0;
    while (count < sizeof request - 1 && !strstr(request, "\r\n\r\n")) {
        ssize_t got = read(client, request + count, sizeof request - 1 - count);
        if (got <= 0) return;
        count += (size_t)got;
    }
    char discovery[160];
    (void)snprintf(discovery, sizeof discovery, "{\"jwks_uri\":\"%s/keys\"}", issuer->url);
    bool is_discovery = strncmp(request, "GET /.well-known/openid-configuration ", 38) == 0;
    bool is_keys = strncmp(request, "GET /keys ", 10) == 0;
    const char *body = is_discovery ? discovery : is_keys ? issuer->jwks : "";
    const char *status = issuer->is_broken           ? "500 Broken"
                         : (is_discovery || is_keys) ? "200 OK"
                                                     : "404 Not Found";
    dprintf(client, "HTTP/1.1 %s\r\ncontent-length: %zu\r\nconnection: close\r\n\r\n%s", status,
            strlen(body), body);
}

static void issuer_run(void *user) {
    Issuer *issuer = user;
    for (;;) {
        int client = accept(issuer->socket, NULL, NULL);
        if (client < 0) return;
        issuer->requests++;
        serve_one(issuer, client);
        (void)close(client);
    }
}

static void issuer_start(Issuer *issuer, const char *jwks) {
    *issuer = (Issuer){.socket = socket(AF_INET, SOCK_STREAM, 0)};
    issuer->jwks = arena_copy_text(&arena, bytes_of_text(jwks));
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t count = sizeof address;
    assert_int_equal(bind(issuer->socket, (struct sockaddr *)&address, count), 0);
    assert_int_equal(listen(issuer->socket, 16), 0);
    assert_int_equal(getsockname(issuer->socket, (struct sockaddr *)&address, &count), 0);
    issuer->port = ntohs(address.sin_port);
    (void)snprintf(issuer->url, sizeof issuer->url, "http://127.0.0.1:%u", issuer->port);
    thread_start(&issuer->thread, "issuer", issuer_run, issuer);
}

static void issuer_stop(Issuer *issuer) {
    (void)shutdown(issuer->socket, SHUT_RDWR);
    thread_join(&issuer->thread);
    (void)close(issuer->socket);
}

// A JWK of the key's public half, with a kid if one is given.
static char *public_jwk(cjose_jwk_t *key, const char *kid) {
    cjose_err error;
    if (kid) assert_true(cjose_jwk_set_kid(key, kid, strlen(kid), &error));
    char *json = cjose_jwk_to_json(key, false, &error);
    assert_non_null(json);
    return json;
}

static Bytes sign_with(cjose_jwk_t *key, const char *algorithm, const char *kid,
                       const char *payload) {
    cjose_err error;
    cjose_header_t *header = cjose_header_new(&error);
    assert_true(cjose_header_set(header, CJOSE_HDR_ALG, algorithm, &error));
    if (kid) assert_true(cjose_header_set(header, CJOSE_HDR_KID, kid, &error));
    cjose_jws_t *jws = cjose_jws_sign(key, header, (const uint8_t *)payload, strlen(payload),
                                      &error);
    assert_non_null(jws);
    const char *text = NULL;
    assert_true(cjose_jws_export(jws, &text, &error));
    Bytes token = arena_copy(&arena, bytes_of_text(text));
    cjose_jws_release(jws);
    cjose_header_release(header);
    return token;
}

static const char *payload_of(const char *issuer, const char *subject) {
    return (const char *)arena_format(&arena, "{\"iss\":\"%s\",\"sub\":\"%s\",\"iat\":1700000000}",
                                      issuer, subject)
        .data;
}

static void test_other_issuer(void **state) {
    (void)state;
    cjose_err reason;
    cjose_jwk_t *ec = cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, &reason);
    cjose_jwk_t *rsa = cjose_jwk_create_RSA_random(2048, (const uint8_t *)"\x01\x00\x01", 3,
                                                   &reason);
    cjose_jwk_t *secret = cjose_jwk_create_oct_random(256, &reason);
    cjose_jwk_t *stranger = cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, &reason);
    char *jwks[] = {public_jwk(ec, "one"), public_jwk(rsa, "two"),
                    cjose_jwk_to_json(secret, true, &reason)};
    Bytes document = arena_format(&arena, "{\"keys\":[%s,%s,%s,{\"kty\":\"XYZ\"}]}", jwks[0],
                                  jwks[1], jwks[2]);
    Issuer issuer;
    issuer_start(&issuer, (const char *)document.data);
    Auth *auth = open_good();

    Bytes token = sign_with(ec, "ES256", "one", payload_of(issuer.url, "alice"));
    assert_true(auth_needs_network(auth, token));
    Claims claims = validate(auth, token);
    Identity expected = identity_derive(bytes_of_text(issuer.url), BYTES_LITERAL("alice"));
    assert_true(identity_equal(&claims.identity, &expected));
    assert_int_equal(issuer.requests, 2);
    assert_false(auth_needs_network(auth, token));
    (void)validate(auth, sign_with(rsa, "RS256", "two", payload_of(issuer.url, "alice")));
    (void)validate(auth, sign_with(rsa, "RS256", NULL, payload_of(issuer.url, "alice")));
    assert_int_equal(issuer.requests, 2);  // kept

    // A slash at the end is another issuer with the same address.
    Bytes slash = arena_format(&arena, "%s/", issuer.url);
    Claims with_slash = validate(
        auth, sign_with(ec, "ES256", NULL, payload_of((const char *)slash.data, "alice")));
    assert_false(identity_equal(&with_slash.identity, &claims.identity));

    assert_refused(auth, sign_with(stranger, "ES256", "one", payload_of(issuer.url, "alice")),
                   "Invalid token: InvalidSignature");
    assert_refused(auth, sign_with(ec, "ES256", "three", payload_of(issuer.url, "alice")),
                   "Specified key ID not found in JWKs");
    assert_refused(auth, sign_with(rsa, "RS256", "one", payload_of(issuer.url, "alice")),
                   "Invalid token: InvalidAlgorithm");
    assert_refused(auth, sign_with(rsa, "PS256", "two", payload_of(issuer.url, "alice")),
                   "Invalid token: InvalidAlgorithm");
    assert_refused(auth, sign_with(secret, "HS256", NULL, payload_of(issuer.url, "alice")),
                   "Invalid token: InvalidAlgorithm");
    // Ours: signed by a stranger, with our name.
    assert_refused(auth, sign_with(ec, "ES256", NULL, payload_of("localhost", "alice")),
                   "Invalid token: InvalidSignature");

    // A short token for a user of another issuer needs no network.
    Bytes shorter;
    Error error;
    assert_int_equal(auth_mint_short(auth, &claims, &arena, &shorter, &error), STATUS_OK);
    issuer_stop(&issuer);
    auth_free(auth);
    auth = open_good();  // nothing kept
    assert_false(auth_needs_network(auth, shorter));
    Claims from_short = validate(auth, shorter);
    assert_true(identity_equal(&from_short.identity, &claims.identity));
    auth_free(auth);
    for (size_t i = 0; i < 3; i++) mem_free(jwks[i]);
    cjose_jwk_release(ec);
    cjose_jwk_release(rsa);
    cjose_jwk_release(secret);
    cjose_jwk_release(stranger);
}

static void test_keys_without_id(void **state) {
    (void)state;
    cjose_err reason;
    cjose_jwk_t *ec = cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, &reason);
    char *jwk = public_jwk(ec, NULL);
    Issuer issuer;
    issuer_start(&issuer, (const char *)arena_format(&arena, "{\"keys\":[%s]}", jwk).data);
    Auth *auth = open_good();
    (void)validate(auth, sign_with(ec, "ES256", "any", payload_of(issuer.url, "bob")));
    (void)validate(auth, sign_with(ec, "ES256", NULL, payload_of(issuer.url, "bob")));
    issuer_stop(&issuer);
    auth_free(auth);
    mem_free(jwk);
    cjose_jwk_release(ec);
}

static void test_issuers_that_fail(void **state) {
    (void)state;
    cjose_err reason;
    cjose_jwk_t *ec = cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, &reason);
    Auth *auth = open_good();
    assert_refused(auth, sign_with(ec, "ES256", NULL, payload_of("ftp://x", "a")),
                   "Invalid OIDC URL scheme: ftp://x");
    assert_refused(auth, sign_with(ec, "ES256", NULL, payload_of("file:///etc/passwd", "a")),
                   "Invalid OIDC URL scheme: file:///etc/passwd");

    Issuer issuer;
    issuer_start(&issuer, "{\"keys\":[]}");
    Bytes token = sign_with(ec, "ES256", NULL, payload_of(issuer.url, "a"));
    issuer.is_broken = true;
    Claims claims;
    Error error;
    assert_int_equal(auth_validate(auth, token, &arena, &claims, &error), STATUS_DENIED);
    Bytes start = arena_format(&arena, "Error fetching public key for issuer %s", issuer.url);
    assert_memory_equal(error.text, start.data, start.count);
    assert_true(auth_needs_network(auth, token));  // failures are not kept
    issuer.is_broken = false;
    assert_refused(auth, token, "No kid found");

    // A document at the limit is read, one past it is not.
    char *large = mem_alloc(AUTH_DOCUMENT_BYTES_MAX + 2);
    for (uint32_t count = AUTH_DOCUMENT_BYTES_MAX; count <= AUTH_DOCUMENT_BYTES_MAX + 1; count++) {
        memset(large, ' ', count);
        memcpy(large, "{\"keys\":[]}", 11);
        large[count] = 0;
        auth_free(auth);
        auth = open_good();
        issuer.jwks = large;
        assert_int_equal(auth_validate(auth, token, &arena, &claims, &error), STATUS_DENIED);
        assert_true((strstr(error.text, "larger than") != NULL) ==
                    (count > AUTH_DOCUMENT_BYTES_MAX));
    }
    issuer_stop(&issuer);
    mem_free(large);
    auth_free(auth);
    cjose_jwk_release(ec);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_key_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_minted_token, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_short_token, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_tampering, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_other_issuer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_keys_without_id, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_issuers_that_fail, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}
