#include "tools/observe/profile.h"

#include <stdio.h>
#include <stdlib.h>

void profile_init(struct profile *p)
{
    *p = (struct profile){.node.cycles_per_ns = 1};
    call_tree_init(&p->addresses);
    call_tree_init(&p->functions);
}

void profile_free(struct profile *p)
{
    symbols_free(p->symbols);
    call_tree_free(&p->addresses);
    call_tree_free(&p->functions);
}

const char *profile_stage_name(unsigned stage)
{
    return stage < STAGE_COUNT ? stage_names[stage] : "other";
}

uint64_t profile_transactions(const struct profile *p)
{
    return p->transactions[1] - p->transactions[0];
}

double profile_counted_ns(const struct profile *p, size_t thread, unsigned stage)
{
    const struct profile_thread *t = &p->threads[thread];
    return t->has[0] && t->has[1]
               ? (double)(t->edge[1].stages[stage] - t->edge[0].stages[stage]) / p->node.cycles_per_ns
               : 0;
}

uint64_t profile_cpu_ns(const struct profile *p, size_t thread)
{
    const struct profile_thread *t = &p->threads[thread];
    return t->has[0] && t->has[1] ? t->edge[1].cpu_ns - t->edge[0].cpu_ns : 0;
}

// ---- the trees

// Keys of addresses, below a thread's number and a stage.
#define INNERMOST (1ull << 63)
#define IN_KERNEL UINT64_MAX

static const char kernel_name[] = "[kernel]", root_name[] = "all";

// addresses: innermost first.
static uint32_t place(struct profile *p, size_t thread, unsigned stage, const uint64_t *addresses, unsigned depth,
                      bool in_kernel)
{
    uint32_t at = call_tree_child(&p->addresses, 0, thread);
    at = at ? call_tree_child(&p->addresses, at, stage) : 0;
    for (unsigned i = depth; i-- > 0 && at;)
        at = call_tree_child(&p->addresses, at, addresses[i] | (i == 0 ? INNERMOST : 0));
    return at && in_kernel ? call_tree_child(&p->addresses, at, IN_KERNEL) : at;
}

static void add_sample(struct profile *p, size_t thread, uint64_t head, const uint64_t *addresses)
{
    const uint64_t ns = ADMIN_SAMPLE_CPU_NS(head);
    unsigned stage = ADMIN_SAMPLE_STAGE(head) < STAGE_COUNT ? ADMIN_SAMPLE_STAGE(head) : STAGE_COUNT;
    if (stage == STAGE_IDLE) // on a processor, so not asleep: the kernel at its sockets, as the counters have it
        stage = STAGE_RECEIVE;
    const bool in_kernel = ADMIN_SAMPLE_IN_KERNEL(head);
    struct profile_thread *t = &p->threads[thread];
    p->samples++;
    t->sampled_ns[stage] += ns;
    t->kernel_ns += in_kernel ? ns : 0;
    const uint32_t at = place(p, thread, stage, addresses, ADMIN_SAMPLE_DEPTH(head), in_kernel);
    if (at)
        p->addresses.nodes[at].self_ns += ns;
    else
        p->dropped++;
}

static uint32_t named_child(struct profile *p, uint32_t parent, const char *name)
{
    return call_tree_child(&p->functions, parent, (uintptr_t)name);
}

// The functions of an address, the outer ones first: where they stand in the tree of names.
static uint32_t name_address(struct profile *p, uint32_t parent, uint64_t key)
{
    const char *names[SYMBOL_INLINE_MAX];
    size_t n = p->symbols ? symbols_find(p->symbols, key & ~INNERMOST, !(key & INNERMOST), names) : 0;
    uint32_t at = parent;
    while (n-- > 0 && at)
        at = named_child(p, at, names[n]);
    return at;
}

