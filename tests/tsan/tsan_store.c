// The checkpoint thread beside the threads that use it: writes and background jobs run while the coordinator asks for
// the height, shards load, and the reader of an index waits for its file.
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/store/checkpoint.h"
#include "shard/partition.h"

enum { ACCOUNTS = 2000, CHECKPOINTS = 20, JOBS = 50, LOADERS = 2 };

static const bytes32 GENESIS = {{1}};

static void check(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "tsan_store: %s\n", what);
    exit(1);
}

static void job(void *ctx)
{
    atomic_fetch_add((_Atomic int *)ctx, 1);
}

static bool visit(void *ctx, const bytes32 *key, const struct account *account, const struct account_contract *contract)
{
    (void)key, (void)contract;
    *(uint64_t *)ctx += account->nonce;
    return true;
}

// A load sees one checkpoint as a whole: all accounts have the same nonce.
static void *load(void *ctx)
{
    struct checkpoint *c = ctx;
    char error[STORE_ERROR_MAX];
    for (int i = 0; i < 10; i++) {
        uint64_t sum = 0;
        const struct checkpoint_visitor visitor = {&sum, visit, NULL};
        check(checkpoint_visit(c, 0, PARTITION_COUNT, &visitor, error), error);
        check(sum % ACCOUNTS == 0, "a load saw half a checkpoint");
    }
    return NULL;
}

static struct state_batch accounts(uint64_t nonce)
{
    struct state_batch b = {0};
    for (unsigned i = 0; i < ACCOUNTS; i++) {
        const bytes32 key = {{(uint8_t)(i / 256), (uint8_t)i}};
        state_batch_add(&b, &key, true, &(struct account){.nonce = nonce}, NULL);
    }
    return b;
}

int main(void)
{
    char dir[] = "tsan-store-XXXXXX", error[STORE_ERROR_MAX], command[64];
    uint64_t height;
    bytes32 hash;
    bool complete;
    pthread_t loaders[LOADERS];
    _Atomic int done = 0;
    int given = 0;
    check(mkdtemp(dir) != NULL, "no folder");
    struct checkpoint *c = checkpoint_open(dir, &GENESIS, &height, &hash, &complete, error);
    check(c != NULL, error);
    struct state_batch initial = accounts(1);
    check(checkpoint_write_initial(c, &initial, &GENESIS, error), error);
    state_batch_free(&initial);
    for (int i = 0; i < LOADERS; i++)
        check(pthread_create(&loaders[i], NULL, load, c) == 0, "no thread");
    for (uint64_t h = 1; h <= CHECKPOINTS; h++) {
        struct state_batch part = accounts(h + 1);
        while (!checkpoint_start(c, h, &GENESIS, &part, 1))
            usleep(100);
        for (int i = 0; i < JOBS / CHECKPOINTS; i++)
            given += checkpoint_background(c, job, (void *)&done);
        check(checkpoint_height(c) <= h && checkpoint_failed(c) == NULL, "a checkpoint failed");
    }
    for (int i = 0; i < LOADERS; i++)
        pthread_join(loaders[i], NULL);
    checkpoint_close(c);
    check(done == given, "a background job was lost");
    snprintf(command, sizeof command, "rm -r %s", dir);
    return system(command);
}
