// Sums of many points, against libsecp256k1's multiplications one by one.
#include <criterion/criterion.h>
#include <secp256k1.h>

#include "sigverify/lanes/modinv.h"
#include "sigverify/lanes/msm.h"
#include "tests/sigverify/backends.h"
#include "tests/sigverify/items.h"
#include "tests/support/vectors.h"

enum { POINTS_MAX = 1500 };

static secp256k1_context *library;
static const struct point_kernels *kernels;
static const char *backend;
static struct msm *m;

// Runs the test for the reference and for every backend that this machine has.
static void for_each_backend(void (*test)(uint64_t *state), const char *what)
{
    library = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
    struct points_backend backends[POINTS_BACKENDS_MAX];
    const size_t count = points_backends(backends);
    uint64_t state = test_seed(what);
    for (size_t i = 0; i < count; i++) {
        backend = backends[i].name;
        kernels = backends[i].points;
        m = msm_create(kernels, POINTS_MAX);
        test(&state);
        msm_free(m);
    }
    secp256k1_context_destroy(library);
}

// The generator times k.
static struct affine_point multiple(const u256 *k)
{
    uint8_t bytes[65], secret[32];
    size_t len = sizeof bytes;
    secp256k1_pubkey key;
    u256_to_be(secret, k);
    cr_assert(secp256k1_ec_pubkey_create(library, &key, secret));
    secp256k1_ec_pubkey_serialize(library, bytes, &len, &key, SECP256K1_EC_UNCOMPRESSED);
    return (struct affine_point){u256_from_be(bytes + 1, 32), u256_from_be(bytes + 33, 32)};
}

static struct scalar_half random_half(uint64_t *state)
{
    struct scalar_half out = {test_random(state), test_random(state), test_random(state) % 2};
    switch (test_random(state) % 16) {
    case 0:
        out = (struct scalar_half){0, 0, out.negative};
        break;
    case 1:
        out = (struct scalar_half){UINT64_MAX, UINT64_MAX, out.negative};
        break;
    case 2:
        out = (struct scalar_half){test_random(state) % 4, 0, out.negative};
        break;
    }
    while (out.hi >> 56 >= SCALAR_HALF_TOP)
        out.hi -= UINT64_C(1) << 56;
    return out;
}

// All points are multiples of the generator, so that the sum is one multiplication by what they add up to.
static void expect_sum(const struct msm_term *terms, const u256 *secrets, size_t count)
{
    u256 total = U256_ZERO;
    for (size_t i = 0; i < count; i++) {
        const u256 k = scalar_of_half(&terms[i].k), product = scalar_multiply(&k, &secrets[terms[i].point]);
        total = scalar_add(&total, &product);
    }
    const struct jacobian_point sum = msm_sum(m, terms, count);
    if (u256_is_zero(&total)) {
        cr_assert(field_is_zero(&sum.z), "%zu terms on %s: infinity", count, backend);
        return;
    }
    const struct affine_point expected = multiple(&total);
    const u256 zz = field_multiply(&sum.z, &sum.z), zzz = field_multiply(&zz, &sum.z);
    const u256 x = field_multiply(&expected.x, &zz), y = field_multiply(&expected.y, &zzz);
    cr_assert(!field_is_zero(&sum.z) && field_equal(&x, &sum.x) && field_equal(&y, &sum.y), "%zu terms on %s", count,
              backend);
}

static void put_point(uint32_t at, u256 secrets[], const u256 *secret)
{
    const struct affine_point point = multiple(secret);
    secrets[at] = *secret;
    kernels->put(msm_pool(m), at, &point);
}

static void try_sums(uint64_t *state)
{
    static u256 secrets[POINTS_MAX];
    static struct msm_term terms[POINTS_MAX];
    for (uint32_t i = 0; i < POINTS_MAX; i++) {
        const bytes32 bytes = random_bytes32(state);
        const u256 secret = scalar_from_be(bytes.b);
        put_point(i, secrets, &secret);
    }
    for (size_t count = 0; count <= POINTS_MAX; count += count < 40 ? 1 : 1 + test_random(state) % (count / 2)) {
        for (uint32_t i = 0; i < count; i++)
            terms[i] = (struct msm_term){i, random_half(state)};
        expect_sum(terms, secrets, count);
    }
}

Test(lanes_msm, sums_of_every_size_are_the_librarys)
{
    for_each_backend(try_sums, "sums");
}

