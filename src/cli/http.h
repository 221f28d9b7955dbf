// http.h - one HTTP request to a server and its answer.
//
// Threads    the main thread.
// Lifetime   answers in cli->arena.
// Limits     CLI_RESPONSE_BYTES_MAX, CLI_CONNECT_MS_MAX; the answer itself may take as long as it does.
// Format     libcurl does the protocol: proxies of the environment, TLS with verification, redirects.
#pragma once

#include "cli/command.h"

#include <jansson.h>

typedef enum HttpAgent { HTTP_AGENT_NONE, HTTP_AGENT_NAMED } HttpAgent;

typedef struct HttpCall {
    const char *method;
    const char *url;
    const char *token;         // NULL: no Authorization header
    const char *content_type;  // NULL: none
    Bytes body;                // data == NULL: none
    HttpAgent agent;           // whether we say who we are (spec: cli.md 6.5)
    uint32_t timeout_ms;       // of the whole; 0: none
    // Where the body of an answer that is no error goes as it comes, instead of into the reply; false
    // ends the transfer. NULL: into the reply.
    bool (*take)(void *user, Bytes bytes);
    void *user;
} HttpCall;

typedef struct HttpReply {
    uint32_t status;
    const char *content_type;  // "": none
    Bytes body;
    const char *url;
} HttpReply;

// Any status is STATUS_OK; only a failed connection is an error.
Status http_call(Cli *cli, const HttpCall *call, HttpReply *ret_reply);

bool http_is_success(const HttpReply *reply);
// "404 Not Found".
const char *http_status_text(Cli *cli, uint32_t status);
// Notes "HTTP status client error (403 Forbidden) for url (...)". Only for replies that are errors.
Status http_fail_status(Cli *cli, const HttpReply *reply);
// An error status is an error; a short body tells its cause.
Status http_expect_success(Cli *cli, const HttpReply *reply);
// An answer without JSON is an error, whose text is the body; the status does not matter.
Status http_expect_json(Cli *cli, const HttpReply *reply);
// The same, and decodes it. *ret_json belongs to the caller (json_decref).
Status http_read_json(Cli *cli, const HttpReply *reply, json_t **ret_json);

// The text with all but ASCII letters, digits, '_' and '-' percent-encoded.
const char *url_encode(Cli *cli, const char *text);
// `url` with "?key=value" or "&key=value" behind it.
const char *url_with(Cli *cli, const char *url, const char *key, const char *value);
