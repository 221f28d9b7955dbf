// module.c - accounts and transfers between them: the module that measures a call with two lookups and two updates.
#define STDB_SHORT_NAMES
#include <spacetime/module.h>

STDB_TABLE(Account, accounts, PUBLIC,
    (u32, id, PRIMARY_KEY),
    (i64, balance));

// Starts over with accounts 0 to n - 1.
STDB_REDUCER(seed, ctx, (u32, n), (i64, balance)) {
    accounts_clear();
    for (u32 id = 0; id < n; id++) {
        STDB_TRY(accounts_insert(&(Account){id, balance}));
    }
    return STDB_OK;
}

STDB_REDUCER(transfer, ctx, (u32, from), (u32, to), (i64, amount)) {
    Account giver, taker;
    if (amount <= 0) return stdb_fail("the amount must be positive, not %lld", amount);
    if (from == to) return stdb_fail("account %u cannot pay itself", from);
    if (!accounts_find_by_id(from, &giver)) return stdb_fail("no account %u", from);
    if (!accounts_find_by_id(to, &taker)) return stdb_fail("no account %u", to);
    if (giver.balance < amount)
        return stdb_fail("account %u has %lld, not %lld", from, giver.balance, amount);
    if (__builtin_add_overflow(taker.balance, amount, &taker.balance))
        return stdb_fail("account %u is full", to);
    giver.balance -= amount;
    STDB_TRY(accounts_update_by_id(&giver));
    return accounts_update_by_id(&taker);
}
