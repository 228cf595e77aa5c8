#include <stdio.h>

#include "base/keccak.h"
#include "engine/store/account_codec.h"
#include "engine/store/checkpoint_private.h"
#include "shard/partition.h"

static bool damage(const MDB_val *key, const char *what, char error[STORE_ERROR_MAX])
{
    return store_fail(
        error,
        "state checkpoint: %s record 0x%02x%02x.. is damaged; remove the state folder, the node rebuilds it "
        "from the block log",
        what, key->mv_size > 0 ? ((const uint8_t *)key->mv_data)[0] : 0,
        key->mv_size > 1 ? ((const uint8_t *)key->mv_data)[1] : 0);
}

// One table's records: read takes each, and says false to damage.
struct table {
    MDB_dbi dbi;
    size_t key_bytes; // begins with the account's key
    const char *name;
    bool (*read)(const struct checkpoint_visitor *visitor, const MDB_val *key, const MDB_val *value);
};

static bool read_account(const struct checkpoint_visitor *visitor, const MDB_val *key, const MDB_val *value)
{
    struct account account;
    struct account_contract contract;
    return account_get(&account, &contract, bytes_of(value->mv_data, value->mv_size)) &&
           visitor->account(visitor->ctx, key->mv_data, &account, &contract);
}

static bool read_slot(const struct checkpoint_visitor *visitor, const MDB_val *key, const MDB_val *value)
{
    const struct slot_key *k = key->mv_data;
    u256 number;
    return slot_get(&number, bytes_of(value->mv_data, value->mv_size)) &&
           visitor->slot(visitor->ctx, &k->account, &k->slot, &number);
}

static bool visit_table(MDB_txn *txn, const struct table *table, unsigned first, unsigned last,
                        const struct checkpoint_visitor *visitor, char error[STORE_ERROR_MAX])
{
    MDB_cursor *cursor;
    bytes32 from = {{(uint8_t)first}};
    MDB_val key = {sizeof from, &from}, value;
    int rc = mdb_cursor_open(txn, table->dbi, &cursor);
    if (rc != 0)
        return checkpoint_fail(error, "read", rc);
    bool good = true;
    for (rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE); rc == 0 && good;
         rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
        if (key.mv_size == table->key_bytes && partition_of_key(key.mv_data) >= last)
            break;
        good =
            (key.mv_size == table->key_bytes && table->read(visitor, &key, &value)) || damage(&key, table->name, error);
    }
    mdb_cursor_close(cursor);
    return good && (rc == 0 || rc == MDB_NOTFOUND || checkpoint_fail(error, "read records", rc));
}

bool checkpoint_visit(struct checkpoint *c, unsigned first, unsigned last, const struct checkpoint_visitor *visitor,
                      char error[STORE_ERROR_MAX])
{
    const struct table accounts = {c->accounts, sizeof(bytes32), "account", read_account};
    const struct table slots = {c->slots, sizeof(struct slot_key), "slot", read_slot};
    MDB_txn *txn;
    if (first >= last)
        return true;
    pthread_rwlock_rdlock(&c->map_lock);
    const int rc = mdb_txn_begin(c->env, NULL, MDB_RDONLY, &txn);
    const bool good = rc == 0 && visit_table(txn, &accounts, first, last, visitor, error) &&
                      visit_table(txn, &slots, first, last, visitor, error);
    if (rc == 0)
        mdb_txn_abort(txn);
    pthread_rwlock_unlock(&c->map_lock);
    return good || (rc != 0 && checkpoint_fail(error, "read", rc));
}

// ---- into states

struct loading {
    struct state **states;
    const struct codes *codes;
    bytes32 key; // of the account whose slots come
    uint32_t id; // STATE_NONE: no such account
};

static bool load_account(void *ctx, const bytes32 *key, const struct account *account,
                         const struct account_contract *contract)
{
    const struct loading *l = ctx;
    struct state *state = l->states[partition_of_key(key)];
    const bool has_code = !bytes32_equal(&contract->code_hash, &KECCAK256_EMPTY);
    if (has_code && (!l->codes || !codes_find(l->codes, &contract->code_hash)))
        return false;
    if (has_code)
        state_load_contract(state, key, account, &contract->code_hash);
    else
        state_load(state, key, account);
    return true;
}

static bool load_slot(void *ctx, const bytes32 *key, const bytes32 *slot, const u256 *value)
{
    struct loading *l = ctx;
    struct state *state = l->states[partition_of_key(key)];
    if (l->id == STATE_NONE || !bytes32_equal(key, &l->key)) {
        l->key = *key;
        l->id = state_find(state, key);
    }
    if (l->id == STATE_NONE)
        return false;
    const u256 number = u256_from_be(slot->b, sizeof slot->b);
    state_load_slot(state, l->id, &number, value);
    return true;
}

bool checkpoint_load(struct checkpoint *c, unsigned first, unsigned last, struct state **states,
                     char error[STORE_ERROR_MAX])
{
    struct loading loading = {.states = states, .codes = c->known_codes, .id = STATE_NONE};
    const struct checkpoint_visitor visitor = {&loading, load_account, load_slot};
    return checkpoint_visit(c, first, last, &visitor, error);
}

// ---- codes

static bool add_code(struct codes *codes, const MDB_val *key, const MDB_val *value)
{
    if (key->mv_size != sizeof(bytes32) || value->mv_size == 0)
        return false;
    const bytes32 hash = keccak256(value->mv_data, value->mv_size);
    if (memcmp(hash.b, key->mv_data, sizeof hash.b) != 0)
        return false;
    codes_add(codes, &hash, bytes_of(value->mv_data, value->mv_size));
    return true;
}

static bool add_codes(struct checkpoint *c, MDB_cursor *cursor, char error[STORE_ERROR_MAX])
{
    MDB_val key, value;
    int rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
    for (; rc == 0; rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
        if (!add_code(c->known_codes, &key, &value))
            return damage(&key, "code", error);
    }
    return rc == MDB_NOTFOUND || checkpoint_fail(error, "read codes", rc);
}

bool checkpoint_load_codes(struct checkpoint *c, struct codes *codes, char error[STORE_ERROR_MAX])
{
    MDB_txn *txn;
    MDB_cursor *cursor;
    c->known_codes = codes;
    // What is there before the disk's is written again, once.
    const size_t before = codes_count(codes);
    pthread_rwlock_rdlock(&c->map_lock);
    int rc = mdb_txn_begin(c->env, NULL, MDB_RDONLY, &txn);
    bool good = rc == 0;
    if (good) {
        rc = mdb_cursor_open(txn, c->codes, &cursor);
        good = rc == 0 && add_codes(c, cursor, error);
        if (rc == 0)
            mdb_cursor_close(cursor);
        mdb_txn_abort(txn);
    }
    pthread_rwlock_unlock(&c->map_lock);
    c->codes_on_disk = before == 0 ? codes_count(codes) : 0;
    return good || (rc != 0 && checkpoint_fail(error, "read", rc));
}
