#include "sigverify/lanes/combination.h"

#include <assert.h>
#include <stdlib.h>

#include "sigverify/lanes/challenge.h"
#include "sigverify/lanes/coefficients.h"
#include "sigverify/lanes/known_keys.h"
#include "sigverify/lanes/msm.h"
#include "sigverify/lanes/terms.h"

enum {
    SOURCES_MAX = 2 * SV_BATCH_MAX + 1, // a key and an R each, and the generator
    POINTS_MAX = 2 * SOURCES_MAX,       // with lambda times each
    GENERATOR = 0,                      // its term
    SMALLEST_BY_DEFAULT = 16,
};

// An item that the sum is about.
struct member {
    uint32_t item, key, r; // which item; its points' terms
};

// What a term's point is multiplied by: nothing, one coefficient, or any number.
struct factor {
    enum { FACTOR_NONE, FACTOR_SHORT, FACTOR_LONG } kind;
    struct scalar_half half;
    u256 full;
};

struct combination {
    const struct point_kernels *kernels;
    struct combination_recovery recovery;
    const struct coefficients_secret *secret;
    struct msm *msm;
    struct terms terms;
    struct known_keys known; // of BIP-340
    size_t smallest;
    uint64_t failures;
    size_t member_count, suspect_count;
    struct member members[SV_BATCH_MAX];
    uint32_t suspects[SV_BATCH_MAX]; // items to be recovered
    bool point_ok[SOURCES_MAX];
    struct factor factors[SOURCES_MAX];
    struct scalar_half coefficients[SV_BATCH_MAX];
    // Of each member.
    u256 a[SV_BATCH_MAX], s[SV_BATCH_MAX], s_inverse[SV_BATCH_MAX], of_generator[SV_BATCH_MAX], of_key[SV_BATCH_MAX];
    struct msm_term sum[POINTS_MAX];
    uint32_t shifted[SOURCES_MAX]; // terms whose lambda multiples are needed: those of long factors
    u256 longs[SOURCES_MAX];       // these factors, and their halves
    struct scalar_half halves[SOURCES_MAX][2];
    struct sv_item items[SV_BATCH_MAX]; // the suspects
    struct sv_result results[SV_BATCH_MAX];
};

struct combination *combination_create(const struct point_kernels *kernels, struct combination_recovery recovery)
{
    struct combination *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->kernels = kernels;
    c->recovery = recovery;
    c->smallest = SMALLEST_BY_DEFAULT;
    c->secret = coefficients_process_secret();
    c->msm = msm_create(kernels, POINTS_MAX);
    if (c->secret && c->msm) {
        const uint64_t key[2] = {load_le64(c->secret->hash_key), load_le64(c->secret->hash_key + 8)};
        if (terms_init(&c->terms, SOURCES_MAX, key))
            return c;
    }
    combination_free(c);
    return NULL;
}

void combination_free(struct combination *c)
{
    if (!c)
        return;
    msm_free(c->msm);
    terms_free(&c->terms);
    free(c);
}

void combination_set_smallest(struct combination *c, size_t items)
{
    c->smallest = items;
}

uint64_t combination_failures(const struct combination *c)
{
    return c->failures;
}

// --- The sum.

static void begin(struct combination *c)
{
    struct point_source generator = {.form = POINT_GIVEN};
    u256_to_be(generator.x, &POINT_GENERATOR.x);
    u256_to_be(generator.y, &POINT_GENERATOR.y);
    terms_clear(&c->terms);
    c->member_count = c->suspect_count = 0;
    const uint32_t term = terms_find(&c->terms, &generator);
    assert(term == GENERATOR);
    (void)term;
}

static void load_points(struct combination *c)
{
    c->kernels->load(msm_kernels_state(c->msm), msm_pool(c->msm), 0, c->terms.sources, c->terms.count, c->point_ok);
    memset(c->factors, 0, c->terms.count * sizeof *c->factors);
}

static void add_full(struct factor *factor, const u256 *k)
{
    if (factor->kind == FACTOR_NONE)
        factor->full = *k;
    if (factor->kind == FACTOR_SHORT)
        factor->full = scalar_of_half(&factor->half);
    if (factor->kind != FACTOR_NONE)
        factor->full = scalar_add(&factor->full, k);
    factor->kind = FACTOR_LONG;
}

