#include "chain/genesis.h"
#include "tools/load/load_set.h"
#include "tools/load/parallel.h"

#include <stdlib.h>

#define CHUNK 256

static void derive(void *ctx, uint64_t first, uint64_t end)
{
    struct load_senders *s = ctx;
    for (uint64_t i = first; i < end; i++) {
        s->secret[i] = bench_key(s->seed, i);
        if (!sv_public_key(s->pubkey[i], &s->secret[i]))
            abort(); // no hash gives an invalid key in practice
        s->addr[i] = sv_address(s->pubkey[i]);
    }
}

struct load_senders *load_senders_derive(uint64_t seed, uint32_t count)
{
    struct load_senders *s = malloc(sizeof *s);
    if (!s)
        abort();
    *s = (struct load_senders){.seed = seed, .count = count};
    s->secret = malloc(count * sizeof *s->secret);
    s->pubkey = malloc(count * sizeof *s->pubkey);
    s->addr = malloc(count * sizeof *s->addr);
    if (!s->secret || !s->pubkey || !s->addr)
        abort();
    parallel_for(count, CHUNK, "deriving senders", derive, s);
    return s;
}

void load_senders_free(struct load_senders *s)
{
    if (!s)
        return;
    free(s->secret);
    free(s->pubkey);
    free(s->addr);
    free(s);
}