// The tree of addresses again, by names: addresses of one function become one.
static void name_all(struct profile *p)
{
    const struct call_tree *from = &p->addresses;
    uint32_t *named = calloc(from->count, sizeof *named);
    if (!named)
        abort();
    p->functions.nodes[0].key = (uintptr_t)root_name;
    for (size_t i = 1; i < from->count; i++) {
        const struct call_node *n = &from->nodes[i];
        const uint32_t parent = named[n->parent];
        if (n->parent == 0)
            named[i] = named_child(p, 0, p->node.threads[n->key].name);
        else if (from->nodes[n->parent].parent == 0)
            named[i] = named_child(p, parent, profile_stage_name((unsigned)n->key));
        else if (n->key == IN_KERNEL)
            named[i] = named_child(p, parent, kernel_name);
        else
            named[i] = name_address(p, parent, n->key);
        p->functions.nodes[named[i]].self_ns += n->self_ns;
    }
    free(named);
    call_tree_add_up(&p->functions);
}

// ---- frames

static bool refuse(char error[OBSERVE_ERROR_MAX], const char *what)
{
    snprintf(error, OBSERVE_ERROR_MAX, "the node's answer is malformed: %s", what);
    return false;
}

static bool take_samples(struct profile *p, size_t thread, const uint8_t *bytes, size_t len,
                         char error[OBSERVE_ERROR_MAX])
{
    uint64_t head, addresses[256];
    if (thread >= p->node.thread_count)
        return refuse(error, "samples of no thread");
    for (size_t at = 0; at < len;) {
        if (len - at < sizeof head)
            return refuse(error, "a sample is cut off");
        memcpy(&head, bytes + at, sizeof head);
        at += sizeof head;
        const size_t size = ADMIN_SAMPLE_DEPTH(head) * sizeof addresses[0];
        if (len - at < size)
            return refuse(error, "a sample is cut off");
        memcpy(addresses, bytes + at, size);
        at += size;
        add_sample(p, thread, head, addresses);
    }
    return true;
}

static bool take_account(struct profile *p, size_t thread, const uint8_t *bytes, size_t len,
                         char error[OBSERVE_ERROR_MAX])
{
    if (thread >= p->node.thread_count || len != sizeof(struct admin_account))
        return refuse(error, "an account");
    memcpy(&p->threads[thread].edge[p->ended], bytes, len);
    p->threads[thread].has[p->ended] = true;
    return true;
}

static void take_number(uint64_t *out, struct bytes facts, const char *key)
{
    char text[32];
    if (observe_fact(text, sizeof text, facts, key))
        *out = strtoull(text, NULL, 10);
}

// The node's counts close the accounts of their time.
static void take_facts(struct profile *p, struct bytes facts)
{
    char text[32];
    (void)!observe_fact(p->source, sizeof p->source, facts, "source");
    if (!observe_fact(text, sizeof text, facts, "process_cpu_ns"))
        return;
    take_number(&p->transactions[p->ended], facts, "transactions");
    take_number(&p->process_cpu_ns[p->ended], facts, "process_cpu_ns");
    take_number(&p->time_ns[p->ended], facts, "time_ns");
    p->ended = true;
}

bool profile_take(struct profile *p, const struct admin_frame *frame, const uint8_t *payload,
                  char error[OBSERVE_ERROR_MAX])
{
    if (!observe_node_take(&p->node, frame, payload, error))
        return false;
    if (!p->symbols && p->node.pid != 0 && frame->kind == ADMIN_FACTS)
        p->symbols = symbols_open((pid_t)p->node.pid);
    switch (frame->kind) {
    case ADMIN_FACTS:
        take_facts(p, bytes_of(payload, frame->bytes));
        break;
    case ADMIN_SAMPLES:
        return take_samples(p, frame->thread, payload, frame->bytes, error);
    case ADMIN_ACCOUNT:
        return take_account(p, frame->thread, payload, frame->bytes, error);
    case ADMIN_END:
        name_all(p);
        break;
    default:
        break;
    }
    return true;
}