static void subtract_half(struct factor *factor, struct scalar_half k)
{
    k.negative = !k.negative;
    if (factor->kind == FACTOR_NONE) {
        *factor = (struct factor){.kind = FACTOR_SHORT, .half = k};
        return;
    }
    const u256 full = scalar_of_half(&k);
    add_full(factor, &full);
}

// Splits the long factors, and sums. Whether that gives infinity.
static bool sum_is_zero(struct combination *c)
{
    size_t count = 0, shifted = 0;
    for (uint32_t i = 0; i < c->terms.count; i++) {
        const struct factor *factor = &c->factors[i];
        if (factor->kind == FACTOR_SHORT)
            c->sum[count++] = (struct msm_term){i, factor->half};
        if (factor->kind == FACTOR_LONG) {
            c->longs[shifted] = factor->full;
            c->shifted[shifted++] = i;
        }
    }
    c->kernels->scalars->split(c->halves, c->longs, shifted);
    for (uint32_t i = 0; i < shifted; i++) {
        c->sum[count++] = (struct msm_term){c->shifted[i], c->halves[i][0]};
        c->sum[count++] = (struct msm_term){c->terms.count + i, c->halves[i][1]};
    }
    c->kernels->endomorphism(msm_kernels_state(c->msm), msm_pool(c->msm), c->terms.count, c->shifted, shifted);
    return msm_is_zero(c->msm, c->sum, count);
}

// Each member's coefficient for R, and what it brings to the generator and its key.
static void add_factors(struct combination *c)
{
    u256 of_generator = U256_ZERO;
    for (size_t i = 0; i < c->member_count; i++) {
        const struct member *member = &c->members[i];
        of_generator = scalar_add(&of_generator, &c->of_generator[i]);
        add_full(&c->factors[member->key], &c->of_key[i]);
        subtract_half(&c->factors[member->r], c->coefficients[i]);
    }
    add_full(&c->factors[GENERATOR], &of_generator);
}

static void derive_coefficients(struct combination *c, const struct bytes *inputs, size_t input_count)
{
    coefficients_derive(c->coefficients, c->member_count, c->secret, coefficients_next_batch(), inputs, input_count);
}

// --- Witnesses.

// R as its x and what else the item says of it. false when its x is not below p. r and v are in range.
static bool r_source(struct point_source *out, const struct sv_item *item, const struct sv_witness *witness)
{
    *out = (struct point_source){.form = item->v & 1 ? POINT_ODD : POINT_EVEN};
    u256 x = u256_from_be(item->r.b, 32);
    if ((item->v & 2) && (u256_add(&x, &x, &SCALAR_ORDER) || u256_cmp(&x, &FIELD_PRIME) >= 0))
        return false;
    u256_to_be(out->x, &x);
    if (witness->has_ry) {
        out->form = POINT_GIVEN;
        memcpy(out->y, witness->ry, 32);
    }
    return true;
}

static void name_points(struct combination *c, struct sv_result *out, const struct sv_item *in,
                        const struct sv_witness *witness, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct point_source key = {.form = POINT_GIVEN}, r;
        out[i].status = sv_check_range(&in[i]);
        if (out[i].status != SV_OK)
            continue;
        if (!r_source(&r, &in[i], &witness[i])) {
            out[i].status = SV_NO_POINT;
            continue;
        }
        if (witness[i].has_ry && (witness[i].ry[31] & 1) != (in[i].v & 1)) {
            c->suspects[c->suspect_count++] = (uint32_t)i;
            continue;
        }
        memcpy(key.x, witness[i].pubkey, 32);
        memcpy(key.y, witness[i].pubkey + 32, 32);
        c->members[c->member_count++] =
            (struct member){(uint32_t)i, terms_find(&c->terms, &key), terms_find(&c->terms, &r)};
    }
}

// What is no point can't hold; recovery says whether the witness or the signature is to blame.
static void drop_bad_points(struct combination *c)
{
    size_t kept = 0;
    for (size_t i = 0; i < c->member_count; i++) {
        const struct member member = c->members[i];
        if (c->point_ok[member.key] && c->point_ok[member.r])
            c->members[kept++] = member;
        else
            c->suspects[c->suspect_count++] = member.item;
    }
    c->member_count = kept;
}

