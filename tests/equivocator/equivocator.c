// gantry, but for what it sends to every other peer: before each vote and each car header of its own, another one for
// the same view or position, signed too. Linked with --wrap for the functions below; nothing of this is in gantry.
#include "engine/net/links.h"
#include "engine/net/wire/codec.h"
#include "engine/order/signing.h"
#include "engine/order/vset.h"

#include <stdlib.h>

static const struct wire_set *set;
static const struct signing *own; // of the consensus key

struct signing *__real_signing_secp(const bytes32 *secret, bytes32 *public_key);
struct signing *__wrap_signing_secp(const bytes32 *secret, bytes32 *public_key);
void __real_vset_init(struct vset *s, uint64_t chain_id, unsigned n, const uint32_t *weights, const bytes32 *keys);
void __wrap_vset_init(struct vset *s, uint64_t chain_id, unsigned n, const uint32_t *weights, const bytes32 *keys);
enum link_sent __real_links_send(struct links *s, unsigned peer, unsigned group, struct payload *message,
                                 unsigned slot);
enum link_sent __wrap_links_send(struct links *s, unsigned peer, unsigned group, struct payload *message,
                                 unsigned slot);

struct signing *__wrap_signing_secp(const bytes32 *secret, bytes32 *public_key)
{
    struct signing *s = __real_signing_secp(secret, public_key);
    own = s;
    return s;
}

void __wrap_vset_init(struct vset *s, uint64_t chain_id, unsigned n, const uint32_t *weights, const bytes32 *keys)
{
    __real_vset_init(s, chain_id, n, weights, keys);
    set = &s->wire;
}

// Another message in its place, NULL where there is none.
static struct payload *contradict(struct bytes message)
{
    static _Thread_local struct wire_message m;
    if (!set || !own || wire_decode(&m, message, set) != WIRE_OK)
        return NULL;
    if (m.type == WIRE_VOTE && m.vote.kind != WIRE_NULLIFY) {
        m.vote.digest.b[0] ^= 1;
        const bytes32 digest = m.vote.digest;
        const bytes32 said = wire_vote_digest(set, m.epoch, m.vote.kind, m.vote.view, &digest);
        own->ops->sign(own, &m.vote.signature, &said);
    } else if (m.type == WIRE_CAR_HDR) {
        m.car.flags ^= WIRE_CAR_HELD_BACK;
        m.car.digest = wire_car_digest(set, m.epoch, &m.car);
        own->ops->sign(own, &m.car.signature, &m.car.digest);
    } else {
        return NULL;
    }
    struct payload *p = payload_new(wire_size(&m));
    wire_encode(p->data, &m);
    return p;
}

enum link_sent __wrap_links_send(struct links *s, unsigned peer, unsigned group, struct payload *message, unsigned slot)
{
    struct payload *other = peer % 2 == 0 ? contradict(bytes_of(message->data, message->len)) : NULL;
    if (other) {
        __real_links_send(s, peer, group, other, 0);
        payload_release(other);
    }
    return __real_links_send(s, peer, group, message, slot);
}