static void try_equal_points(uint64_t *state)
{
    static u256 secrets[POINTS_MAX];
    static struct msm_term terms[POINTS_MAX];
    for (size_t round = 0; round < 60; round++) {
        const uint32_t count = 2 + (uint32_t)(test_random(state) % 200);
        for (uint32_t i = 0; i < count; i++) {
            // Few different points, and relations between them.
            const u256 small = u256_from_u64(1 + test_random(state) % (1 + round % 9));
            const u256 negative = scalar_negate(&small), shifted = scalar_multiply(&small, &SCALAR_LAMBDA);
            const u256 secret = round % 3 == 0 ? small : round % 3 == 1 && i % 2 ? negative : i % 2 ? shifted : small;
            put_point(i, secrets, &secret);
            terms[i] = (struct msm_term){i, random_half(state)};
            if (round % 4 == 0 && i > 0)
                terms[i].k = terms[0].k;
        }
        expect_sum(terms, secrets, count);
    }
}

Test(lanes_msm, equal_and_opposite_points_are_added_right)
{
    for_each_backend(try_equal_points, "equal points");
}

static void try_cancelling(uint64_t *state)
{
    static u256 secrets[POINTS_MAX];
    static struct msm_term terms[POINTS_MAX];
    for (uint32_t pairs = 1; pairs < 300; pairs += 1 + pairs / 3) {
        for (uint32_t i = 0; i < pairs; i++) {
            const bytes32 bytes = random_bytes32(state);
            const u256 secret = scalar_from_be(bytes.b), minus = scalar_negate(&secret);
            put_point(2 * i, secrets, &secret);
            put_point(2 * i + 1, secrets, &minus);
            terms[2 * i] = terms[2 * i + 1] = (struct msm_term){2 * i, random_half(state)};
            terms[2 * i + 1].point++;
        }
        cr_assert(msm_is_zero(m, terms, 2 * pairs), "%u pairs", pairs);
        terms[0].k.lo ^= 1;
        cr_assert(!msm_is_zero(m, terms, 2 * pairs), "%u pairs, one of them changed", pairs);
    }
}

Test(lanes_msm, what_cancels_is_infinity)
{
    for_each_backend(try_cancelling, "cancelling");
}

Test(lanes_msm, wider_windows_for_more_terms)
{
    unsigned last = msm_width(1);
    for (size_t count = 1; count < 5000; count++) {
        cr_assert(msm_width(count) >= last, "%zu terms", count);
        last = msm_width(count);
    }
    cr_expect(last >= 9 && msm_width(1) <= 4);
}

static void expect_jacobian(const struct jacobian_point *got, const u256 *secret, const char *what)
{
    const struct affine_point expected = multiple(secret);
    const u256 zz = field_multiply(&got->z, &got->z), zzz = field_multiply(&zz, &got->z);
    const u256 x = field_multiply(&expected.x, &zz), y = field_multiply(&expected.y, &zzz);
    cr_assert(!field_is_zero(&got->z) && field_equal(&x, &got->x) && field_equal(&y, &got->y), "%s", what);
}

// Point i is secrets[i] G, or absent where that is zero.
static void expect_doublings(const u256 *secrets, size_t count, const char *what)
{
    struct affine_point points[130] = {0};
    bool present[130] = {0};
    u256 total = U256_ZERO;
    for (size_t i = count; i-- > 0;) {
        total = scalar_add(&total, &total);
        total = scalar_add(&total, &secrets[i]);
        present[i] = !u256_is_zero(&secrets[i]);
        if (present[i])
            points[i] = multiple(&secrets[i]);
    }
    const struct jacobian_point sum = double_and_add(points, present, count);
    if (u256_is_zero(&total))
        cr_assert(field_is_zero(&sum.z), "%s of %zu: infinity", what, count);
    else
        expect_jacobian(&sum, &total, what);
}

Test(lanes_msm, points_are_doubled_and_added_right)
{
    library = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
    uint64_t state = test_seed("doublings");
    u256 secrets[130] = {0};
    expect_doublings(secrets, 0, "nothing");
    expect_doublings(secrets, 130, "nothing");
    for (size_t round = 0; round < 400; round++) {
        const size_t count = 1 + test_random(&state) % 130;
        for (size_t i = 0; i < count; i++) {
            const bytes32 bytes = random_bytes32(&state);
            secrets[i] = test_random(&state) % 4 ? scalar_from_be(bytes.b) : U256_ZERO;
        }
        expect_doublings(secrets, count, "random points");
        // The sum so far meets an equal point, its negative, or nothing at all.
        for (size_t i = count; i-- > 0;) {
            const u256 small = u256_from_u64(test_random(&state) % 3);
            secrets[i] = test_random(&state) % 2 ? scalar_negate(&small) : small;
        }
        expect_doublings(secrets, count, "small multiples");
    }
    const u256 one = u256_from_u64(1), two = u256_from_u64(2), minus_two = scalar_negate(&two);
    expect_doublings((u256[]){two, one}, 2, "equal points");
    expect_doublings((u256[]){minus_two, one}, 2, "opposite points");
    expect_doublings((u256[]){one, minus_two, one}, 3, "a point behind infinity");
    secp256k1_context_destroy(library);
}

