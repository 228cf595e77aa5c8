#include "tests/engine/snap_peer.h"

#include "base/clock.h"
#include "base/keccak.h"
#include "engine/net/listen.h"
#include "engine/store/account_codec.h"
#include "engine/store/record.h"
#include "shard/trie/account_trie.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

static const uint8_t CODE[] = {0x60, 0x00, 0x00};
#define ACCOUNTS 9u // the first has code, the second storage

// ---- the state

static bytes32 key_of(unsigned i)
{
    return (bytes32){{(uint8_t)(16 * i + 3), 7, (uint8_t)i}};
}

static void add(struct snap_peer *p, uint8_t kind, const void *key, size_t key_len, const void *value, size_t len)
{
    const size_t i = p->entry_count[kind]++;
    memcpy(p->entries[kind][i].key, key, key_len);
    memcpy(p->entries[kind][i].value, value, len);
    p->entries[kind][i].value_len = len;
}

static void add_account(struct snap_peer *p, const bytes32 *key, const struct account *a,
                        const struct account_contract *c)
{
    uint8_t buf[ACCOUNT_ENCODED_MAX];
    add(p, WIRE_SNAP_ACCOUNTS, key, 32, buf, account_put(buf, a, c));
}

static void add_slot(struct snap_peer *p, const bytes32 *key, uint64_t value)
{
    uint8_t name[64] = {0}, buf[SLOT_ENCODED_MAX];
    const u256 number = u256_from_u64(value);
    memcpy(name, key, 32);
    name[63] = 1;
    add(p, WIRE_SNAP_SLOTS, name, 64, buf, slot_put(buf, &number));
}

// Returns the root of the state as it should be, and fills the tables with what the peer says that it is.
static bytes32 make_state(struct snap_peer *p)
{
    struct arena *arena = arena_create();
    struct subroot *subroots = calloc(256, sizeof *subroots);
    const bytes32 code_hash = keccak256(CODE, sizeof CODE);
    uint8_t code[sizeof CODE];
    memcpy(code, CODE, sizeof CODE);
    code[1] ^= p->lie == WRONG_CODE;
    add(p, WIRE_SNAP_CODES, &code_hash, 32, code, sizeof code);
    for (unsigned i = 0; i < ACCOUNTS; i++) {
        const bytes32 key = key_of(i);
        struct account a = {.nonce = i + 1, .balance = u256_from_u64(1000 + i)};
        struct account_contract c = account_no_contract();
        struct state *s = state_create(arena);
        state_load_begin(s, 1);
        if (i == 0)
            c.code_hash = code_hash;
        const uint32_t id = state_load_contract(s, &key, &a, &c.code_hash);
        if (i == 1)
            state_load_slot(s, id, &(u256){{1}}, &(u256){{5}});
        state_load_end(s);
        state_set_height(s, 0);
        struct account_trie *t = account_trie_create(arena, s);
        account_trie_rebuild(&t, 1);
        account_trie_subroot(t, &subroots[key.b[0]]);
        c.storage_root = state_storage_root(s, id);
        account_trie_free(t);
        state_free(s);
        if (i == 1)
            add_slot(p, &key, p->lie == WRONG_SLOT ? 6 : 5);
        if (i == 1 && p->lie == WRONG_STORAGE_ROOT)
            c.storage_root.b[0] ^= 1;
        if (i == 3 && p->lie == WRONG_BALANCE)
            a.balance.w[0]++;
        if (i == 4 && p->lie == SLOT_OF_NOBODY)
            add_slot(p, &(bytes32){{key.b[0], 0xff}}, 9);
        if (i == 4 && p->lie == USELESS_ACCOUNT)
            add_account(p, &(bytes32){{key.b[0], 1}}, &(struct account){0},
                        &(struct account_contract){.storage_root = KECCAK256_EMPTY_RLP, .code_hash = KECCAK256_EMPTY});
        if (i != 5 || p->lie != MISSING_ACCOUNT)
            add_account(p, &key, &a, &c);
    }
    const bytes32 root = state_root_join(subroots);
    free(subroots);
    arena_destroy(arena);
    return root;
}

