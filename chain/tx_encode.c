#include "chain/tx.h"

#include "base/rlp.h"

static const uint8_t EMPTY_LIST[] = {0xc0};

static struct bytes target(const struct tx_fields *fields)
{
    return fields->is_create ? bytes_of(NULL, 0) : bytes_of(fields->to.b, sizeof fields->to.b);
}

static struct bytes access_list(const struct tx_fields *fields)
{
    if (fields->type == TX_LEGACY)
        return bytes_of(NULL, 0);
    return fields->access_list.len == 0 ? bytes_of(EMPTY_LIST, 1) : fields->access_list;
}

// Size of the fields that every signature covers.
static size_t size_common(const struct tx_fields *f)
{
    size_t size = rlp_size_u64(f->nonce) + rlp_size_u256(&f->max_fee) + rlp_size_u64(f->gas_limit) +
                  rlp_size_string(target(f)) + rlp_size_u256(&f->value) + rlp_size_string(f->data) + access_list(f).len;
    if (f->type != TX_LEGACY)
        size += rlp_size_u64(f->chain_id);
    if (f->type == TX_DYNAMIC_FEE)
        size += rlp_size_u256(&f->max_tip);
    return size;
}

static uint8_t *put_common(uint8_t *p, const struct tx_fields *f)
{
    if (f->type != TX_LEGACY)
        p = rlp_put_u64(p, f->chain_id);
    p = rlp_put_u64(p, f->nonce);
    if (f->type == TX_DYNAMIC_FEE)
        p = rlp_put_u256(p, &f->max_tip);
    p = rlp_put_u256(p, &f->max_fee);
    p = rlp_put_u64(p, f->gas_limit);
    p = rlp_put_string(p, target(f));
    p = rlp_put_u256(p, &f->value);
    p = rlp_put_string(p, f->data);
    const struct bytes list = access_list(f);
    if (list.len > 0)
        memcpy(p, list.ptr, list.len);
    return p + list.len;
}

// Writes [type] list(common fields, tail); 0 when cap is too small.
static size_t encode(uint8_t *buf, size_t cap, const struct tx_fields *f, const uint8_t *tail, size_t tail_len)
{
    const size_t payload = size_common(f) + tail_len;
    const bool is_typed = f->type != TX_LEGACY;
    const size_t total = is_typed + rlp_size_list(payload);
    if (total > cap)
        return 0;
    uint8_t *p = buf;
    if (is_typed)
        *p++ = (uint8_t)f->type;
    p = rlp_put_list(p, payload);
    p = put_common(p, f);
    if (tail_len > 0)
        memcpy(p, tail, tail_len);
    return total;
}

size_t tx_encode_unsigned(uint8_t *buf, size_t cap, const struct tx_fields *fields)
{
    uint8_t tail[16], *p = tail;
    if (fields->type == TX_LEGACY && fields->chain_id != 0) {
        p = rlp_put_u64(p, fields->chain_id);
        p = rlp_put_u64(p, 0);
        p = rlp_put_u64(p, 0);
    }
    return encode(buf, cap, fields, tail, (size_t)(p - tail));
}

// v of EIP-155 for the largest chain ids needs 65 bits.
static u256 v_of(const struct tx_fields *fields, uint8_t y_parity)
{
    u256 v = u256_from_u64(y_parity);
    if (fields->type != TX_LEGACY)
        return v;
    const u256 base = u256_from_u64(fields->chain_id == 0 ? 27 : 35);
    const u256 chain_id = u256_from_u64(fields->chain_id);
    u256_add(&v, &v, &base);
    u256_add(&v, &v, &chain_id);
    u256_add(&v, &v, &chain_id);
    return v;
}

size_t tx_encode_signed(uint8_t *buf, size_t cap, const struct tx_fields *fields, uint8_t y_parity, const bytes32 *r,
                        const bytes32 *s)
{
    uint8_t tail[3 * 33], *p = tail;
    const u256 v = v_of(fields, y_parity), r_value = u256_from_be(r->b, 32), s_value = u256_from_be(s->b, 32);
    p = rlp_put_u256(p, &v);
    p = rlp_put_u256(p, &r_value);
    p = rlp_put_u256(p, &s_value);
    return encode(buf, cap, fields, tail, (size_t)(p - tail));
}
