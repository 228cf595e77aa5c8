#include "engine/store/checkpoint_snapshot.h"

#include "base/keccak.h"
#include "engine/store/account_codec.h"
#include "engine/store/checkpoint_private.h"

size_t checkpoint_key_bytes(enum checkpoint_table table)
{
    return table == CHECKPOINT_SLOTS ? sizeof(struct slot_key) : sizeof(bytes32);
}

static MDB_dbi dbi_of(const struct checkpoint *c, enum checkpoint_table table)
{
    return table == CHECKPOINT_ACCOUNTS ? c->accounts : table == CHECKPOINT_SLOTS ? c->slots : c->codes;
}

// ---- out

bool checkpoint_pin(struct checkpoint *c, bool renew, uint64_t *height, bytes32 *block_hash,
                    char error[STORE_ERROR_MAX])
{
    bool complete = false;
    if (renew)
        checkpoint_unpin(c);
    if (!c->pin) {
        const int rc = mdb_txn_begin(c->env, NULL, MDB_RDONLY, &c->pin);
        if (rc != 0) {
            c->pin = NULL;
            return checkpoint_fail(error, "pin", rc);
        }
    }
    if (!checkpoint_get_head(c, c->pin, "the state checkpoint", height, block_hash, &complete, error) || !complete) {
        if (!complete)
            store_fail(error, "there is no complete checkpoint yet");
        checkpoint_unpin(c);
        return false;
    }
    c->pinned = *block_hash;
    return true;
}

void checkpoint_unpin(struct checkpoint *c)
{
    if (c->pin)
        mdb_txn_abort(c->pin);
    c->pin = NULL;
}

const bytes32 *checkpoint_pinned(const struct checkpoint *c)
{
    return c->pin ? &c->pinned : NULL;
}

bool checkpoint_read_pinned(struct checkpoint *c, enum checkpoint_table table, const uint8_t *from,
                            bool (*take)(void *ctx, const struct checkpoint_entry *entry), void *ctx)
{
    MDB_cursor *cursor;
    MDB_val key = {checkpoint_key_bytes(table), (void *)from}, value;
    bool all = true;
    if (!c->pin || mdb_cursor_open(c->pin, dbi_of(c, table), &cursor) != 0)
        return false;
    for (int rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE); rc == 0 && all;
         rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
        const struct checkpoint_entry entry = {bytes_of(key.mv_data, key.mv_size),
                                               bytes_of(value.mv_data, value.mv_size)};
        all = take(ctx, &entry);
    }
    mdb_cursor_close(cursor);
    return all;
}

// ---- in

bool checkpoint_import_begin(struct checkpoint *c, uint64_t height, const bytes32 *block_hash,
                             char error[STORE_ERROR_MAX])
{
    const int rc = checkpoint_empty(c, height, block_hash);
    return rc == 0 || checkpoint_fail(error, "begin taking in a state", rc);
}

bool checkpoint_import_last(struct checkpoint *c, enum checkpoint_table table, uint8_t *key)
{
    MDB_txn *txn;
    MDB_cursor *cursor;
    MDB_val k, value;
    if (mdb_txn_begin(c->env, NULL, MDB_RDONLY, &txn) != 0)
        return false;
    bool found = false;
    if (mdb_cursor_open(txn, dbi_of(c, table), &cursor) == 0) {
        found = mdb_cursor_get(cursor, &k, &value, MDB_LAST) == 0 && k.mv_size == checkpoint_key_bytes(table);
        if (found)
            memcpy(key, k.mv_data, k.mv_size);
        mdb_cursor_close(cursor);
    }
    mdb_txn_abort(txn);
    return found;
}

static bool is_well_formed(enum checkpoint_table table, const struct checkpoint_entry *e)
{
    struct account account;
    struct account_contract contract;
    u256 number;
    if (e->key.len != checkpoint_key_bytes(table))
        return false;
    if (table == CHECKPOINT_ACCOUNTS)
        return account_get(&account, &contract, e->value) &&
               (account.nonce != 0 || !u256_is_zero(&account.balance) ||
                !bytes32_equal(&contract.code_hash, &KECCAK256_EMPTY)); // EIP-161
    if (table == CHECKPOINT_SLOTS)
        return slot_get(&number, e->value);
    const bytes32 hash = keccak256(e->value.ptr, e->value.len);
    return e->value.len > 0 && memcmp(hash.b, e->key.ptr, sizeof hash.b) == 0;
}

static int put_entries(struct checkpoint *c, MDB_dbi dbi, const struct checkpoint_entry *entries, size_t count)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(c->env, NULL, 0, &txn);
    if (rc != 0)
        return rc;
    for (size_t i = 0; i < count && rc == 0; i++) {
        MDB_val key = {entries[i].key.len, (void *)entries[i].key.ptr};
        MDB_val value = {entries[i].value.len, (void *)entries[i].value.ptr};
        rc = mdb_put(txn, dbi, &key, &value, MDB_APPEND);
    }
    return checkpoint_finish(txn, rc);
}

enum checkpoint_imported checkpoint_import(struct checkpoint *c, enum checkpoint_table table,
                                           const struct checkpoint_entry *entries, size_t count,
                                           char error[STORE_ERROR_MAX])
{
    for (size_t i = 0; i < count; i++) {
        if (!is_well_formed(table, &entries[i]))
            return CHECKPOINT_MALFORMED;
    }
    int rc = put_entries(c, dbi_of(c, table), entries, count);
    while (rc == MDB_MAP_FULL) {
        rc = checkpoint_grow_map(c);
        if (rc == 0)
            rc = put_entries(c, dbi_of(c, table), entries, count);
    }
    if (rc == MDB_KEYEXIST)
        return CHECKPOINT_MALFORMED;
    if (rc == 0)
        return CHECKPOINT_TAKEN;
    checkpoint_fail(error, "take in a state", rc);
    return CHECKPOINT_FAILED;
}

bool checkpoint_import_complete(struct checkpoint *c, uint64_t height, const bytes32 *block_hash,
                                char error[STORE_ERROR_MAX])
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(c->env, NULL, 0, &txn);
    if (rc == 0)
        rc = checkpoint_finish(txn, checkpoint_put_head(c, txn, height, block_hash, true));
    return rc == 0 || checkpoint_fail(error, "complete the state that was taken in", rc);
}
