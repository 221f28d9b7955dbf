// keys.c - see keys.h. OpenSSL signs in DER; a JWT carries r and s side by side.

#include "auth/keys.h"

#include <libgen.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#define COORDINATE_BYTES (SIGNATURE_BYTES / 2)
#define DER_BYTES_MAX 128u

struct Keys {
    EVP_PKEY *signing;
    EVP_PKEY *verifying;
    Arena arena;
    Bytes public_pem;
};

static Status keys_generate(Os *os, const char *private_path, const char *public_path,
                            Error *error);
static Status write_key(Os *os, const char *path, BIO *pem, Error *error);
static Status keys_load(Keys *keys, Os *os, const char *private_path, const char *public_path,
                        Error *error);
static EVP_PKEY *read_private(Bytes pem);
static EVP_PKEY *read_public(Bytes pem);
static bool is_p256(const EVP_PKEY *key);

Status keys_open(Os *os, const char *private_path, const char *public_path, Keys **ret_keys,
                 Error *error) {
    bool has_private = os_path_exists(os, private_path);
    bool has_public = os_path_exists(os, public_path);
    if (has_private && !has_public) {
        return error_set(error, STATUS_NOT_FOUND,
                         "Unable to read public key for JWT token verification: %s", public_path);
    }
    if (has_public && !has_private) {
        return error_set(error, STATUS_NOT_FOUND,
                         "Unable to read private key for JWT token signing: %s", private_path);
    }
    if (!has_private) {
        Status status = keys_generate(os, private_path, public_path, error);
        if (status != STATUS_OK) return status;
    }
    Keys *keys = mem_alloc_zero(sizeof *keys);
    arena_init(&keys->arena, 4 * AUTH_KEY_FILE_BYTES_MAX);
    Status status = keys_load(keys, os, private_path, public_path, error);
    if (status != STATUS_OK) {
        keys_free(keys);
        return status;
    }
    *ret_keys = keys;
    return STATUS_OK;
}

void keys_free(Keys *keys) {
    if (keys == NULL) return;
    EVP_PKEY_free(keys->signing);
    EVP_PKEY_free(keys->verifying);
    arena_done(&keys->arena);
    mem_free(keys);
}

Bytes keys_public_pem(const Keys *keys) {
    return keys->public_pem;
}

// ---- files ----

static Status keys_generate(Os *os, const char *private_path, const char *public_path,
                            Error *error) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    BIO *private_pem = BIO_new(BIO_s_mem());
    BIO *public_pem = BIO_new(BIO_s_mem());
    ASSERT(key != NULL && private_pem != NULL && public_pem != NULL);
    int good = PEM_write_bio_PKCS8PrivateKey(private_pem, key, NULL, NULL, 0, NULL, NULL);
    good &= PEM_write_bio_PUBKEY(public_pem, key);
    ASSERT(good == 1);
    Status status = write_key(os, private_path, private_pem, error);
    if (status == STATUS_OK) status = write_key(os, public_path, public_pem, error);
    BIO_free(private_pem);
    BIO_free(public_pem);
    EVP_PKEY_free(key);
    return status;
}

// Mode 0600. The umask is the process's: this runs at start, before there are other threads.
static Status write_key(Os *os, const char *path, BIO *pem, Error *error) {
    char *data = NULL;
    long count = BIO_get_mem_data(pem, &data);
    ASSERT(count > 0);
    char *copy = mem_copy_text(bytes_of_text(path));
    Status status = os->directory_create(os, dirname(copy), error);
    mem_free(copy);
    if (status != STATUS_OK) return status;
    mode_t before = umask(S_IRWXG | S_IRWXO);
    status = os_file_replace(os, path, bytes_of(data, (size_t)count), error);
    (void)umask(before);
    return status;
}

