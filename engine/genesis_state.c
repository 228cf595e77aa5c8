#include "engine/genesis_state.h"

#include "base/keccak.h"
#include "shard/partition.h"
#include "shard/trie/account_trie.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define KEY_BATCH 64

static int compare_keys(const void *a, const void *b)
{
    const struct state_dirty *x = a, *y = b;
    return memcmp(x->key.b, y->key.b, sizeof x->key.b);
}

struct state_dirty *genesis_records(const struct genesis *g)
{
    struct state_dirty *records = malloc((g->account_count + 1) * sizeof *records);
    if (!records)
        abort();
    for (size_t i = 0; i < g->account_count; i += KEY_BATCH) {
        struct bytes messages[KEY_BATCH];
        bytes32 keys[KEY_BATCH];
        size_t n = g->account_count - i < KEY_BATCH ? g->account_count - i : KEY_BATCH;
        for (size_t j = 0; j < n; j++)
            messages[j] = bytes_of(g->accounts[i + j].addr.b, sizeof g->accounts[i + j].addr.b);
        keccak256_batch(keys, messages, n);
        for (size_t j = 0; j < n; j++) {
            const struct genesis_account *a = &g->accounts[i + j];
            records[i + j] = (struct state_dirty){keys[j], true, {a->nonce, a->balance}};
        }
    }
    qsort(records, g->account_count, sizeof *records, compare_keys);
    return records;
}

bytes32 genesis_state_root(const struct state_dirty *records, size_t count)
{
    static const size_t one = 1;
    struct subroot *subroots = calloc(PARTITION_COUNT, sizeof *subroots);
    if (!subroots)
        abort();
    size_t at = 0;
    for (unsigned p = 0; p < PARTITION_COUNT; p++) {
        size_t first = at;
        while (at < count && partition_of_key(&records[at].key) == p)
            at++;
        struct arena *arena = arena_create();
        struct state *state = state_create(arena);
        struct account_trie *trie = account_trie_create(arena, state);
        state_load_begin(state, at - first);
        for (size_t i = first; i < at; i++)
            state_load(state, &records[i].key, &records[i].account);
        state_load_end(state);
        account_trie_rebuild(&trie, one);
        account_trie_subroot(trie, &subroots[p]);
        account_trie_free(trie);
        state_free(state);
        arena_destroy(arena);
    }
    bytes32 root = state_root_join(subroots);
    free(subroots);
    return root;
}

char *genesis_kept_text(const char *dir, size_t *len)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/genesis.json", dir);
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    char *text = NULL;
    if (fseek(f, 0, SEEK_END) == 0) {
        long size = ftell(f);
        rewind(f);
        text = size >= 0 ? malloc((size_t)size + 1) : NULL;
        if (text && fread(text, 1, (size_t)size, f) == (size_t)size) {
            text[size] = 0;
            *len = (size_t)size;
        } else {
            free(text);
            text = NULL;
        }
    }
    fclose(f);
    return text;
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
