#include "engine/rpc/log_filter.h"

#include "engine/store/record.h"

#include <stdio.h>
#include <stdlib.h>

static bool fail(char error[PARAM_ERROR_MAX], const char *text)
{
    snprintf(error, PARAM_ERROR_MAX, "%s", text);
    return false;
}

static struct bytes item_of(unsigned kind, const bytes32 *value)
{
    return kind == 0 ? bytes_of(value->b + 12, 20) : bytes_of(value->b, 32);
}

static bool read_value(unsigned kind, const struct jv *v, bytes32 *out, char error[PARAM_ERROR_MAX])
{
    if (kind > 0)
        return param_hash(v, NULL, out, error);
    address a;
    if (!param_address(v, NULL, &a, error))
        return false;
    memset(out, 0, sizeof *out);
    memcpy(out->b + 12, a.b, sizeof a.b);
    return true;
}

static bool has_null(const struct jv *list)
{
    for (size_t i = 0; i < jv_count(list); i++) {
        if (jv_kind(jv_at(list, i)) == JV_NULL)
            return true;
    }
    return false;
}

// One value or a list of them. null, also inside the list, means any.
static bool read_kind(struct log_filter *f, unsigned kind, const struct jv *v, char error[PARAM_ERROR_MAX])
{
    struct log_alternatives *a = &f->kinds[kind];
    const bool is_list = jv_kind(v) == JV_ARRAY;
    if (jv_kind(v) == JV_NULL || (is_list && kind > 0 && has_null(v)))
        return true;
    if (!is_list && jv_kind(v) != JV_STRING)
        return fail(error, kind == 0 ? "invalid addresses in query" : "invalid topic(s)");
    const size_t count = is_list ? jv_count(v) : 1;
    if (count > LOG_ALTERNATIVES_MAX)
        return fail(error, kind == 0 ? "exceed max addresses" : "exceed max topics");
    a->values = malloc((count + 1) * sizeof *a->values);
    a->bits = malloc((count + 1) * sizeof *a->bits);
    if (!a->values || !a->bits)
        return fail(error, "out of memory");
    for (; a->count < count; a->count++) {
        bytes32 *value = &a->values[a->count];
        if (!read_value(kind, is_list ? jv_at(v, a->count) : v, value, error))
            return false;
        a->bits[a->count] = bloom_bits_of(item_of(kind, value));
    }
    return true;
}

static bool read_range(struct log_filter *f, const struct jv *v, char error[PARAM_ERROR_MAX])
{
    const struct jv *hash = jv_get(v, "blockHash"), *from = jv_get(v, "fromBlock"), *to = jv_get(v, "toBlock");
    f->has_from = jv_kind(from) != JV_NULL;
    f->has_to = jv_kind(to) != JV_NULL;
    f->by_hash = jv_kind(hash) != JV_NULL;
    f->from = f->to = (struct block_ref){.kind = BLOCK_REF_LATEST};
    if (f->by_hash && (f->has_from || f->has_to))
        return fail(error, "cannot specify both BlockHash and FromBlock/ToBlock, choose one or the other");
    if (f->by_hash)
        return param_hash(hash, "input.blockHash", &f->hash, error);
    return (!f->has_from || param_block_number(from, &f->from, error)) &&
           (!f->has_to || param_block_number(to, &f->to, error));
}

static bool read_topics(struct log_filter *f, const struct jv *v, char error[PARAM_ERROR_MAX])
{
    if (jv_kind(v) == JV_NULL)
        return true;
    if (jv_kind(v) != JV_ARRAY)
        return fail(error, "invalid topic(s)");
    if (jv_count(v) > LOG_TOPICS_MAX)
        return fail(error, "exceed max topics");
    f->topic_count = (unsigned)jv_count(v);
    for (unsigned i = 0; i < f->topic_count; i++) {
        if (!read_kind(f, 1 + i, jv_at(v, i), error))
            return false;
    }
    return true;
}

struct log_filter *log_filter_read(const struct jv *v, char error[PARAM_ERROR_MAX])
{
    struct log_filter *f = calloc(1, sizeof *f);
    if (!f) {
        fail(error, "out of memory");
        return NULL;
    }
    f->users = 1;
    if ((jv_kind(v) == JV_OBJECT || fail(error, "the filter is not an object")) && read_range(f, v, error) &&
        read_kind(f, 0, jv_get(v, "address"), error) && read_topics(f, jv_get(v, "topics"), error))
        return f;
    log_filter_release(f);
    return NULL;
}

struct log_filter *log_filter_share(struct log_filter *f)
{
    f->users++;
    return f;
}

void log_filter_release(struct log_filter *f)
{
    if (!f || --f->users > 0)
        return;
    for (size_t i = 0; i < sizeof f->kinds / sizeof *f->kinds; i++) {
        free(f->kinds[i].values);
        free(f->kinds[i].bits);
    }
    free(f);
}

size_t log_filter_cost(const struct log_filter *f)
{
    size_t sum = 0;
    for (size_t i = 0; i < sizeof f->kinds / sizeof *f->kinds; i++)
        sum += f->kinds[i].count;
    return sum;
}

static bool kind_may_match(const struct log_alternatives *a, const bloom *b)
{
    for (size_t i = 0; i < a->count; i++) {
        if (bloom_may_hold(b, &a->bits[i]))
            return true;
    }
    return a->count == 0;
}

bool log_filter_may_match(const struct log_filter *f, const bloom *b)
{
    if (bloom_is_zero(b))
        return false;
    for (unsigned i = 0; i <= f->topic_count; i++) {
        if (!kind_may_match(&f->kinds[i], b))
            return false;
    }
    return true;
}

static bool kind_matches(const struct log_filter *f, unsigned kind, struct bytes item)
{
    const struct log_alternatives *a = &f->kinds[kind];
    for (size_t i = 0; i < a->count; i++) {
        if (bytes_equal(item_of(kind, &a->values[i]), item))
            return true;
    }
    return a->count == 0;
}

bool log_filter_matches(const struct log_filter *f, const struct log_view *log)
{
    if (log->topic_count < f->topic_count || !kind_matches(f, 0, bytes_of(log->who.b, sizeof log->who.b)))
        return false;
    for (unsigned i = 0; i < f->topic_count; i++) {
        if (!kind_matches(f, 1 + i, bytes_of(log->topics[i].b, sizeof log->topics[i].b)))
            return false;
    }
    return true;
}

void log_filter_walk(const struct log_filter *f, const struct record *r,
                     bool (*visit)(void *ctx, const struct log_place *at, const struct log_view *log), void *ctx)
{
    uint32_t log_index = 0;
    for (uint32_t i = 0; i < r->tx_count; i++) {
        struct record_tx t;
        struct log_view log;
        record_tx_at(r, i, &t);
        struct bytes rest = logs_begin(t.logs);
        for (; log_next(&rest, &log); log_index++) {
            const struct log_place at = {r, &t.hash, i, log_index};
            if (log_filter_matches(f, &log) && !visit(ctx, &at, &log))
                return;
        }
    }
}
