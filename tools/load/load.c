#include "tools/load/load.h"

#include "tools/load/load_contracts.h"
#include "tools/load/load_fund.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define TIMEOUT_MS 30000
#define TRANSFER_GAS 21000
#define VALUE_MAX_WEI 1000000

struct load {
    struct rpc_client *rpc;
    uint64_t chain_id;
    struct load_mix mix; // the options', with the contracts' addresses
    struct load_set *set;
    struct load_track *track;
    struct load_watch *watch;
    struct load_link **links;
    uint32_t link_count;
    struct load_run *run;
};

uint64_t load_chain_id(const struct load *l)
{
    return l->chain_id;
}

const struct load_set *load_signed_set(const struct load *l)
{
    return l->set;
}

// What a sender spends at most: the items drawn for it, at the full fee cap. Draws are Poisson; six deviations up.
static u256 need_of(const struct load_options *o)
{
    const double mean = (double)o->count / o->senders;
    const uint64_t items = (uint64_t)(mean + 6 * sqrt(mean) + 8);
    const u256 fee = u256_from_u64(o->max_fee_wei);
    u256 each, need;
    bool overflow = u256_mul_u64(&each, &fee, o->mix ? load_mix_gas_max(o->mix) : TRANSFER_GAS);
    const u256 value = u256_from_u64(VALUE_MAX_WEI);
    overflow |= u256_add(&each, &each, &value);
    overflow |= u256_mul_u64(&need, &each, items);
    (void)overflow; // three 64-bit factors fit
    return need;
}

// Asks for the senders' nonces and funds them, and makes the contracts.
static bool arrange_senders(struct load *l, const struct load_options *o, const struct load_senders *senders,
                            uint64_t **nonces, char *error)
{
    *nonces = calloc(o->senders, sizeof **nonces);
    if (!*nonces)
        abort();
    const struct load_funding funding = {.chain_id = l->chain_id, .need = need_of(o), .from = o->from};
    return load_fetch_nonces(l->rpc, senders, *nonces, error) && load_fund(l->rpc, senders, &funding, error) &&
           (!o->mix || load_contracts_make(l->rpc, l->chain_id, senders, o->from, &l->mix, error));
}

static bool make_set(struct load *l, const struct load_options *o, char *error)
{
    struct load_senders *own = NULL;
    const struct load_senders *senders = o->derived;
    uint64_t *nonces = NULL;
    if (o->mix)
        l->mix = *o->mix;
    if (!senders && !o->fresh_chain)
        senders = own = load_senders_derive(o->seed, o->senders);
    bool ok = o->fresh_chain || arrange_senders(l, o, senders, &nonces, error);
    if (ok) {
        const struct load_plan plan = {.seed = o->seed,
                                       .chain_id = l->chain_id,
                                       .sender_count = o->senders,
                                       .account_count = o->accounts,
                                       .witness = o->witness,
                                       .max_fee_wei = o->max_fee_wei,
                                       .max_tip_wei = o->max_tip_wei,
                                       .first_nonce = nonces,
                                       .mix = o->mix ? &l->mix : NULL,
                                       .count = o->count};
        l->set = load_set_open(&plan, senders, o->cache_dir, error);
        ok = l->set != NULL;
    }
    load_senders_free(own);
    free(nonces);
    return ok;
}

static struct load_link *open_link(const struct load *l, const struct load_options *o, char *error)
{
    if (o->rpc_only)
        return load_link_rpc(&o->ws, error);
    uint64_t chain_id;
    struct load_link *link = load_link_ingest(o->ingest_host, o->ingest_port, &chain_id, error);
    if (link && chain_id != l->chain_id) {
        snprintf(error, LOAD_ERROR_MAX, "the ingest port is of chain %llu, the RPC port of chain %llu",
                 (unsigned long long)chain_id, (unsigned long long)l->chain_id);
        load_link_close(link);
        return NULL;
    }
    return link;
}

static bool ask_chain_id(struct load *l, const struct load_options *o, char *error)
{
    l->rpc = rpc_client_create(&o->rpc, TIMEOUT_MS);
    return rpc_call_u64(l->rpc, "eth_chainId", "[]", &l->chain_id, error);
}

static bool open_links(struct load *l, const struct load_options *o, char *error)
{
    l->watch = load_watch_start(&o->rpc, &o->ws, l->track, error);
    if (!l->watch)
        return false;
    l->links = calloc(o->connections, sizeof(struct load_link *));
    if (!l->links)
        abort();
    for (l->link_count = 0; l->link_count < o->connections; l->link_count++) {
        l->links[l->link_count] = open_link(l, o, error);
        if (!l->links[l->link_count])
            return false;
    }
    return true;
}

