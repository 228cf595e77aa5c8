#include "engine/genesis_state.h"

#include "base/keccak.h"
#include "base/whole_file.h"
#include "shard/partition.h"
#include "shard/trie/account_trie.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define KEY_BATCH 64

static int compare_accounts(const void *a, const void *b)
{
    const struct state_dirty *x = a, *y = b;
    return memcmp(x->key.b, y->key.b, sizeof x->key.b);
}

static int compare_slots(const void *a, const void *b)
{
    const struct state_dirty_slot *x = a, *y = b;
    const int by_account = memcmp(x->key.b, y->key.b, sizeof x->key.b);
    return by_account != 0 ? by_account : memcmp(x->slot.b, y->slot.b, sizeof x->slot.b);
}

static bytes32 code_hash(const struct genesis_account *a)
{
    return a->code ? keccak256(a->code, a->code_len) : KECCAK256_EMPTY;
}

static void add_record(struct state_batch *out, const bytes32 *key, const struct genesis_account *a)
{
    const struct account account = {a->nonce, a->balance};
    struct account_contract contract = account_no_contract();
    const bool is_contract = a->code || a->storage_count > 0;
    if (is_contract)
        contract.code_hash = code_hash(a);
    state_batch_add(out, key, true, &account, is_contract ? &contract : NULL);
    for (size_t i = 0; i < a->storage_count; i++)
        state_batch_add_slot(out, key, &a->storage[i].slot, &a->storage[i].value);
}

static void add_all(struct state_batch *out, const struct genesis *g)
{
    state_batch_reserve(out, g->account_count, 0);
    for (size_t i = 0; i < g->account_count; i += KEY_BATCH) {
        struct bytes messages[KEY_BATCH];
        bytes32 keys[KEY_BATCH];
        size_t n = g->account_count - i < KEY_BATCH ? g->account_count - i : KEY_BATCH;
        for (size_t j = 0; j < n; j++)
            messages[j] = bytes_of(g->accounts[i + j].addr.b, sizeof g->accounts[i + j].addr.b);
        keccak256_batch(keys, messages, n);
        for (size_t j = 0; j < n; j++)
            add_record(out, &keys[j], &g->accounts[i + j]);
    }
    if (out->account_count > 0)
        qsort(out->accounts, out->account_count, sizeof *out->accounts, compare_accounts);
    if (out->slot_count > 0)
        qsort(out->slots, out->slot_count, sizeof *out->slots, compare_slots);
}

void genesis_add_codes(const struct genesis *g, struct codes *codes)
{
    for (size_t i = 0; i < g->account_count; i++) {
        const struct genesis_account *a = &g->accounts[i];
        const bytes32 hash = code_hash(a);
        if (a->code)
            codes_add(codes, &hash, bytes_of(a->code, a->code_len));
    }
}

// The first record of a partition or a later one.
static size_t first_account(const struct state_batch *b, unsigned partition)
{
    size_t low = 0, high = b->account_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (partition_of_key(&b->accounts[middle].key) < partition)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static size_t first_slot(const struct state_batch *b, unsigned partition)
{
    size_t low = 0, high = b->slot_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (partition_of_key(&b->slots[middle].key) < partition)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void genesis_load_records(const struct state_batch *b, struct state **states, unsigned first, unsigned last)
{
    for (size_t i = first_account(b, first); i < first_account(b, last); i++) {
        const struct state_dirty *d = &b->accounts[i];
        const struct account_contract contract = state_batch_contract(b, i);
        struct state *state = states[partition_of_key(&d->key)];
        if (d->contract)
            state_load_contract(state, &d->key, &d->account, &contract.code_hash);
        else
            state_load(state, &d->key, &d->account);
    }
    for (size_t i = first_slot(b, first); i < first_slot(b, last); i++) {
        const struct state_dirty_slot *d = &b->slots[i];
        struct state *state = states[partition_of_key(&d->key)];
        const u256 slot = u256_from_be(d->slot.b, sizeof d->slot.b);
        state_load_slot(state, state_find(state, &d->key), &slot, &d->value);
    }
}

// One partition's node of the state trie; the records learn their storage roots.
static void make_subroot(struct subroot *out, struct state_batch *b, unsigned partition)
{
    struct state *states[PARTITION_COUNT];
    struct arena *arena = arena_create();
    struct state *state = states[partition] = state_create(arena);
    struct account_trie *trie = account_trie_create(arena, state);
    const size_t from = first_account(b, partition), to = first_account(b, partition + 1);
    state_load_begin(state, to - from);
    genesis_load_records(b, states, partition, partition + 1);
    state_load_end(state);
    account_trie_rebuild(&trie, 1);
    account_trie_subroot(trie, out);
    for (size_t i = from; i < to; i++) {
        const struct state_dirty *d = &b->accounts[i];
        if (d->contract)
            b->contracts[d->contract - 1].storage_root = state_storage_root(state, state_find(state, &d->key));
    }
    account_trie_free(trie);
    state_free(state);
    arena_destroy(arena);
}

bytes32 genesis_records(struct state_batch *out, const struct genesis *g)
{
    struct subroot *subroots = calloc(PARTITION_COUNT, sizeof *subroots);
    if (!subroots)
        abort();
    add_all(out, g);
    for (unsigned p = 0; p < PARTITION_COUNT; p++)
        make_subroot(&subroots[p], out, p);
    const bytes32 root = state_root_join(subroots);
    free(subroots);
    return root;
}

char *genesis_kept_text(const char *dir, size_t *len)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/genesis.json", dir);
    return whole_file(path, GENESIS_FILE_MAX, len);
}

static bool write_file(const char *dir, const char *name, const char *text, size_t len)
{
    char path[4096], temporary[4096];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    snprintf(temporary, sizeof temporary, "%s/%s.new", dir, name);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return false;
    bool good = true;
    for (size_t done = 0; good && done < len;) {
        ssize_t n = write(fd, text + done, len - done);
        good = n > 0;
        done += good ? (size_t)n : 0;
    }
    good = good && fsync(fd) == 0;
    good = close(fd) == 0 && good && rename(temporary, path) == 0;
    int folder = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    good = good && folder >= 0 && fsync(folder) == 0;
    if (folder >= 0)
        close(folder);
    return good;
}

bool genesis_keep_text(const char *json, size_t len, const char *dir, char error[STORE_ERROR_MAX])
{
    if (write_file(dir, "genesis.json", json, len))
        return true;
    snprintf(error, STORE_ERROR_MAX, "%s: the genesis could not be kept: %s", dir, strerror(errno));
    return false;
}
