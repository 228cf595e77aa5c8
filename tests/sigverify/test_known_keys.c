// The keys of votes whose y is remembered.
#include <criterion/criterion.h>
#include <string.h>

#include "base/bytes.h"
#include "sigverify/lanes/known_keys.h"

static bytes32 of_number(uint32_t set, uint32_t number)
{
    bytes32 x = {{0}};
    memcpy(x.b, &number, sizeof number);
    x.b[31] = (uint8_t)set;
    return x;
}

static bytes32 y_of(const bytes32 *x)
{
    bytes32 y = *x;
    y.b[16] = 1;
    return y;
}

static bool is_known(const struct known_keys *known, uint32_t set, uint32_t number)
{
    const bytes32 x = of_number(set, number), y = y_of(&x);
    const uint8_t *found = known_keys_find(known, x.b);
    cr_assert(!found || memcmp(found, y.b, 32) == 0, "another key's y");
    return found != NULL;
}

static void add(struct known_keys *known, uint32_t set, uint32_t number)
{
    const bytes32 x = of_number(set, number), y = y_of(&x);
    known_keys_add(known, x.b, y.b);
}

Test(known_keys, a_new_key_takes_the_oldest_ones_place)
{
    static struct known_keys known;
    for (uint32_t set = 0; set < KNOWN_KEYS_SETS; set++) {
        for (uint32_t number = 1; number <= 3 * KNOWN_KEYS_WAYS; number++) {
            cr_assert(!is_known(&known, set, number));
            add(&known, set, number);
            for (uint32_t earlier = 1; earlier <= number; earlier++)
                cr_assert(is_known(&known, set, earlier) == (earlier + KNOWN_KEYS_WAYS > number));
        }
    }
}

Test(known_keys, of_an_unused_place_nothing_is_a_point)
{
    static const struct known_keys known;
    const bytes32 zero = {{0}};
    const uint8_t *y = known_keys_find(&known, zero.b);
    cr_assert(!y || memcmp(y, zero.b, 32) == 0, "(0, 0) is not on the curve");
}
