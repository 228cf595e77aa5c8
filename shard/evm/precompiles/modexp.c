#include "shard/evm/precompiles/modexp.h"

#include "base/u256.h"

#include <gmp.h>
#include <stdlib.h>

struct pc_modexp {
    mpz_t base, exponent, modulus, result;
    uint8_t *output;
    size_t capacity;
};

#define LENGTHS_BYTES ((size_t)96)

// The head of an input, and what is there of the three numbers behind it.
struct call {
    u256 base_length, exponent_length, modulus_length;
    struct bytes base, exponent, modulus;
};

struct pc_modexp *pc_modexp_create(void)
{
    struct pc_modexp *modexp = calloc(1, sizeof *modexp);
    if (modexp)
        mpz_inits(modexp->base, modexp->exponent, modexp->modulus, modexp->result, NULL);
    return modexp;
}

void pc_modexp_free(struct pc_modexp *modexp)
{
    if (!modexp)
        return;
    mpz_clears(modexp->base, modexp->exponent, modexp->modulus, modexp->result, NULL);
    free(modexp->output);
    free(modexp);
}

static u256 length_at(struct bytes input, size_t offset)
{
    uint8_t word[32] = {0};
    if (input.len > offset)
        memcpy(word, input.ptr + offset, input.len - offset < 32 ? input.len - offset : 32);
    return u256_from_be(word, 32);
}

// Takes the next `length` bytes, or what is there of them.
static struct bytes take(struct bytes *rest, const u256 *length)
{
    const size_t n = u256_fits_u64(length) && length->w[0] < rest->len ? length->w[0] : rest->len;
    const struct bytes taken = bytes_of(rest->ptr, n);
    *rest = bytes_of(n > 0 ? rest->ptr + n : rest->ptr, rest->len - n);
    return taken;
}

static struct call parse(struct bytes input)
{
    struct call call = {.base_length = length_at(input, 0),
                        .exponent_length = length_at(input, 32),
                        .modulus_length = length_at(input, 64)};
    struct bytes rest = {0};
    if (input.len > LENGTHS_BYTES)
        rest = bytes_of(input.ptr + LENGTHS_BYTES, input.len - LENGTHS_BYTES);
    call.base = take(&rest, &call.base_length);
    call.exponent = take(&rest, &call.exponent_length);
    call.modulus = take(&rest, &call.modulus_length);
    return call;
}

// The exponent's length in bits less one, where only its first 32 bytes are looked at; at least 1.
static unsigned __int128 iterations(const struct call *call)
{
    const uint64_t length = call->exponent_length.w[0];
    const size_t head_length = length < 32 ? length : 32;
    uint8_t head[32] = {0};
    if (call->exponent.len > 0)
        memcpy(head, call->exponent.ptr, call->exponent.len < head_length ? call->exponent.len : head_length);
    const u256 number = u256_from_be(head, head_length);
    const unsigned bits = u256_bits(&number);
    const unsigned __int128 count = (unsigned __int128)8 * (length - head_length) + (bits > 0 ? bits - 1 : 0);
    return count > 0 ? count : 1;
}

uint64_t pc_modexp_gas(struct bytes input)
{
    const uint64_t minimum = 200;
    const struct call call = parse(input);
    if (!u256_fits_u64(&call.base_length) || !u256_fits_u64(&call.modulus_length))
        return UINT64_MAX;
    const uint64_t longer =
        call.base_length.w[0] > call.modulus_length.w[0] ? call.base_length.w[0] : call.modulus_length.w[0];
    const unsigned __int128 words = longer / 8 + (longer % 8 != 0), complexity = words * words;
    if (complexity == 0)
        return minimum;
    if (!u256_fits_u64(&call.exponent_length))
        return UINT64_MAX;
    const unsigned __int128 count = iterations(&call);
    if (complexity > ~(unsigned __int128)0 / count)
        return UINT64_MAX;
    const unsigned __int128 gas = complexity * count / 3;
    if (gas > UINT64_MAX)
        return UINT64_MAX;
    return gas > minimum ? (uint64_t)gas : minimum;
}

static void read_number(mpz_t out, struct bytes in)
{
    mpz_import(out, in.len, 1, 1, 1, 0, in.ptr);
}

// The modulus is the last of the three, so only it can be there in part: with zeros behind it. Where base or exponent
// are not complete it is zero.
static void compute(struct pc_modexp *modexp, const struct call *call)
{
    read_number(modexp->modulus, call->modulus);
    mpz_mul_2exp(modexp->modulus, modexp->modulus, 8 * (call->modulus_length.w[0] - call->modulus.len));
    if (mpz_sgn(modexp->modulus) == 0) {
        mpz_set_ui(modexp->result, 0);
        return;
    }
    read_number(modexp->base, call->base);
    read_number(modexp->exponent, call->exponent);
    mpz_powm(modexp->result, modexp->base, modexp->exponent, modexp->modulus);
}

// Want of memory has no answer that all validators share; GMP ends the process too.
static void reserve_output(struct pc_modexp *modexp, size_t size)
{
    if (size <= modexp->capacity)
        return;
    free(modexp->output);
    modexp->output = malloc(size);
    if (!modexp->output)
        abort();
    modexp->capacity = size;
}

enum precompile_status pc_modexp_run(struct pc_modexp *modexp, struct bytes *output, struct bytes input)
{
    const struct call call = parse(input);
    *output = (struct bytes){0};
    if (u256_is_zero(&call.modulus_length))
        return PRECOMPILE_OK;
    const u256 longest = u256_from_u64(PRECOMPILE_MODEXP_MAX_BYTES);
    if (u256_cmp(&call.modulus_length, &longest) > 0)
        return PRECOMPILE_NOT_AVAILABLE;
    compute(modexp, &call);
    const size_t length = call.modulus_length.w[0];
    reserve_output(modexp, length);
    memset(modexp->output, 0, length);
    const size_t used = (mpz_sizeinbase(modexp->result, 2) + 7) / 8;
    if (mpz_sgn(modexp->result) != 0)
        mpz_export(modexp->output + length - used, NULL, 1, 1, 1, 0, modexp->result);
    *output = bytes_of(modexp->output, length);
    return PRECOMPILE_OK;
}
