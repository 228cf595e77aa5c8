#include "tools/load/load_set.h"

#include "base/keccak.h"
#include "chain/genesis.h"
#include "tools/load/load_cache.h"
#include "tools/load/parallel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define CHUNK 1024
#define RAW_ROOM 512
// Streams of draws from one seed.
#define DRAW_SENDER 0x9e3779b97f4a7c15
#define DRAW_RECEIVER 0xbf58476d1ce4e5b9
#define DRAW_VALUE 0x94d049bb133111eb
#define DRAW_KIND 0xd6e8feb86659fd93
#define DRAW_CONTRACT 0xa0761d6478bd642f

static const struct load_mix only_transfers = {.weight = {[LOAD_TRANSFER] = 1}};

// splitmix64's finaliser: item i's draw depends on i alone, so that sets are prefixes of longer ones.
static uint64_t draw(uint64_t seed, uint64_t stream, uint64_t i)
{
    uint64_t z = seed * stream + (i + 1) * 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

// Uniform below n; the bias is below n / 2^64.
static uint64_t draw_below(uint64_t seed, uint64_t stream, uint64_t i, uint64_t n)
{
    return (uint64_t)((unsigned __int128)draw(seed, stream, i) * n >> 64);
}

struct signing {
    const struct load_plan *plan;
    const struct load_senders *senders;
    uint64_t *nonce; // by item
    uint32_t *sender;
    bytes32 *hash;
    uint8_t *frames;
    size_t stride;
};

static const struct load_mix *mix_of(const struct load_plan *plan)
{
    return plan->mix ? plan->mix : &only_transfers;
}

static struct tx_fields fields_of(const struct signing *s, uint64_t item, uint8_t data[LOAD_CALL_DATA_MAX])
{
    const struct load_plan *plan = s->plan;
    const uint64_t receiver = draw_below(plan->seed, DRAW_RECEIVER, item, plan->account_count);
    const address to =
        receiver < plan->sender_count ? s->senders->addr[receiver] : bench_receiver(plan->seed, receiver);
    const struct load_draws draws = {draw(plan->seed, DRAW_KIND, item), draw(plan->seed, DRAW_CONTRACT, item),
                                     draw(plan->seed, DRAW_VALUE, item)};
    struct tx_fields fields = {
        .type = TX_DYNAMIC_FEE,
        .chain_id = plan->chain_id,
        .nonce = s->nonce[item],
        .max_fee = u256_from_u64(plan->max_fee_wei),
        .max_tip = u256_from_u64(plan->max_tip_wei),
    };
    load_mix_call(mix_of(plan), &draws, &s->senders->addr[s->sender[item]], &to, data, &fields);
    return fields;
}

static void sign_item(const struct signing *s, uint64_t item)
{
    const uint32_t sender = s->sender[item];
    uint8_t data[LOAD_CALL_DATA_MAX], message[RAW_ROOM], raw[RAW_ROOM];
    const struct tx_fields fields = fields_of(s, item, data);
    const size_t message_len = tx_encode_unsigned(message, sizeof message, &fields);
    const bytes32 signing_hash = keccak256(message, message_len);
    struct sv_signature signature;
    if (!sv_sign(&signature, &signing_hash, &s->senders->secret[sender]))
        abort();
    const size_t raw_len = tx_encode_signed(raw, sizeof raw, &fields, signature.v & 1, &signature.r, &signature.s);
    s->hash[item] = keccak256(raw, raw_len);
    struct sv_witness witness = {0};
    memcpy(witness.pubkey, s->senders->pubkey[sender], sizeof witness.pubkey);
    // A recovery id above 1 does not occur in practice.
    witness.has_ry = s->plan->witness == LOAD_KEY_AND_RY;
    if (witness.has_ry && (signature.v > 1 || !sv_lift_x(witness.ry, signature.r.b, signature.v)))
        abort();
    ingest_frame_put(s->frames + item * s->stride, bytes_of(raw, raw_len),
                     s->plan->witness == LOAD_NO_WITNESS ? NULL : &witness);
}

static void sign_range(void *ctx, uint64_t first, uint64_t end)
{
    for (uint64_t i = first; i < end; i++)
        sign_item(ctx, i);
}

static uint32_t head_bytes(enum load_witness witness)
{
    return 5 + (witness == LOAD_NO_WITNESS ? 0 : witness == LOAD_KEY ? 64 : 96);
}

// Room for the longest frame of the plan, to a multiple of 8.
static size_t stride_of(const struct load_plan *plan)
{
    uint8_t raw[RAW_ROOM], data[LOAD_CALL_DATA_MAX];
    bytes32 scalar;
    memset(scalar.b, 0xff, sizeof scalar.b);
    memset(data, 0xff, sizeof data);
    const struct tx_fields longest = {.type = TX_DYNAMIC_FEE,
                                      .chain_id = plan->chain_id,
                                      .nonce = UINT64_MAX,
                                      .gas_limit = load_mix_gas_max(mix_of(plan)),
                                      .max_fee = u256_from_u64(plan->max_fee_wei),
                                      .max_tip = u256_from_u64(plan->max_tip_wei),
                                      .value = u256_from_u64(UINT32_MAX), // more than is ever drawn
                                      .data = bytes_of(data, load_mix_data_max(mix_of(plan)))};
    const size_t raw_len = tx_encode_signed(raw, sizeof raw, &longest, 1, &scalar, &scalar);
    return (head_bytes(plan->witness) + raw_len + 7) / 8 * 8;
}

// Draws the senders of all items and counts their nonces up.
static void draw_senders(struct signing *s)
{
    const struct load_plan *plan = s->plan;
    uint64_t *next = calloc(plan->sender_count, sizeof *next);
    if (!next)
        abort();
    if (plan->first_nonce)
        memcpy(next, plan->first_nonce, plan->sender_count * sizeof *next);
    for (uint64_t i = 0; i < plan->count; i++) {
        s->sender[i] = (uint32_t)draw_below(plan->seed, DRAW_SENDER, i, plan->sender_count);
        s->nonce[i] = next[s->sender[i]]++;
    }
    free(next);
}

static void make(const struct load_plan *plan, const struct load_senders *senders, struct load_file *file)
{
    struct signing s = {.plan = plan,
                        .senders = senders,
                        .sender = load_file_senders(file),
                        .hash = load_file_hashes(file),
                        .frames = load_file_frames(file),
                        .stride = stride_of(plan)};
    struct load_senders *own = NULL;
    if (!senders)
        s.senders = own = load_senders_derive(plan->seed, plan->sender_count);
    s.nonce = malloc(plan->count * sizeof *s.nonce);
    if (!s.nonce)
        abort();
    draw_senders(&s);
    parallel_for(plan->count, CHUNK, "signing transactions", sign_range, &s);
    free(s.nonce);
    load_senders_free(own);
}

struct load_set *load_set_open(const struct load_plan *plan, const struct load_senders *senders, const char *cache_dir,
                               char error[LOAD_ERROR_MAX])
{
    struct load_file file;
    const size_t stride = stride_of(plan);
    const bool cached = cache_dir && load_file_find(&file, plan, stride, cache_dir);
    if (!cached) {
        if (!load_file_create(&file, plan, stride, cache_dir, error))
            return NULL;
        make(plan, senders, &file);
        if (cache_dir)
            load_file_keep(&file, cache_dir);
    }
    struct load_set *set = malloc(sizeof *set);
    if (!set)
        abort();
    *set = (struct load_set){.count = load_file_count(&file),
                             .sender = load_file_senders(&file),
                             .hash = load_file_hashes(&file),
                             .from_cache = cached,
                             .frames = load_file_frames(&file),
                             .stride = stride,
                             .head = head_bytes(plan->witness),
                             .map = file.map,
                             .map_len = file.map_len};
    return set;
}

void load_set_close(struct load_set *set)
{
    if (!set)
        return;
    munmap(set->map, set->map_len);
    free(set);
}