static Status keys_load(Keys *keys, Os *os, const char *private_path, const char *public_path,
                        Error *error) {
    Bytes private_pem;
    Status status = os_file_read_all(os, private_path, AUTH_KEY_FILE_BYTES_MAX, &keys->arena,
                                     &private_pem, error);
    if (status == STATUS_OK) {
        status = os_file_read_all(os, public_path, AUTH_KEY_FILE_BYTES_MAX, &keys->arena,
                                  &keys->public_pem, error);
    }
    if (status != STATUS_OK) return status;
    keys->signing = read_private(private_pem);
    keys->verifying = read_public(keys->public_pem);
    if (keys->signing == NULL) {
        return error_set(error, STATUS_INVALID,
                         "Unable to read private key for JWT token signing: %s is not a P-256 key "
                         "in PKCS#8 PEM",
                         private_path);
    }
    if (keys->verifying == NULL) {
        return error_set(error, STATUS_INVALID,
                         "Unable to read public key for JWT token verification: %s is not a P-256 "
                         "key in PEM",
                         public_path);
    }
    if (EVP_PKEY_eq(keys->signing, keys->verifying) != 1) {
        return error_set(error, STATUS_INVALID, "%s and %s are not a pair", private_path,
                         public_path);
    }
    return STATUS_OK;
}

// NULL for anything but a P-256 key under the label PRIVATE KEY.
static EVP_PKEY *read_private(Bytes pem) {
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.count);
    ASSERT(bio != NULL);
    PKCS8_PRIV_KEY_INFO *info = PEM_read_bio_PKCS8_PRIV_KEY_INFO(bio, NULL, NULL, NULL);
    EVP_PKEY *key = info ? EVP_PKCS82PKEY(info) : NULL;
    PKCS8_PRIV_KEY_INFO_free(info);
    BIO_free(bio);
    if (key == NULL || is_p256(key)) return key;
    EVP_PKEY_free(key);
    return NULL;
}

static EVP_PKEY *read_public(Bytes pem) {
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.count);
    ASSERT(bio != NULL);
    EVP_PKEY *key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
    BIO_free(bio);
    if (key == NULL || is_p256(key)) return key;
    EVP_PKEY_free(key);
    return NULL;
}

static bool is_p256(const EVP_PKEY *key) {
    char group[32];
    size_t count = 0;
    return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
           EVP_PKEY_get_group_name(key, group, sizeof group, &count) == 1 &&
           strcmp(group, "prime256v1") == 0;
}

// ---- signatures ----

void keys_sign(const Keys *keys, Bytes text, uint8_t ret_signature[SIGNATURE_BYTES]) {
    uint8_t der[DER_BYTES_MAX];
    size_t der_bytes = sizeof der;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    ASSERT(context != NULL);
    int good = EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, keys->signing);
    ASSERT(good == 1);
    good = EVP_DigestSign(context, der, &der_bytes, text.data, text.count);
    ASSERT(good == 1);
    EVP_MD_CTX_free(context);

    const uint8_t *at = der;
    ECDSA_SIG *parts = d2i_ECDSA_SIG(NULL, &at, (long)der_bytes);
    ASSERT(parts != NULL);
    const BIGNUM *r = ECDSA_SIG_get0_r(parts);
    const BIGNUM *s = ECDSA_SIG_get0_s(parts);
    int r_bytes = BN_bn2binpad(r, ret_signature, COORDINATE_BYTES);
    int s_bytes = BN_bn2binpad(s, ret_signature + COORDINATE_BYTES, COORDINATE_BYTES);
    ASSERT(r_bytes == (int)COORDINATE_BYTES && s_bytes == (int)COORDINATE_BYTES);
    ECDSA_SIG_free(parts);
}

bool keys_verify(const Keys *keys, Bytes text, Bytes signature) {
    if (signature.count != SIGNATURE_BYTES) return false;
    ECDSA_SIG *parts = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature.data, COORDINATE_BYTES, NULL);
    BIGNUM *s = BN_bin2bn(signature.data + COORDINATE_BYTES, COORDINATE_BYTES, NULL);
    ASSERT(parts != NULL && r != NULL && s != NULL);
    int good = ECDSA_SIG_set0(parts, r, s);  // takes both
    ASSERT(good == 1);
    uint8_t der[DER_BYTES_MAX];
    uint8_t *at = der;
    int der_bytes = i2d_ECDSA_SIG(parts, &at);
    ASSERT(der_bytes > 0 && der_bytes <= (int)DER_BYTES_MAX);
    ECDSA_SIG_free(parts);

    EVP_MD_CTX *context = EVP_MD_CTX_new();
    ASSERT(context != NULL);
    good = EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, keys->verifying);
    ASSERT(good == 1);
    bool is_valid = EVP_DigestVerify(context, der, (size_t)der_bytes, text.data, text.count) == 1;
    EVP_MD_CTX_free(context);
    return is_valid;
}
