// module.c - a chat: everybody sees who is online and what was said.
#define STDB_SHORT_NAMES
#include <spacetime/module.h>

STDB_TABLE(User, user, PUBLIC,
    (Identity,  identity, PRIMARY_KEY),
    (OptString, name),
    (bool,      online));

STDB_TABLE(Message, message, PUBLIC,
    (Identity,  sender),
    (Timestamp, sent),
    (String,    text));

STDB_REDUCER(set_name, ctx, (String, name)) {
    if (name.length == 0) return stdb_fail("Names must not be empty");
    User user;
    if (!user_find_by_identity(ctx->sender, &user))
        return stdb_fail("Cannot set name for unknown user");
    user.name = OptString_some(name);
    return user_update_by_identity(&user);
}

STDB_REDUCER(send_message, ctx, (String, text)) {
    if (text.length == 0) return stdb_fail("Messages must not be empty");
    stdb_log_info("%s: %s", stdb_identity_text(ctx->sender), text.data);
    return message_insert(&(Message){.sender = ctx->sender, .sent = ctx->timestamp, .text = text});
}

// Runs once, when the database is created: the place for rows that must be there from the start.
STDB_INIT(ctx) {
    return STDB_OK;
}

STDB_CLIENT_CONNECTED(ctx) {
    User user;
    if (user_find_by_identity(ctx->sender, &user)) {
        user.online = true;
        return user_update_by_identity(&user);
    }
    return user_insert(&(User){.identity = ctx->sender, .online = true});
}

STDB_CLIENT_DISCONNECTED(ctx) {
    User user;
    if (!user_find_by_identity(ctx->sender, &user)) {
        stdb_log_warn("%s disconnected but is no user", stdb_identity_text(ctx->sender));
        return STDB_OK;
    }
    user.online = false;
    return user_update_by_identity(&user);
}
