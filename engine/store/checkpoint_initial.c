// The initial state: written in key order, which fills LMDB's pages, in transactions of a bounded size.
#include <errno.h>

#include "engine/store/account_codec.h"
#include "engine/store/checkpoint_private.h"

enum { BATCH = 200000 };

int checkpoint_empty(struct checkpoint *c, uint64_t height, const bytes32 *block_hash)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(c->env, NULL, 0, &txn);
    if (rc == 0) {
        rc = mdb_drop(txn, c->accounts, 0);
        if (rc == 0)
            rc = mdb_drop(txn, c->slots, 0);
        if (rc == 0)
            rc = mdb_drop(txn, c->codes, 0);
        if (rc == 0)
            rc = checkpoint_put_head(c, txn, height, block_hash, false);
        rc = checkpoint_finish(txn, rc);
    }
    return rc;
}

static int append(MDB_txn *txn, MDB_dbi table, const void *key, size_t key_len, uint8_t *value, size_t value_len)
{
    MDB_val k = {key_len, (void *)key}, v = {value_len, value};
    return mdb_put(txn, table, &k, &v, MDB_APPEND);
}

static int append_account(struct checkpoint *c, MDB_txn *txn, const struct state_batch *b, size_t i)
{
    uint8_t buf[ACCOUNT_ENCODED_MAX];
    const struct state_dirty *d = &b->accounts[i];
    const struct account_contract contract = state_batch_contract(b, i);
    if (!d->exists)
        return 0;
    return append(txn, c->accounts, &d->key, sizeof d->key, buf, account_put(buf, &d->account, &contract));
}

static int append_slot(struct checkpoint *c, MDB_txn *txn, const struct state_batch *b, size_t i)
{
    uint8_t buf[SLOT_ENCODED_MAX];
    const struct state_dirty_slot *d = &b->slots[i];
    const struct slot_key key = {d->key, d->slot};
    return append(txn, c->slots, &key, sizeof key, buf, slot_put(buf, &d->value));
}

// Appends one kind of records to its table. MDB_MAP_FULL: the last transaction's are not there.
static bool append_all(struct checkpoint *c, const struct state_batch *b, size_t count,
                       int (*one)(struct checkpoint *c, MDB_txn *txn, const struct state_batch *b, size_t i),
                       char error[STORE_ERROR_MAX])
{
    for (size_t done = 0; done < count;) {
        const size_t to = count - done < BATCH ? count : done + BATCH;
        MDB_txn *txn;
        int rc = mdb_txn_begin(c->env, NULL, 0, &txn);
        if (rc == 0) {
            for (size_t i = done; i < to && rc == 0; i++)
                rc = one(c, txn, b, i);
            rc = checkpoint_finish(txn, rc);
        }
        if (rc == MDB_MAP_FULL) {
            rc = checkpoint_grow_map(c);
            if (rc == 0)
                continue;
        }
        if (rc == MDB_KEYEXIST)
            return store_fail(error, "state checkpoint: initial records are not in rising order of their keys");
        if (rc != 0)
            return checkpoint_fail(error, "write the initial state", rc);
        done = to;
    }
    return true;
}

// The codes and the mark.
static bool complete(struct checkpoint *c, const bytes32 *block_hash, char error[STORE_ERROR_MAX])
{
    const size_t code_count = c->known_codes ? codes_count(c->known_codes) : 0;
    MDB_txn *txn;
    int rc = mdb_txn_begin(c->env, NULL, 0, &txn);
    if (rc == 0) {
        for (size_t i = 0; i < code_count && rc == 0; i++)
            rc = checkpoint_put_code(c, txn, codes_at(c->known_codes, i));
        if (rc == 0)
            rc = checkpoint_put_head(c, txn, 0, block_hash, true);
        rc = checkpoint_finish(txn, rc);
    }
    if (rc != 0)
        return checkpoint_fail(error, "complete the initial state", rc);
    c->codes_on_disk = code_count;
    c->height = 0;
    checkpoint_update_bytes(c);
    return true;
}

bool checkpoint_write_initial(struct checkpoint *c, const struct state_batch *initial, const bytes32 *block_hash,
                              char error[STORE_ERROR_MAX])
{
    const int rc = checkpoint_empty(c, 0, &(bytes32){0});
    if (rc != 0)
        return checkpoint_fail(error, "begin the initial state", rc);
    return append_all(c, initial, initial->account_count, append_account, error) &&
           append_all(c, initial, initial->slot_count, append_slot, error) && complete(c, block_hash, error);
}