Test(lanes_msm, single_points_add_and_double_as_the_librarys)
{
    library = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
    uint64_t state = test_seed("one point");
    for (int i = 0; i < 300; i++) {
        const bytes32 bytes = random_bytes32(&state);
        const u256 secret = scalar_from_be(bytes.b), twice = scalar_add(&secret, &secret);
        const struct affine_point point = multiple(&secret), doubled = point_double_affine(&point);
        const struct jacobian_point as_jacobian = {doubled.x, doubled.y, u256_from_u64(1)};
        expect_jacobian(&as_jacobian, &twice, "doubled");
        struct jacobian_point sum = {.z = U256_ZERO};
        sum = point_add_affine(&sum, &point);
        expect_jacobian(&sum, &secret, "infinity plus a point");
        const struct jacobian_point same = point_add_affine(&sum, &point);
        expect_jacobian(&same, &twice, "a point plus itself");
        const struct jacobian_point three = point_add_affine(&same, &point);
        const u256 thrice = scalar_add(&twice, &secret);
        expect_jacobian(&three, &thrice, "three times");
        const struct affine_point minus = {point.x, field_subtract(&U256_ZERO, &point.y)};
        const struct jacobian_point none = point_add_affine(&sum, &minus);
        cr_assert(field_is_zero(&none.z), "a point minus itself");
    }
    secp256k1_context_destroy(library);
}

static struct point_source source_of(const u256 *x, const u256 *y, enum point_form form)
{
    struct point_source out = {.form = form};
    u256_to_be(out.x, x);
    if (form == POINT_GIVEN)
        u256_to_be(out.y, y);
    return out;
}

// Sources that name the same point, and some that name none: small coordinates plus p among them.
static void try_sources(uint64_t *state)
{
    u256 small = u256_from_u64(1), y, root, small_plus_p, y_plus;
    uint8_t x_bytes[32], y_bytes[32];
    for (;; small.w[0]++) {
        u256_to_be(x_bytes, &small);
        if (sv_lift_x(y_bytes, x_bytes, 0))
            break;
    }
    y = u256_from_be(y_bytes, 32);
    root = field_subtract(&FIELD_PRIME, &y);
    u256_add(&small_plus_p, &small, &FIELD_PRIME);
    const u256 one = u256_from_u64(1), secret = u256_from_u64(1 + test_random(state) % 1000);
    u256_add(&y_plus, &y, &one);
    const struct affine_point point = multiple(&secret);
    const struct {
        struct point_source source;
        bool ok;
        u256 x, y;
    } cases[] = {
        {source_of(&small, &y, POINT_GIVEN), true, small, y},
        {source_of(&small, &y, POINT_EVEN), true, small, y},
        {source_of(&small, &y, POINT_ODD), true, small, root},
        {source_of(&small, &root, POINT_GIVEN), true, small, root},
        {source_of(&point.x, &point.y, POINT_GIVEN), true, point.x, point.y},
        {source_of(&small, &y_plus, POINT_GIVEN), false, one, one},
        {source_of(&small_plus_p, &y, POINT_GIVEN), false, one, one},
        {source_of(&small_plus_p, &y, POINT_EVEN), false, one, one},
        {source_of(&small_plus_p, &y, POINT_ODD), false, one, one},
        {source_of(&FIELD_PRIME, &y, POINT_EVEN), false, one, one},
        {source_of(&U256_ZERO, &U256_ZERO, POINT_GIVEN), false, one, one},
        {source_of(&U256_MAX, &U256_MAX, POINT_GIVEN), false, one, one},
    };
    enum { CASES = sizeof cases / sizeof cases[0] };
    for (size_t n = 0; n < 200; n += 1 + n / 4) {
        struct point_source in[200];
        size_t chosen[200];
        bool ok[200];
        for (size_t i = 0; i < n; i++) {
            chosen[i] = test_random(state) % CASES;
            in[i] = cases[chosen[i]].source;
        }
        kernels->load(msm_kernels_state(m), msm_pool(m), 3, in, n, ok);
        for (size_t i = 0; i < n; i++) {
            const point_ref ref = (point_ref)(3 + i) << 1;
            struct affine_point got;
            cr_assert(ok[i] == cases[chosen[i]].ok, "%s: case %zu at %zu of %zu", backend, chosen[i], i, n);
            kernels->get(&got, msm_pool(m), &ref, 1);
            cr_assert(!ok[i] || (u256_equal(&got.x, &cases[chosen[i]].x) && u256_equal(&got.y, &cases[chosen[i]].y)),
                      "%s: case %zu at %zu of %zu", backend, chosen[i], i, n);
        }
    }
}

Test(lanes_msm, sources_name_points_with_coordinates_below_p_on_the_curve)
{
    for_each_backend(try_sources, "sources");
}
