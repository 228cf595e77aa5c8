// Whatever the bytes are: a precompile stays inside them, gives the same twice, and what it gives has the size and the
// properties that its rules say. The first byte chooses the precompile, the rest is its input.
#include "shard/evm/precompiles/precompiles.h"

#include <stdlib.h>

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            abort();                                                                                                   \
    } while (0)

// Enough for some pairs, and little enough for many runs a second.
#define GAS_MAX 200000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_length(unsigned number, size_t len)
{
    static const size_t lengths[PRECOMPILE_LAST + 1] = {
        [PRECOMPILE_SHA256] = 32, [PRECOMPILE_RIPEMD160] = 32,  [PRECOMPILE_BN_ADD] = 64,
        [PRECOMPILE_BN_MUL] = 64, [PRECOMPILE_BN_PAIRING] = 32, [PRECOMPILE_BLAKE2F] = 64,
    };
    if (number == PRECOMPILE_ECRECOVER)
        CHECK(len == 0 || len == 32);
    else if (number != PRECOMPILE_IDENTITY && number != PRECOMPILE_MODEXP)
        CHECK(len == lengths[number]);
}

// P + Q = Q + P; the sum is a point that can be added again.
static void check_addition(struct precompiles *ctx, struct bytes input, const uint8_t sum[64])
{
    uint8_t swapped[128] = {0}, again[128] = {0};
    for (size_t i = 0; i < 128 && i < input.len; i++)
        swapped[(i + 64) % 128] = input.ptr[i];
    struct bytes output;
    CHECK(precompile_run(ctx, &output, PRECOMPILE_BN_ADD, bytes_of(swapped, 128)) == PRECOMPILE_OK);
    CHECK(bytes_equal(output, bytes_of(sum, 64)));
    memcpy(again, sum, 64);
    CHECK(precompile_run(ctx, &output, PRECOMPILE_BN_ADD, bytes_of(again, 128)) == PRECOMPILE_OK);
    CHECK(bytes_equal(output, bytes_of(sum, 64)));
}

static void check_run(struct precompiles *ctx, unsigned number, struct bytes input)
{
    struct bytes output;
    const enum precompile_status status = precompile_run(ctx, &output, number, input);
    if (status != PRECOMPILE_OK) {
        CHECK(output.len == 0);
        return;
    }
    check_length(number, output.len);
    uint8_t *kept = malloc(output.len + 1);
    CHECK(kept);
    if (output.len > 0)
        memcpy(kept, output.ptr, output.len);
    const struct bytes first = bytes_of(kept, output.len);
    CHECK(precompile_run(ctx, &output, number, input) == PRECOMPILE_OK && bytes_equal(output, first));
    if (number == PRECOMPILE_BN_ADD)
        check_addition(ctx, input, kept);
    free(kept);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct precompiles *ctx;
    if (!ctx)
        ctx = precompiles_create();
    CHECK(ctx);
    if (size == 0)
        return 0;
    const unsigned number = 1 + data[0] % PRECOMPILE_LAST;
    // A copy of exactly that size, so that the sanitizer sees a read beyond it.
    uint8_t *copy = malloc(size > 1 ? size - 1 : 1);
    CHECK(copy);
    memcpy(copy, data + 1, size - 1);
    const struct bytes input = bytes_of(copy, size - 1);
    if (precompile_gas(number, input) <= GAS_MAX)
        check_run(ctx, number, input);
    free(copy);
    return 0;
}