static void make_blocks(struct snap_peer *p, const bytes32 *state_root)
{
    const struct exec_counts counts = {0};
    for (unsigned n = 1; n <= SNAP_PEER_BLOCKS; n++) {
        struct header h = certificate_fixture_header(n, &p->blocks[n - 1], &(bytes32){{(uint8_t)n, 0xbb}});
        h.state_root = *state_root;
        h.transactions_root = h.receipts_root = h.withdrawals_root = KECCAK256_EMPTY_RLP;
        p->blocks[n] = header_hash(&h);
        if (p->lie == OTHER_BLOCK && n == SNAP_PEER_BLOCKS - 1)
            h.gas_limit++;
        const struct record_input in = {.header = &h, .time_ms = n, .counts = &counts};
        p->record_len[n] = record_size(&in);
        p->records[n] = malloc(p->record_len[n]);
        record_put(p->records[n], &in);
    }
}

static void make_proof(struct snap_peer *p)
{
    struct certificate *c = certificate_new();
    struct record r;
    uint8_t rlp[HEADER_ENCODED_MAX];
    const unsigned newest = SNAP_PEER_BLOCKS;
    cr_assert(record_decode(&r, bytes_of(p->records[newest], p->record_len[newest])));
    cr_assert(certificate_add_executed(c, bytes_of(rlp, header_encode(rlp, &r.header))));
    c->ordering[0] =
        certificate_fixture_block(&p->validators, 9, &(bytes32){{1}}, SNAP_PEER_ORDERED, &p->blocks[newest]);
    c->ordering_count = 1;
    struct kept_cert *cert =
        certificate_fixture_cert(&p->validators, &c->ordering[0], WIRE_FINALIZE, p->lie == UNSIGNED ? 0x3 : 0x7);
    certificate_fixture_sign(c, cert, c->ordering[0].epoch);
    kept_cert_unref(cert);
    p->proof = certificate_write(c);
    if (p->lie == NOT_A_PROOF)
        p->proof[0] = '[';
    certificate_free(c);
}

// ---- answering

// Three entries at a time.
static size_t put_entries(const struct snap_peer *p, const struct wire_get_snap *get, uint8_t *out, uint8_t *more)
{
    const size_t key_bytes = wire_snap_key_bytes(get->kind);
    size_t at = 0, count = 0;
    *more = WIRE_SNAP_END;
    for (size_t i = 0; i < p->entry_count[get->kind]; i++) {
        const uint32_t len = (uint32_t)p->entries[get->kind][i].value_len;
        if (memcmp(p->entries[get->kind][i].key, get->from, key_bytes) < 0)
            continue;
        if (count++ == 3) {
            *more = WIRE_SNAP_MORE;
            break;
        }
        memcpy(out + at, p->entries[get->kind][i].key, key_bytes);
        out[at] ^= p->lie == MALFORMED && count == 3 ? 0xff : 0;
        memcpy(out + at + key_bytes, &len, 4);
        memcpy(out + at + key_bytes + 4, p->entries[get->kind][i].value, len);
        at += key_bytes + 4 + len;
    }
    return at;
}

struct end {
    struct snap_peer *peer;
    struct end *bulk;
    int fd;
    struct link *link;
};

static void answer(struct end *to, const struct wire_get_snap *get)
{
    struct snap_peer *p = to->peer;
    static uint8_t mem[8192];
    struct wire_message m = {.type = WIRE_SNAP_CHUNK};
    struct wire_snap_chunk *c = &m.snap_chunk;
    c->get = *get;
    if (get->kind == WIRE_SNAP_PROOF) {
        c->data = bytes_of(p->proof, strlen(p->proof));
    } else if (get->kind == WIRE_SNAP_BLOCK) {
        const unsigned n = get->from[0], offset = (unsigned)load_le64(get->from + 8);
        const size_t rest = p->record_len[n] - offset, len = rest < 300 ? rest : 300;
        c->data = bytes_of(p->records[n] + offset, len);
        c->more = len < rest ? WIRE_SNAP_MORE : WIRE_SNAP_END;
    } else if (bytes32_equal(&get->block, &p->blocks[SNAP_PEER_HEIGHT])) {
        c->data = bytes_of(mem, put_entries(p, get, mem, &c->more));
    } else {
        c->more = WIRE_SNAP_GONE;
    }
    struct payload *payload = payload_new(wire_size(&m));
    wire_encode(payload->data, &m);
    link_send(to->link, payload, 0);
    payload_release(payload);
    p->answers++;
}