// (a z / s) G + (a r / s) Q - a R
static void set_witness_factors(struct combination *c, const struct sv_item *in)
{
    const struct scalar_kernels *scalars = c->kernels->scalars;
    const size_t n = c->member_count;
    for (size_t i = 0; i < n; i++) {
        const struct sv_item *item = &in[c->members[i].item];
        c->a[i] = scalar_of_half(&c->coefficients[i]);
        c->s[i] = load_be256(item->s.b);
        c->of_generator[i] = load_be256(item->hash.b);
        c->of_key[i] = load_be256(item->r.b);
    }
    scalars->invert(c->s_inverse, c->s, n);
    scalars->multiply(c->a, c->a, c->s_inverse, n);
    scalars->multiply(c->of_generator, c->of_generator, c->a, n);
    scalars->multiply(c->of_key, c->of_key, c->a, n);
    add_factors(c);
}

static bool witnesses_hold(struct combination *c, const struct sv_item *in, const struct sv_witness *witness, size_t n)
{
    // Neither has padding: all that the check depends on, and nothing else.
    _Static_assert(sizeof(struct sv_item) == 98 && sizeof(struct sv_witness) == 97, "no padding");
    const struct bytes inputs[] = {bytes_of(in, n * sizeof *in), bytes_of(witness, n * sizeof *witness)};
    derive_coefficients(c, inputs, 2);
    set_witness_factors(c, in);
    return sum_is_zero(c);
}

static void recover_suspects(struct combination *c, struct sv_result *out, const struct sv_item *in,
                             const struct sv_witness *witness)
{
    for (size_t i = 0; i < c->suspect_count; i++)
        c->items[i] = in[c->suspects[i]];
    memset(c->results, 0, c->suspect_count * sizeof *c->results);
    c->recovery.recover(c->recovery.state, c->results, c->items, c->suspect_count);
    for (size_t i = 0; i < c->suspect_count; i++) {
        const uint32_t item = c->suspects[i];
        out[item] = c->results[i];
        if (out[item].status != SV_OK)
            continue;
        if (memcmp(out[item].pubkey, witness[item].pubkey, 64) != 0 ||
            (witness[item].has_ry && !sv_is_ry(&in[item], witness[item].ry)))
            out[item] = (struct sv_result){.status = SV_WRONG_WITNESS};
        else if (witness[item].has_ry)
            sv_keep_ry(&out[item], &witness[item]);
    }
}

static void suspect_members(struct combination *c)
{
    for (size_t i = 0; i < c->member_count; i++)
        c->suspects[c->suspect_count++] = c->members[i].item;
    c->member_count = 0;
}

void combination_verify_witness(struct combination *c, struct sv_result *out, const struct sv_item *in,
                                const struct sv_witness *witness, size_t n)
{
    assert(n <= SV_BATCH_MAX);
    begin(c);
    name_points(c, out, in, witness, n);
    if (c->member_count < c->smallest)
        suspect_members(c);
    if (c->member_count > 0) {
        load_points(c);
        drop_bad_points(c);
    }
    if (c->member_count > 0 && !witnesses_hold(c, in, witness, n)) {
        c->failures++;
        suspect_members(c);
    }
    for (size_t i = 0; i < c->member_count; i++) {
        const uint32_t item = c->members[i].item;
        memcpy(out[item].pubkey, witness[item].pubkey, 64);
        sv_keep_ry(&out[item], &witness[item]);
    }
    if (c->suspect_count > 0)
        recover_suspects(c, out, in, witness);
}

// --- BIP-340.

// A key as its x, which stands for an even y, and with that y if it is known.
static struct point_source schnorr_key(const struct combination *c, const bytes32 *x)
{
    struct point_source key = {.form = POINT_EVEN};
    memcpy(key.x, x->b, 32);
    const uint8_t *y = known_keys_find(&c->known, x->b);
    if (y) {
        key.form = POINT_GIVEN;
        memcpy(key.y, y, 32);
    }
    return key;
}

static void name_schnorr_points(struct combination *c, bool *ok, const struct sv_schnorr *in, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct point_source key = schnorr_key(c, &in[i].key);
        struct point_source r = {.form = POINT_EVEN};
        const u256 s = u256_from_be(in[i].s.b, 32);
        ok[i] = u256_cmp(&s, &SCALAR_ORDER) < 0;
        if (!ok[i])
            continue;
        memcpy(r.x, in[i].r.b, 32);
        c->members[c->member_count++] =
            (struct member){(uint32_t)i, terms_find(&c->terms, &key), terms_find(&c->terms, &r)};
    }
}

