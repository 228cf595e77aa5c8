#include "sigverify/lanes/msm.h"

#include <assert.h>
#include <stdlib.h>

enum {
    NUMBER_BITS = 128,
    WIDTH_MIN = 3,
    WIDTH_MAX = 11,
    WINDOWS_MAX = (NUMBER_BITS + WIDTH_MIN - 1) / WIDTH_MIN,
    // A group of windows is summed together. Its digits in all, and its buckets in all, stay below these (if it is more
    // than one window).
    GROUP_DIGITS = 8192,
    GROUP_BUCKETS = 4096,
};

// A sum to be made: references one behind the other.
struct list {
    uint32_t start, len;
};

struct window {
    unsigned shift, width;
    uint32_t buckets;   // digits have magnitudes 0..buckets
    struct list *lists; // one a magnitude, 0 left empty
};

// The numbers plus the same constant, so that a window's digit does not depend on those below it.
struct shifted {
    uint64_t lo, hi;
    point_ref ref; // the point, negated as the number is
};

struct msm {
    const struct point_kernels *kernels;
    void *state;
    uint32_t points_max, refs_max, lists_max, pool_max;
    point_pool *pool;
    struct shifted *numbers;
    point_ref *refs;
    struct list *lists, *active;
    point_ref *level; // the sums of a level of weighting, window after window
    struct point_pair *pairs;
    uint32_t *places, *equal; // of a round's pairs: where its sum's reference goes; those with equal x
    uint32_t pool_used, refs_used, lists_used, active_count;
    bool has_none;                             // lists may hold POINT_NONE
    struct affine_point sums[NUMBER_BITS + 1]; // one a bit position
    bool has_sum[NUMBER_BITS + 1];
};

unsigned msm_width(size_t count)
{
    unsigned best = WIDTH_MIN;
    size_t best_cost = SIZE_MAX;
    for (unsigned width = WIDTH_MIN; width <= WIDTH_MAX; width++) {
        const size_t windows = (NUMBER_BITS + width - 1) / width;
        // Additions into buckets and out of them; a round's inversion costs about as much as 30 of them.
        const size_t cost = windows * (count + (UINT64_C(1) << width)) + (size_t)width * 30;
        if (cost < best_cost) {
            best_cost = cost;
            best = width;
        }
    }
    return best;
}

static void *array(size_t count, size_t size)
{
    const size_t bytes = (count * size + 63) / 64 * 64;
    return aligned_alloc(64, bytes);
}

_Static_assert(GROUP_BUCKETS >= (2 << WIDTH_MAX), "a group holds any one window");

struct msm *msm_create(const struct point_kernels *kernels, uint32_t points_max)
{
    struct msm *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    const uint32_t digits_max = points_max > GROUP_DIGITS ? points_max : GROUP_DIGITS;
    m->kernels = kernels;
    m->state = kernels->create();
    m->points_max = points_max;
    // Weighting a level takes two references a pair and one an odd digit, and the levels halve.
    m->refs_max = digits_max + 4 * GROUP_BUCKETS;
    m->lists_max = 2 * GROUP_BUCKETS + WINDOWS_MAX;
    m->pool_max = points_max + digits_max + 2 * GROUP_BUCKETS;
    m->pool = array(m->pool_max, kernels->point_bytes);
    m->numbers = array(points_max, sizeof *m->numbers);
    m->refs = array(m->refs_max, sizeof *m->refs);
    m->lists = array(m->lists_max, sizeof *m->lists);
    m->active = array(m->lists_max, sizeof *m->active);
    m->level = array(m->lists_max, sizeof *m->level);
    m->pairs = array(digits_max, sizeof *m->pairs);
    m->places = array(digits_max, sizeof *m->places);
    m->equal = array(digits_max, sizeof *m->equal);
    if (m->state && m->pool && m->numbers && m->refs && m->lists && m->active && m->level && m->pairs && m->places &&
        m->equal)
        return m;
    msm_free(m);
    return NULL;
}

void msm_free(struct msm *m)
{
    if (!m)
        return;
    if (m->state)
        m->kernels->destroy(m->state);
    free(m->pool);
    free(m->numbers);
    free(m->refs);
    free(m->lists);
    free(m->active);
    free(m->level);
    free(m->pairs);
    free(m->places);
    free(m->equal);
    free(m);
}

point_pool *msm_pool(struct msm *m)
{
    return m->pool;
}

void *msm_kernels_state(struct msm *m)
{
    return m->state;
}

// --- Rounds: every active list becomes half as long.

// The lanes add points of different x. Equal points are doubled here, opposite ones cancel.
static void add_equal(struct msm *m, uint32_t pair)
{
    const point_ref refs[2] = {m->pairs[pair].a, m->pairs[pair].b};
    struct affine_point points[2];
    m->kernels->get(points, m->pool, refs, 2);
    if (!field_equal(&points[0].y, &points[1].y)) {
        m->refs[m->places[pair]] = POINT_NONE;
        m->has_none = true;
        return;
    }
    const struct affine_point sum = point_double_affine(&points[0]);
    m->kernels->put(m->pool, m->pool_used + pair, &sum);
}