void load_disconnect(struct load *l)
{
    for (uint32_t i = 0; i < l->link_count; i++)
        load_link_close(l->links[i]);
    free(l->links);
    l->links = NULL;
    l->link_count = 0;
    load_watch_stop(l->watch);
    l->watch = NULL;
    rpc_client_free(l->rpc);
    l->rpc = NULL;
}

bool load_connect(struct load *l, const struct load_options *o, char error[LOAD_ERROR_MAX])
{
    if (!ask_chain_id(l, o, error) || !open_links(l, o, error))
        return false;
    load_run_reconnect(l->run, l->links, l->link_count, l->watch);
    return true;
}

struct load *load_open(const struct load_options *o, char error[LOAD_ERROR_MAX])
{
    struct load *l = calloc(1, sizeof *l);
    if (!l)
        abort();
    if (ask_chain_id(l, o, error) && make_set(l, o, error)) {
        l->track = load_track_create(l->set);
        if (open_links(l, o, error)) {
            l->run = load_run_create(l->links, l->link_count, l->track, l->watch);
            return l;
        }
    }
    load_close(l);
    return NULL;
}

void load_close(struct load *l)
{
    if (!l)
        return;
    load_run_free(l->run);
    load_disconnect(l);
    load_track_free(l->track);
    load_set_close(l->set);
    free(l);
}

// Passes the window's edges on, and notes at its end what the watcher has used.
struct window_probe {
    struct load *load;
    const struct load_phase *phase;
    uint64_t watch_cpu_ns;
};

static void at_window(void *ctx, bool begins)
{
    struct window_probe *p = ctx;
    if (!begins)
        p->watch_cpu_ns = load_watch_cpu_ns(p->load->watch) - p->watch_cpu_ns;
    if (p->phase->window)
        p->phase->window(p->phase->window_ctx, begins);
}

bool load_run(struct load *l, const struct load_phase *phase, struct load_result *out, char error[LOAD_ERROR_MAX])
{
    struct window_probe probe = {.load = l, .phase = phase, .watch_cpu_ns = load_watch_cpu_ns(l->watch)};
    struct load_phase probed = *phase;
    probed.window = at_window;
    probed.window_ctx = &probe;
    static struct load_sending sending; // large: a histogram
    const bool ok = load_run_phase(l->run, &probed, &sending, error);
    load_result_make(out, phase, &sending, l->track, l->watch, probe.watch_cpu_ns, l->rpc);
    return ok;
}

uint64_t load_included(const struct load *l, uint64_t from_ns, uint64_t to_ns)
{
    return load_watch_matched(l->watch, from_ns, to_ns);
}

// All blocks that a watch has seen, by height; the caller frees them.
static struct load_block *blocks_of(struct load_watch *w, size_t *count)
{
    const size_t cap = load_watch_blocks(w, 0, UINT64_MAX, NULL, 0);
    struct load_block *blocks = calloc(cap + 1, sizeof *blocks);
    if (!blocks)
        abort();
    const size_t now = load_watch_blocks(w, 0, UINT64_MAX, blocks, cap);
    *count = now < cap ? now : cap;
    return blocks;
}

// When the block that became visible here at here_ns did there; 0 when it did not.
static uint64_t visible_there(const struct load_block *here, size_t here_count, const struct load_block *there,
                              size_t there_count, uint64_t here_ns)
{
    size_t low = 0, high = here_count;
    while (low < high) {
        const size_t mid = (low + high) / 2;
        if (here[mid].visible_ns < here_ns)
            low = mid + 1;
        else
            high = mid;
    }
    if (low == here_count || there_count == 0 || here[low].height < there[0].height)
        return 0;
    const uint64_t at = here[low].height - there[0].height;
    return at < there_count ? there[at].visible_ns : 0;
}

void load_latency(const struct load *l, struct load_watch *elsewhere, uint64_t from_ns, uint64_t to_ns, struct hist *h)
{
    const struct load_track *t = l->track;
    size_t here_count = 0, there_count = 0;
    struct load_block *here = elsewhere ? blocks_of(l->watch, &here_count) : NULL;
    struct load_block *there = elsewhere ? blocks_of(elsewhere, &there_count) : NULL;
    for (uint32_t i = 0; i < l->set->count; i++) {
        uint64_t visible = atomic_load_explicit(&t->visible_ns[i], memory_order_relaxed);
        if (t->due_ns[i] < from_ns || t->due_ns[i] >= to_ns || visible == 0)
            continue;
        if (elsewhere)
            visible = visible_there(here, here_count, there, there_count, visible);
        if (visible != 0)
            hist_add(h, visible > t->due_ns[i] ? visible - t->due_ns[i] : 0);
    }
    free(here);
    free(there);
}