static void drop_bad_schnorr_points(struct combination *c, bool *ok)
{
    size_t kept = 0;
    for (size_t i = 0; i < c->member_count; i++) {
        const struct member member = c->members[i];
        ok[member.item] = c->point_ok[member.key] && c->point_ok[member.r];
        if (ok[member.item])
            c->members[kept++] = member;
    }
    c->member_count = kept;
}

// Remembers the keys whose y the batch had to find.
static void keep_keys(struct combination *c)
{
    for (size_t i = 0; i < c->member_count; i++) {
        const uint32_t term = c->members[i].key;
        const struct point_source *key = &c->terms.sources[term];
        if (key->form == POINT_GIVEN || known_keys_find(&c->known, key->x))
            continue;
        struct affine_point point;
        uint8_t y[32];
        c->kernels->get(&point, msm_pool(c->msm), &(point_ref){term << 1}, 1);
        u256_to_be(y, &point.y);
        known_keys_add(&c->known, key->x, y);
    }
}

static u256 challenge_of(const struct sv_schnorr *in)
{
    const bytes32 hash = schnorr_challenge(&in->r, &in->key, &in->message);
    return scalar_from_be(hash.b);
}

static bool schnorr_holds(struct combination *c, const struct sv_schnorr *in, size_t n)
{
    _Static_assert(sizeof(struct sv_schnorr) == 128, "no padding");
    const struct bytes inputs[] = {bytes_of(in, n * sizeof *in)};
    derive_coefficients(c, inputs, 1);
    // a s G - a e P - a R
    const size_t count = c->member_count;
    for (size_t i = 0; i < count; i++) {
        const struct sv_schnorr *vote = &in[c->members[i].item];
        const u256 e = challenge_of(vote);
        c->a[i] = scalar_of_half(&c->coefficients[i]);
        c->of_generator[i] = load_be256(vote->s.b);
        c->of_key[i] = scalar_negate(&e);
    }
    c->kernels->scalars->multiply(c->of_generator, c->of_generator, c->a, count);
    c->kernels->scalars->multiply(c->of_key, c->of_key, c->a, count);
    add_factors(c);
    return sum_is_zero(c);
}

// Recovery gives (s' R' - z' G) / r' for R' of x = r'. With R' the key P, s' = -e r' and z' = -s r' that is s G - e P,
// which BIP-340 wants to be R. false where recovery would refuse such an item though it is a signature's.
static bool schnorr_item(struct sv_item *out, const struct sv_schnorr *in)
{
    const u256 x = u256_from_be(in->key.b, 32), s = u256_from_be(in->s.b, 32);
    const u256 e = challenge_of(in);
    if (u256_cmp(&x, &SCALAR_ORDER) >= 0 || u256_is_zero(&e))
        return false;
    const u256 minus_x = scalar_negate(&x), e_x = scalar_multiply(&minus_x, &e), s_x = scalar_multiply(&minus_x, &s);
    *out = (struct sv_item){.r = in->key};
    u256_to_be(out->s.b, &e_x);
    u256_to_be(out->hash.b, &s_x);
    return true;
}

static void check_one_by_one(struct combination *c, bool *ok, const struct sv_schnorr *in)
{
    for (size_t i = 0; i < c->member_count; i++) {
        const uint32_t item = c->members[i].item;
        if (schnorr_item(&c->items[c->suspect_count], &in[item]))
            c->suspects[c->suspect_count++] = item;
        else
            ok[item] = sv_check_schnorr(&in[item]);
    }
    memset(c->results, 0, c->suspect_count * sizeof *c->results);
    c->recovery.recover(c->recovery.state, c->results, c->items, c->suspect_count);
    for (size_t i = 0; i < c->suspect_count; i++) {
        const struct sv_result *result = &c->results[i];
        ok[c->suspects[i]] = result->status == SV_OK && memcmp(result->pubkey, in[c->suspects[i]].r.b, 32) == 0 &&
                             !(result->pubkey[63] & 1);
    }
}

void combination_verify_schnorr(struct combination *c, bool *ok, const struct sv_schnorr *in, size_t n)
{
    assert(n <= SV_BATCH_MAX);
    begin(c);
    name_schnorr_points(c, ok, in, n);
    if (c->member_count < c->smallest) {
        check_one_by_one(c, ok, in);
        return;
    }
    load_points(c);
    drop_bad_schnorr_points(c, ok);
    keep_keys(c);
    if (c->member_count > 0 && !schnorr_holds(c, in, n)) {
        c->failures++;
        check_one_by_one(c, ok, in);
    }
}