static uint32_t without_none(point_ref *refs, uint32_t len)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < len; i++) {
        if (refs[i] != POINT_NONE)
            refs[kept++] = refs[i];
    }
    if (kept == 0)
        refs[0] = POINT_NONE;
    return kept;
}

static void halve_lists(struct msm *m)
{
    uint32_t count = 0, kept = 0;
    for (uint32_t i = 0; i < m->active_count; i++) {
        struct list list = m->active[i];
        point_ref *refs = &m->refs[list.start];
        if (m->has_none)
            list.len = without_none(refs, list.len);
        const uint32_t half = list.len / 2;
        for (uint32_t j = 0; j < half; j++) {
            m->pairs[count] = (struct point_pair){refs[2 * j], refs[2 * j + 1]};
            m->places[count] = list.start + j;
            refs[j] = (m->pool_used + count++) << 1;
        }
        if (list.len % 2)
            refs[half] = refs[list.len - 1];
        list.len -= half;
        if (list.len > 1)
            m->active[kept++] = list;
    }
    m->active_count = kept;
    assert(m->pool_used + count <= m->pool_max);
    const size_t equal = m->kernels->add_pairs(m->state, m->pool, m->pool_used, m->pairs, count, m->equal);
    for (size_t i = 0; i < equal; i++)
        add_equal(m, m->equal[i]);
    m->pool_used += count;
}

static void activate(struct msm *m, struct list list)
{
    if (list.len > 1)
        m->active[m->active_count++] = list;
}

// --- A group of windows.

static int32_t digit_of(const struct shifted *number, const struct window *w)
{
    const uint64_t bits = w->shift >= 64  ? number->hi >> (w->shift - 64)
                          : w->shift == 0 ? number->lo
                                          : number->lo >> w->shift | number->hi << (64 - w->shift);
    const uint32_t raw = (uint32_t)(bits & ((UINT64_C(1) << w->width) - 1));
    // The top window has no offset: what the others lend ends there.
    return w->shift + w->width >= NUMBER_BITS ? (int32_t)raw : (int32_t)raw - (1 << (w->width - 1));
}

static void sort_by_digit(struct msm *m, const struct window *w, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const int32_t digit = digit_of(&m->numbers[i], w);
        w->lists[abs(digit)].len++;
    }
    w->lists[0].len = 0;
    for (uint32_t b = 1; b <= w->buckets; b++) {
        w->lists[b].start = m->refs_used;
        m->refs_used += w->lists[b].len;
        w->lists[b].len = 0;
    }
    for (size_t i = 0; i < count; i++) {
        const int32_t digit = digit_of(&m->numbers[i], w);
        struct list *list = &w->lists[abs(digit)];
        if (digit != 0)
            m->refs[list->start + list->len++] = m->numbers[i].ref ^ (digit < 0);
    }
}

// One round of lists at places of the reader's own: a pair takes two references, its sum is at the first.
struct weighting {
    uint32_t len;                // of the level: weights 0..len - 1
    uint32_t level;              // where it begins in m->level
    uint32_t slots;              // where the next one's pairs are
    unsigned levels;             // so far
    uint32_t odd[WIDTH_MAX + 1]; // per level, where the sum of the odd ones will be
};

static void begin_level(struct msm *m, struct weighting *g)
{
    const point_ref *level = &m->level[g->level];
    struct list odd = {m->refs_used, 0};
    for (uint32_t j = 1; j < g->len; j += 2) {
        if (level[j] != POINT_NONE)
            m->refs[odd.start + odd.len++] = level[j];
    }
    if (odd.len == 0)
        m->refs[odd.start] = POINT_NONE;
    m->refs_used += odd.len ? odd.len : 1;
    g->odd[g->levels++] = odd.start;
    activate(m, odd);
    const uint32_t next = (g->len + 1) / 2;
    g->slots = m->refs_used;
    m->refs_used += 2 * next;
    for (uint32_t j = 1; j < next; j++) {
        point_ref *slot = &m->refs[g->slots + 2 * j];
        slot[0] = level[2 * j];
        slot[1] = 2 * j + 1 < g->len ? level[2 * j + 1] : POINT_NONE;
        if (slot[0] == POINT_NONE)
            slot[0] = slot[1];
        else if (slot[1] != POINT_NONE)
            activate(m, (struct list){g->slots + 2 * j, 2});
    }
}

static void end_level(struct msm *m, struct weighting *g)
{
    g->len = (g->len + 1) / 2;
    for (uint32_t j = 1; j < g->len; j++)
        m->level[g->level + j] = m->refs[g->slots + 2 * j];
}

