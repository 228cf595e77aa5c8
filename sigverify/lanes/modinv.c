#include "sigverify/lanes/modinv.h"

#define M62 (UINT64_MAX >> 2)

typedef __int128 int128;

// Five limbs of 62 bits, the last one signed.
struct signed62 {
    int64_t v[5];
};

// 62 steps at once: (f, g) becomes (u f + v g, q f + r g) / 2^62.
struct steps {
    int64_t u, v, q, r;
};

const struct modinv_modulus MODINV_ORDER = {
    {0x3fd25e8cd0364141, 0x2abb739abd2280ee, 0x3fffffffffffffeb, 0x3fffffffffffffff, 0xff}, 0x34f20099aa774ec1};
const struct modinv_modulus MODINV_FIELD = {
    {0x3ffffffefffffc2f, 0x3fffffffffffffff, 0x3fffffffffffffff, 0x3fffffffffffffff, 0xff}, 0x27c7f6e22ddacacf};

// The low bits of f and g decide 62 steps. Cancels up to 6 bits of g at a time, after a swap, or 4 without one.
static int64_t divide_steps(int64_t eta, uint64_t f, uint64_t g, struct steps *out)
{
    uint64_t u = 1, v = 0, q = 0, r = 1;
    for (int left = 62;;) {
        const int zeros = __builtin_ctzll(g | UINT64_MAX << left);
        g >>= zeros;
        u <<= zeros;
        v <<= zeros;
        eta -= zeros;
        left -= zeros;
        if (left == 0)
            break;
        const bool swap = eta < 0;
        if (swap) {
            const uint64_t old_f = f, old_u = u, old_v = v;
            eta = -eta;
            f = g;
            g = -old_f;
            u = q;
            q = -old_u;
            v = r;
            r = -old_v;
        }
        const int limit = eta + 1 > left ? left : (int)eta + 1;
        const uint64_t mask = UINT64_MAX >> (64 - limit) & (swap ? 63 : 15);
        // -g / f modulo 64 or 16
        const uint64_t w = (swap ? f * g * (f * f - 2) : -(f + (((f + 1) & 4) << 1)) * g) & mask;
        g += f * w;
        q += u * w;
        r += v * w;
    }
    *out = (struct steps){(int64_t)u, (int64_t)v, (int64_t)q, (int64_t)r};
    return eta;
}

// (d, e) becomes t (d, e) / 2^62 modulo the modulus; both stay between -2 modulus and modulus.
static void update_de(struct signed62 *d, struct signed62 *e, const struct steps *t,
                      const struct modinv_modulus *modulus)
{
    const bool d_negative = d->v[4] < 0, e_negative = e->v[4] < 0;
    int64_t md = (d_negative ? t->u : 0) + (e_negative ? t->v : 0);
    int64_t me = (d_negative ? t->q : 0) + (e_negative ? t->r : 0);
    int128 cd = (int128)t->u * d->v[0] + (int128)t->v * e->v[0];
    int128 ce = (int128)t->q * d->v[0] + (int128)t->r * e->v[0];
    // The multiples of the modulus that clear the low 62 bits.
    md -= (int64_t)((modulus->inverse62 * (uint64_t)cd + (uint64_t)md) & M62);
    me -= (int64_t)((modulus->inverse62 * (uint64_t)ce + (uint64_t)me) & M62);
    cd = (cd + (int128)modulus->limbs[0] * md) >> 62;
    ce = (ce + (int128)modulus->limbs[0] * me) >> 62;
    for (int i = 1; i < 5; i++) {
        cd += (int128)t->u * d->v[i] + (int128)t->v * e->v[i] + (int128)modulus->limbs[i] * md;
        ce += (int128)t->q * d->v[i] + (int128)t->r * e->v[i] + (int128)modulus->limbs[i] * me;
        d->v[i - 1] = (int64_t)((uint64_t)cd & M62);
        e->v[i - 1] = (int64_t)((uint64_t)ce & M62);
        cd >>= 62;
        ce >>= 62;
    }
    d->v[4] = (int64_t)cd;
    e->v[4] = (int64_t)ce;
}

