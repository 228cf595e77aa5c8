// Sending transactions, and what waits in the pool.
#include "engine/rpc/methods.h"

#include "engine/rpc/views.h"

#include <stdlib.h>

// Transactions that txpool_content and txpool_inspect tell of at most.
#define CONTENT_MAX 10000

static void answer_submit(struct rpc_call *call, struct rpc_query *q)
{
    if (q->status != TX_OK) {
        call_fail(call, RPC_SERVER_ERROR, "%s", tx_status_text(q->status));
        return;
    }
    jw_hash(call_result(call), &q->hash);
    call_done(call);
}

void eth_send_raw_transaction(struct rpc_call *call)
{
    char error[PARAM_ERROR_MAX];
    struct rpc_query q = {.kind = RPC_SUBMIT};
    if (!param_data(call_arg(call, 0), NULL, &q.raw, &q.raw_len, error)) {
        call_invalid(call, 0, error);
        return;
    }
    enum tx_status early = q.raw_len == 0 ? TX_MALFORMED : q.raw_len > TX_RAW_MAX ? TX_TOO_LARGE : TX_OK;
    if (early != TX_OK) {
        free(q.raw);
        call_fail(call, RPC_SERVER_ERROR, "%s", tx_status_text(early));
        return;
    }
    call_ask(call, &q, answer_submit);
}

static void answer_pool_status(struct rpc_call *call, struct rpc_query *q)
{
    struct json_writer *w = call_result(call);
    jw_raw(w, "{\"pending\":");
    jw_quantity(w, q->stats.pending);
    jw_raw(w, ",\"queued\":");
    jw_quantity(w, q->stats.queued);
    jw_raw(w, "}");
    call_done(call);
}

void txpool_status(struct rpc_call *call)
{
    call_ask(call, &(struct rpc_query){.kind = RPC_POOL_STATS}, answer_pool_status);
}

// The pool's content: {"pending": {sender: {nonce: transaction}}, "queued": likewise}

struct shown {
    const struct rpc_pool_entry *entry;
    uint64_t nonce;
};

static int compare_shown(const void *a, const void *b)
{
    const struct shown *x = a, *y = b;
    int order = memcmp(x->entry->sender.b, y->entry->sender.b, sizeof x->entry->sender.b);
    return order ? order : (x->nonce > y->nonce) - (x->nonce < y->nonce);
}

typedef void (*entry_view)(struct json_writer *w, const struct rpc_pool_entry *entry);

static void view_full(struct json_writer *w, const struct rpc_pool_entry *entry)
{
    if (!view_pooled(w, bytes_of(entry->raw, entry->raw_len), &entry->hash, &entry->sender))
        jw_raw(w, "null");
}

// "0xTarget: 1 wei + 21000 gas × 2 wei", as geth.
static void view_line(struct json_writer *w, const struct rpc_pool_entry *entry)
{
    struct tx tx;
    char target[CHECKSUM_ADDRESS_MAX], value[80], price[80];
    if (tx_decode(&tx, bytes_of(entry->raw, entry->raw_len), 0) != TX_OK) {
        jw_raw(w, "null");
        return;
    }
    view_checksum_address(target, &tx.to);
    u256_to_decimal(value, &tx.value);
    u256_to_decimal(price, &tx.max_fee);
    jw_printf(w, "\"%s: %s wei + %llu gas × %s wei\"", tx.is_create ? "contract creation" : target, value,
              (unsigned long long)tx.gas_limit, price);
}

// Entries of one kind, sorted, with sender and nonce as keys.
static void write_senders(struct json_writer *w, const struct shown *list, size_t count, entry_view view)
{
    jw_raw(w, "{");
    for (size_t i = 0; i < count; i++) {
        const struct rpc_pool_entry *entry = list[i].entry;
        bool same = i > 0 && address_equal(&list[i - 1].entry->sender, &entry->sender);
        char sender[CHECKSUM_ADDRESS_MAX];
        view_checksum_address(sender, &entry->sender);
        if (same)
            jw_raw(w, ",");
        else
            jw_printf(w, "%s\"%s\":{", i > 0 ? "}," : "", sender);
        jw_printf(w, "\"%llu\":", (unsigned long long)list[i].nonce);
        view(w, entry);
    }
    jw_raw(w, count > 0 ? "}}" : "}");
}

static void write_kind(struct json_writer *w, const struct rpc_query *q, struct shown *list, bool pending,
                       entry_view view)
{
    size_t count = 0;
    for (size_t i = 0; i < q->entry_count; i++) {
        struct tx tx;
        const struct rpc_pool_entry *entry = &q->entries[i];
        if (entry->pending == pending && tx_decode(&tx, bytes_of(entry->raw, entry->raw_len), 0) == TX_OK)
            list[count++] = (struct shown){entry, tx.nonce};
    }
    qsort(list, count, sizeof *list, compare_shown);
    write_senders(w, list, count, view);
}

static void answer_content_with(struct rpc_call *call, struct rpc_query *q, entry_view view)
{
    struct shown *list = calloc(q->entry_count + 1, sizeof *list);
    if (!list) {
        call_fail(call, RPC_INTERNAL_ERROR, "out of memory");
        return;
    }
    struct json_writer *w = call_result(call);
    jw_raw(w, "{\"pending\":");
    write_kind(w, q, list, true, view);
    jw_raw(w, ",\"queued\":");
    write_kind(w, q, list, false, view);
    jw_raw(w, "}");
    free(list);
    call_done(call);
}

static void answer_content(struct rpc_call *call, struct rpc_query *q)
{
    answer_content_with(call, q, view_full);
}

static void answer_inspect(struct rpc_call *call, struct rpc_query *q)
{
    answer_content_with(call, q, view_line);
}

static void ask_content(struct rpc_call *call, void (*then)(struct rpc_call *call, struct rpc_query *q))
{
    call_ask(call, &(struct rpc_query){.kind = RPC_POOL_CONTENT, .entry_max = CONTENT_MAX}, then);
}

void txpool_content(struct rpc_call *call)
{
    ask_content(call, answer_content);
}

void txpool_inspect(struct rpc_call *call)
{
    ask_content(call, answer_inspect);
}

// One sender's: {"pending": {nonce: transaction}, "queued": likewise}.
static void write_own(struct json_writer *w, const struct rpc_query *q, const address *sender, bool pending)
{
    bool first = true;
    jw_raw(w, "{");
    for (size_t i = 0; i < q->entry_count; i++) {
        const struct rpc_pool_entry *entry = &q->entries[i];
        struct tx tx;
        if (entry->pending != pending || !address_equal(&entry->sender, sender) ||
            tx_decode(&tx, bytes_of(entry->raw, entry->raw_len), 0) != TX_OK)
            continue;
        jw_printf(w, "%s\"%llu\":", first ? "" : ",", (unsigned long long)tx.nonce);
        view_full(w, entry);
        first = false;
    }
    jw_raw(w, "}");
}

static void answer_content_from(struct rpc_call *call, struct rpc_query *q)
{
    struct json_writer *w = call_result(call);
    jw_raw(w, "{\"pending\":");
    write_own(w, q, &call->sender, true);
    jw_raw(w, ",\"queued\":");
    write_own(w, q, &call->sender, false);
    jw_raw(w, "}");
    call_done(call);
}

void txpool_content_from(struct rpc_call *call)
{
    if (arg_address(call, 0, &call->sender))
        ask_content(call, answer_content_from);
}