// What the weighting has left, in plain coordinates.
static void take_sums(struct msm *m, const struct window *windows, const struct weighting *g, size_t count)
{
    point_ref refs[NUMBER_BITS];
    struct affine_point points[NUMBER_BITS];
    uint8_t positions[NUMBER_BITS] = {0};
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        for (unsigned bit = 0; bit < g[i].levels; bit++) {
            const point_ref ref = m->refs[g[i].odd[bit]];
            if (ref == POINT_NONE)
                continue;
            refs[found] = ref;
            positions[found++] = (uint8_t)(windows[i].shift + bit);
        }
    }
    m->kernels->get(points, m->pool, refs, found);
    for (size_t i = 0; i < found; i++) {
        m->sums[positions[i]] = points[i];
        m->has_sum[positions[i]] = true;
    }
}

// From the buckets' sums to one sum a bit position.
static void weight_buckets(struct msm *m, const struct window *windows, size_t count)
{
    struct weighting g[WINDOWS_MAX];
    uint32_t used = 0;
    for (size_t i = 0; i < count; i++) {
        g[i] = (struct weighting){.len = windows[i].buckets + 1, .level = used};
        for (uint32_t b = 1; b < g[i].len; b++) {
            const struct list *list = &windows[i].lists[b];
            m->level[used + b] = list->len ? m->refs[list->start] : POINT_NONE;
        }
        used += g[i].len;
    }
    assert(used <= m->lists_max);
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < count; i++) {
            if (g[i].len > 1)
                begin_level(m, &g[i]);
        }
        assert(m->refs_used <= m->refs_max);
        halve_lists(m);
        for (size_t i = 0; i < count; i++) {
            end_level(m, &g[i]);
            more = more || g[i].len > 1;
        }
    }
    while (m->active_count > 0)
        halve_lists(m);
    take_sums(m, windows, g, count);
}

static void sum_group(struct msm *m, struct window *windows, size_t count, size_t numbers)
{
    m->pool_used = m->points_max;
    m->refs_used = m->lists_used = m->active_count = 0;
    m->has_none = false;
    for (size_t i = 0; i < count; i++) {
        windows[i].lists = &m->lists[m->lists_used];
        m->lists_used += windows[i].buckets + 1;
        assert(m->lists_used <= m->lists_max);
        memset(windows[i].lists, 0, (windows[i].buckets + 1) * sizeof(struct list));
        sort_by_digit(m, &windows[i], numbers);
        for (uint32_t b = 1; b <= windows[i].buckets; b++)
            activate(m, windows[i].lists[b]);
    }
    while (m->active_count > 0)
        halve_lists(m);
    weight_buckets(m, windows, count);
}

// --- The whole sum.

static size_t cut_windows(struct window windows[WINDOWS_MAX], unsigned width)
{
    size_t count = 0;
    for (unsigned shift = 0; shift < NUMBER_BITS; shift += width) {
        const bool top = shift + width >= NUMBER_BITS;
        const unsigned bits = top ? NUMBER_BITS - shift : width;
        // A number's top digit ends where numbers do, plus one that the offsets may carry into it.
        const uint32_t highest = bits <= 8 ? (SCALAR_HALF_TOP >> (8 - bits)) + 1 : (SCALAR_HALF_TOP << (bits - 8)) + 1;
        windows[count++] = (struct window){.shift = shift, .width = bits, .buckets = top ? highest : 1u << (bits - 1)};
    }
    return count;
}

static void shift_numbers(struct msm *m, const struct msm_term *terms, size_t count, unsigned width)
{
    unsigned __int128 offset = 0;
    for (unsigned shift = 0; shift + width < NUMBER_BITS; shift += width)
        offset |= (unsigned __int128)1 << (shift + width - 1);
    for (size_t i = 0; i < count; i++) {
        const struct scalar_half *k = &terms[i].k;
        assert(k->hi >> 56 < SCALAR_HALF_TOP && terms[i].point < m->points_max);
        const unsigned __int128 number = ((unsigned __int128)k->hi << 64 | k->lo) + offset;
        m->numbers[i] = (struct shifted){(uint64_t)number, (uint64_t)(number >> 64), terms[i].point << 1 | k->negative};
    }
}

struct jacobian_point msm_sum(struct msm *m, const struct msm_term *terms, size_t count)
{
    assert(count <= m->points_max);
    struct window windows[WINDOWS_MAX];
    const unsigned width = msm_width(count);
    const size_t window_count = cut_windows(windows, width);
    memset(m->has_sum, 0, sizeof m->has_sum);
    shift_numbers(m, terms, count, width);
    for (size_t at = 0; at < window_count;) {
        size_t end = at;
        uint32_t buckets = 0;
        do
            buckets += windows[end++].buckets;
        while (end < window_count && (end + 1 - at) * count <= GROUP_DIGITS &&
               buckets + windows[end].buckets <= GROUP_BUCKETS);
        sum_group(m, windows + at, end - at, count);
        at = end;
    }
    return double_and_add(m->sums, m->has_sum, NUMBER_BITS + 1);
}

bool msm_is_zero(struct msm *m, const struct msm_term *terms, size_t count)
{
    const struct jacobian_point sum = msm_sum(m, terms, count);
    return field_is_zero(&sum.z);
}
