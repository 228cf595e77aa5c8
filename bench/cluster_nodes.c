#include "bench/cluster_nodes.h"

#include "base/clock.h"
#include "base/remove_tree.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CONNECT_TIMEOUT_NS 30000000000ull
#define CALL_TIMEOUT_MS 5000
// Those that a fault hit are where the others are when they trail by at most so many blocks.
#define CAUGHT_UP_BLOCKS 2

static bool fail(const char *text)
{
    fprintf(stderr, "bench cluster: %s\n", text);
    return false;
}

// ---- making them

static bool set(struct cluster_nodes *c, const char *name, const char *value)
{
    char error[CONFIG_ERROR_MAX];
    return config_set(INIT_KEYS, INIT_KEY_COUNT, &c->init, name, value, error) || fail(error);
}

static bool make(struct cluster_nodes *c, const struct cluster_plan *plan)
{
    char template[128], out[128], error[INIT_ERROR_MAX];
    snprintf(c->folder, sizeof c->folder, "/var/tmp/gantry-bench-XXXXXX");
    if (!mkdtemp(c->folder))
        return fail(strerror(errno));
    snprintf(template, sizeof template, "%s/template.json", c->folder);
    snprintf(out, sizeof out, "%s/cluster", c->folder);
    if (!node_write_genesis(template, plan->senders, plan->accounts, NULL))
        return false;
    c->init.validators = plan->validators;
    c->init.shards = plan->shards;
    return set(c, "out", out) && set(c, "genesis", template) && set(c, "rpc-port", "18545") &&
           set(c, "ingest-port", "18550") && set(c, "p2p-port", "18551") &&
           (init_cluster(&c->init, error) || fail(error));
}

// ---- leading their connections through the relay

static char *read_file(const char *path)
{
    char *text = calloc(1, 65536);
    FILE *file = fopen(path, "re");
    if (!text || !file || fread(text, 1, 65535, file) == 0) {
        free(text);
        text = NULL;
    }
    if (file)
        fclose(file);
    return text;
}

// Validator i's peers, at the relay's ports.
static bool redirect(const struct cluster_nodes *c, unsigned i)
{
    char folder[256], path[300], *text, *at;
    init_folder(folder, sizeof folder, &c->init, i);
    snprintf(path, sizeof path, "%s/node.conf", folder);
    text = at = read_file(path);
    FILE *out = text ? fopen(path, "we") : NULL;
    for (unsigned j = 0; out && j < c->count; j++) {
        char name[64];
        snprintf(name, sizeof name, "validator-%u@127.0.0.1:", j);
        char *found = strstr(at, name);
        if (i == j || !found)
            continue;
        found += strlen(name);
        fprintf(out, "%.*s%u", (int)(found - at), at, relay_port(c->relay, i, j));
        strtoul(found, &at, 10);
    }
    if (out)
        fputs(at, out);
    const bool good = out && fclose(out) == 0;
    free(text);
    return good || fail(strerror(errno));
}

static bool relay(struct cluster_nodes *c)
{
    uint16_t ports[CLUSTER_NODES_MAX];
    bool good = true;
    for (unsigned i = 0; i < c->count; i++)
        ports[i] = (uint16_t)(c->init.p2p_port + INIT_PORT_STEP * i);
    c->relay = relay_start(c->count, ports);
    if (!c->relay)
        return fail(strerror(errno));
    for (unsigned i = 0; good && i < c->count; i++)
        good = redirect(c, i);
    return good;
}

// ---- running them

static bool start_one(struct cluster_nodes *c, unsigned i)
{
    char folder[256];
    init_folder(folder, sizeof folder, &c->init, i);
    const uint16_t step = (uint16_t)(INIT_PORT_STEP * i);
    return node_process_start_in(&c->nodes[i], folder, (uint16_t)(c->init.rpc_port + step),
                                 (uint16_t)(c->init.ingest_port + step));
}

static bool ask(const struct node_process *p, const char *method, uint64_t *out)
{
    const struct rpc_url url = {.host = "127.0.0.1", .port = p->rpc_port, .path = "/"};
    struct rpc_client *rpc = rpc_client_create(&url, CALL_TIMEOUT_MS);
    char error[RPC_ERROR_MAX];
    const bool good = rpc_call_u64(rpc, method, "[]", out, error);
    rpc_client_free(rpc);
    return good;
}

bool cluster_nodes_start(struct cluster_nodes *c, const struct cluster_plan *plan)
{
    c->count = plan->validators;
    config_defaults(INIT_KEYS, INIT_KEY_COUNT, &c->init);
    if (!make(c, plan) || (plan->relayed && !relay(c)))
        return false;
    for (unsigned i = 0; i < c->count; i++) {
        if (!start_one(c, i))
            return false;
    }
    const uint64_t deadline = clock_ns() + CONNECT_TIMEOUT_NS;
    for (unsigned i = 0; i < c->count; i++) {
        uint64_t peers = 0;
        while (!ask(&c->nodes[i], "net_peerCount", &peers) || peers + 1 < c->count) {
            if (clock_ns() > deadline)
                return fail("the validators did not connect to one another");
            usleep(10000);
        }
    }
    return true;
}

bool cluster_nodes_stop(struct cluster_nodes *c, bool remove)
{
    bool good = true;
    for (unsigned i = 0; i < c->count; i++)
        good &= node_process_stop(&c->nodes[i]) || fail("a validator did not end well");
    relay_stop(c->relay);
    if (c->folder[0] != '\0' && good && remove)
        remove_tree(c->folder);
    config_free(INIT_KEYS, INIT_KEY_COUNT, &c->init);
    return good;
}

uint64_t cluster_nodes_cpu_ns(const struct cluster_nodes *c)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < c->count; i++)
        sum += node_process_cpu_ns(&c->nodes[i]);
    return sum;
}

// ---- faults

static void begin_fault(void *ctx, const struct fault *f)
{
    struct cluster_nodes *c = ctx;
    if (f->kind == FAULT_PARTITION)
        relay_cut(c->relay, f->who);
    for (unsigned i = 0; i < c->count && f->kind != FAULT_PARTITION; i++) {
        if (((f->who >> i) & 1) == 0)
            continue;
        if (f->kind == FAULT_KILL)
            node_process_kill(&c->nodes[i]);
        else
            kill(c->nodes[i].pid, SIGSTOP);
    }
}

static void end_fault(void *ctx, const struct fault *f)
{
    struct cluster_nodes *c = ctx;
    if (f->kind == FAULT_PARTITION)
        relay_cut(c->relay, 0);
    for (unsigned i = 0; i < c->count && f->kind != FAULT_PARTITION; i++) {
        if (((f->who >> i) & 1) == 0)
            continue;
        if (f->kind == FAULT_KILL)
            (void)!start_one(c, i); // says why not, and never catches up
        else
            kill(c->nodes[i].pid, SIGCONT);
    }
}

static bool caught_up(void *ctx, const struct fault *f)
{
    const struct cluster_nodes *c = ctx;
    uint64_t head, there;
    if (!ask(&c->nodes[0], "eth_blockNumber", &head))
        return false;
    for (unsigned i = 0; i < c->count; i++) {
        if (((f->who >> i) & 1) && (!ask(&c->nodes[i], "eth_blockNumber", &there) || there + CAUGHT_UP_BLOCKS < head))
            return false;
    }
    return true;
}

const struct fault_hooks CLUSTER_FAULT_HOOKS = {begin_fault, end_fault, caught_up, NULL};