static void message(void *ctx, struct link *l, struct bytes in)
{
    static struct wire_message m;
    const struct end *e = ctx;
    (void)l;
    if (wire_decode(&m, in, &e->peer->validators.set.wire) == WIRE_OK && m.type == WIRE_GET_SNAP)
        answer(e->bulk, &m.get_snap);
}

static bool greeted(void *ctx, struct link *l, const struct wire_hello *theirs, struct wire_hello *ours)
{
    (void)ctx, (void)l, (void)theirs;
    ours->shards = 1;
    return true;
}

static const struct link_ops OPS = {.greeted = greeted, .message = message};

static void accept_end(struct end *e)
{
    uint8_t prologue[LINK_PROLOGUE_BYTES];
    struct link_options o = {.ops = &OPS, .ctx = e, .secret = e->peer->secret, .now_ns = clock_ns()};
    link_prologue(prologue, &e->peer->genesis);
    o.prologue = bytes_of(prologue, sizeof prologue);
    o.ephemeral = (bytes32){{9, (uint8_t)clock_ns(), (uint8_t)(clock_ns() >> 8)}};
    o.hello.shards = 1;
    e->fd = accept(e->peer->listen_fd, NULL, NULL);
    cr_assert(e->fd >= 0 && (e->link = link_create(&o)));
}

// False: the other end is gone.
static bool serve(struct end *e)
{
    uint8_t buf[4096];
    const ssize_t n = recv(e->fd, buf, sizeof buf, MSG_DONTWAIT);
    if (n == 0)
        return false;
    if (n > 0)
        (void)link_receive(e->link, buf, (size_t)n);
    if (link_is_held(e->link))
        (void)link_resume(e->link);
    return true;
}

static void flush(struct end *e)
{
    for (struct bytes out = link_output(e->link); out.len > 0; out = link_output(e->link)) {
        const ssize_t n = send(e->fd, out.ptr, out.len, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        link_sent(e->link, (size_t)n);
    }
}

// Control and bulk connection of one visitor, until it goes.
static void visit(struct snap_peer *p)
{
    struct end ends[2] = {{.peer = p, .fd = -1}, {.peer = p, .fd = -1}};
    ends[0].bulk = ends[1].bulk = &ends[1];
    unsigned count = 0;
    bool more = true;
    while (more && !p->stop && (p->hang_up_after == 0 || p->answers < p->hang_up_after)) {
        struct pollfd fds[3] = {{p->listen_fd, POLLIN, 0}, {ends[0].fd, POLLIN, 0}, {ends[1].fd, POLLIN, 0}};
        poll(fds, 1 + count, 20);
        if ((fds[0].revents & POLLIN) && count < 2)
            accept_end(&ends[count++]);
        for (unsigned i = 0; i < count && more; i++)
            more = serve(&ends[i]);
        for (unsigned i = 0; i < count; i++)
            flush(&ends[i]);
    }
    for (unsigned i = 0; i < count; i++) {
        link_free(ends[i].link);
        close(ends[i].fd);
    }
}

static void *run(void *ctx)
{
    struct snap_peer *p = ctx;
    while (!p->stop) {
        visit(p);
        p->hang_up_after = 0;
    }
    return NULL;
}

void snap_peer_start(struct snap_peer *p, enum snap_lie lie)
{
    char error[200];
    unsigned port = 0;
    *p = (struct snap_peer){.lie = lie, .secret = {{5, 5}}, .genesis = {{0x11}}};
    certificate_fixture_open(&p->validators);
    const bytes32 root = make_state(p);
    make_blocks(p, &root);
    make_proof(p);
    cr_assert(noise_public_key(p->key, &p->secret));
    p->listen_fd = net_listen("127.0.0.1", &port, 0, error, sizeof error);
    cr_assert(p->listen_fd >= 0 && net_resolve(&p->at, "127.0.0.1", port, error, sizeof error), "%s", error);
    cr_assert_eq(pthread_create(&p->thread, NULL, run, p), 0);
}

void snap_peer_stop(struct snap_peer *p)
{
    p->stop = true;
    pthread_join(p->thread, NULL);
    close(p->listen_fd);
    for (unsigned n = 1; n <= SNAP_PEER_BLOCKS; n++)
        free(p->records[n]);
    free(p->proof);
    certificate_fixture_close(&p->validators);
}