static void update_fg(int len, struct signed62 *f, struct signed62 *g, const struct steps *t)
{
    int128 cf = ((int128)t->u * f->v[0] + (int128)t->v * g->v[0]) >> 62;
    int128 cg = ((int128)t->q * f->v[0] + (int128)t->r * g->v[0]) >> 62;
    for (int i = 1; i < len; i++) {
        cf += (int128)t->u * f->v[i] + (int128)t->v * g->v[i];
        cg += (int128)t->q * f->v[i] + (int128)t->r * g->v[i];
        f->v[i - 1] = (int64_t)((uint64_t)cf & M62);
        g->v[i - 1] = (int64_t)((uint64_t)cg & M62);
        cf >>= 62;
        cg >>= 62;
    }
    f->v[len - 1] = (int64_t)cf;
    g->v[len - 1] = (int64_t)cg;
}

static void carry(struct signed62 *a)
{
    for (int i = 0; i < 4; i++) {
        a->v[i + 1] += a->v[i] >> 62;
        a->v[i] = (int64_t)((uint64_t)a->v[i] & M62);
    }
}

static void add_if(struct signed62 *a, bool condition, const struct modinv_modulus *modulus)
{
    for (int i = 0; condition && i < 5; i++)
        a->v[i] += modulus->limbs[i];
}

// From between -2 modulus and modulus, negated where asked, to between 0 and the modulus.
static void normalize(struct signed62 *a, bool negate, const struct modinv_modulus *modulus)
{
    add_if(a, a->v[4] < 0, modulus);
    for (int i = 0; negate && i < 5; i++)
        a->v[i] = -a->v[i];
    carry(a);
    add_if(a, a->v[4] < 0, modulus);
    carry(a);
}

static bool is_zero(const struct signed62 *a, int len)
{
    int64_t any = 0;
    for (int i = 0; i < len; i++)
        any |= a->v[i];
    return any == 0;
}

// f and g shrink: when their top limbs hold nothing but the sign, it moves into the limb below.
static int shorten(int len, struct signed62 *f, struct signed62 *g)
{
    const int64_t f_top = f->v[len - 1], g_top = g->v[len - 1];
    if (len < 2 || (f_top != 0 && f_top != -1) || (g_top != 0 && g_top != -1))
        return len;
    f->v[len - 2] |= (int64_t)((uint64_t)f_top << 62);
    g->v[len - 2] |= (int64_t)((uint64_t)g_top << 62);
    return len - 1;
}

static struct signed62 to_signed62(const u256 *a)
{
    return (struct signed62){{(int64_t)(a->w[0] & M62), (int64_t)((a->w[0] >> 62 | a->w[1] << 2) & M62),
                              (int64_t)((a->w[1] >> 60 | a->w[2] << 4) & M62),
                              (int64_t)((a->w[2] >> 58 | a->w[3] << 6) & M62), (int64_t)(a->w[3] >> 56)}};
}

static u256 from_signed62(const struct signed62 *a)
{
    const uint64_t v0 = (uint64_t)a->v[0], v1 = (uint64_t)a->v[1], v2 = (uint64_t)a->v[2], v3 = (uint64_t)a->v[3];
    return (u256){{v0 | v1 << 62, v1 >> 2 | v2 << 60, v2 >> 4 | v3 << 58, v3 >> 6 | (uint64_t)a->v[4] << 56}};
}

u256 modinv(const u256 *a, const struct modinv_modulus *modulus)
{
    struct signed62 d = {{0}}, e = {{1}}, f, g = to_signed62(a);
    memcpy(f.v, modulus->limbs, sizeof f.v);
    int64_t eta = -1;
    int len = 5;
    while (!is_zero(&g, len)) {
        struct steps t;
        eta = divide_steps(eta, (uint64_t)f.v[0], (uint64_t)g.v[0], &t);
        update_de(&d, &e, &t, modulus);
        update_fg(len, &f, &g, &t);
        len = shorten(len, &f, &g);
    }
    normalize(&d, f.v[len - 1] < 0, modulus);
    return from_signed62(&d);
}
