#include "engine/snap/snap_server.h"

#include "engine/store/record.h"

#include <pthread.h>
#include <stdlib.h>

// Of a table's entries, in one answer.
#define TABLE_BYTES (512u << 10)
// Of a block's record.
#define PIECE_BYTES (512u << 10)

// A question on its way over the checkpoint thread.
struct job {
    struct job *next;
    struct snap_server *server;
    unsigned peer;
    bool release; // no question: let the pinned checkpoint go
    bool renew;   // pin the newest before answering
    struct wire_get_snap get;
    // the answer
    uint64_t height; // OFFER; 0: there is nothing to offer
    bytes32 block;
    uint8_t more;
    uint8_t *data; // malloc'ed
    size_t len;
};

struct snap_server {
    struct snap_server_options options;
    struct {
        bool waiting, under_way;
        struct wire_get_snap get;
    } peers[CLUSTER_PEERS_MAX];
    unsigned next_peer;   // whose turn it is
    uint64_t free_ns;     // when what was sent has had its time
    uint64_t used_ns;     // when the pinned state was last asked for
    bool pinned;          // as far as known here
    pthread_mutex_t lock; // of what follows
    pthread_cond_t settled;
    struct job *done;
    unsigned under_way;
};

struct snap_server *snap_server_create(const struct snap_server_options *options)
{
    struct snap_server *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    s->options = *options;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->settled, NULL);
    return s;
}

static void free_job(struct job *j)
{
    free(j->data);
    free(j);
}

void snap_server_free(struct snap_server *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    while (s->under_way > 0)
        pthread_cond_wait(&s->settled, &s->lock);
    pthread_mutex_unlock(&s->lock);
    while (s->done) {
        struct job *j = s->done;
        s->done = j->next;
        free_job(j);
    }
    pthread_cond_destroy(&s->settled);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

// ---- on the checkpoint thread

static bool add_entry(void *ctx, const struct checkpoint_entry *e)
{
    struct job *j = ctx;
    const uint32_t len = (uint32_t)e->value.len;
    const size_t more = e->key.len + sizeof len + e->value.len;
    if (j->len + more > TABLE_BYTES)
        return false;
    memcpy(j->data + j->len, e->key.ptr, e->key.len);
    memcpy(j->data + j->len + e->key.len, &len, sizeof len);
    memcpy(j->data + j->len + e->key.len + sizeof len, e->value.ptr, e->value.len);
    j->len += more;
    return true;
}

static enum checkpoint_table table_of(uint8_t kind)
{
    return kind == WIRE_SNAP_ACCOUNTS ? CHECKPOINT_ACCOUNTS
           : kind == WIRE_SNAP_SLOTS  ? CHECKPOINT_SLOTS
                                      : CHECKPOINT_CODES;
}

static void read_table(struct checkpoint *c, struct job *j)
{
    const bytes32 *pinned = checkpoint_pinned(c);
    j->more = WIRE_SNAP_GONE;
    if (!pinned || !bytes32_equal(pinned, &j->get.block))
        return;
    j->data = malloc(TABLE_BYTES);
    if (!j->data)
        abort();
    const bool all = checkpoint_read_pinned(c, table_of(j->get.kind), j->get.from, add_entry, j);
    j->more = all ? WIRE_SNAP_END : j->len > 0 ? WIRE_SNAP_MORE : WIRE_SNAP_GONE;
}

static void run_job(void *ctx)
{
    struct job *j = ctx;
    struct snap_server *s = j->server;
    struct checkpoint *c = s->options.checkpoint;
    char error[STORE_ERROR_MAX];
    if (j->release) {
        checkpoint_unpin(c);
    } else if (j->get.kind == WIRE_SNAP_OFFER) {
        if (!checkpoint_pin(c, j->renew, &j->height, &j->block, error))
            j->height = 0;
    } else {
        read_table(c, j);
    }
    pthread_mutex_lock(&s->lock);
    j->next = s->done;
    s->done = j;
    s->under_way--;
    pthread_cond_signal(&s->settled);
    pthread_mutex_unlock(&s->lock);
    inbox_wake(s->options.owner);
}

// ---- answering

static void answer(struct snap_server *s, unsigned peer, const struct wire_message *m)
{
    const size_t bytes = wire_size(m);
    if (bytes == 0)
        return;
    s->options.send(s->options.ctx, peer, m);
    s->free_ns += bytes * (uint64_t)1000000000 / SNAP_BYTES_PER_S;
}

static void send_chunk(struct snap_server *s, unsigned peer, const struct wire_get_snap *get, uint8_t more,
                       struct bytes data)
{
    struct wire_message m;
    m.type = WIRE_SNAP_CHUNK;
    m.epoch = 0;
    m.snap_chunk = (struct wire_snap_chunk){*get, more, data};
    answer(s, peer, &m);
}

static bool read_header(struct snap_server *s, uint64_t height, struct header *out, bytes32 *hash, uint8_t *mem)
{
    char error[STORE_ERROR_MAX];
    const size_t len = blog_read_start(s->options.blog, height, mem, RECORD_START_BYTES, error);
    return len > 0 && record_start_header(out, hash, bytes_of(mem, len));
}

static void offer(struct snap_server *s, const struct job *j)
{
    struct wire_message m;
    m.type = WIRE_SNAP_LIST;
    m.snap_list = (struct wire_snap_list){.offer = {.height = j->height, .block = j->block}};
    m.snap_list.offer.bytes = checkpoint_bytes(s->options.checkpoint);
    if (j->height > 0 && s->options.describe(s->options.ctx, &m))
        answer(s, j->peer, &m);
}

// The header of one of the newest blocks, by its hash.
static bool add_header(struct snap_server *s, struct certificate *c, const bytes32 *wanted)
{
    const uint64_t last = blog_durable(s->options.blog);
    for (uint64_t height = last; height > 0 && last - height < SNAP_ATTESTED_BLOCKS; height--) {
        uint8_t mem[RECORD_START_BYTES], rlp[HEADER_ENCODED_MAX];
        struct header header;
        bytes32 hash;
        if (!read_header(s, height, &header, &hash, mem))
            return false;
        if (bytes32_equal(&hash, wanted))
            return certificate_add_executed(c, bytes_of(rlp, header_encode(rlp, &header)));
    }
    return false;
}

static void prove(struct snap_server *s, unsigned peer, const struct wire_get_snap *get)
{
    struct certificate *c = certificate_new();
    bytes32 digest;
    char *text = NULL;
    if (s->options.attested(s->options.ctx, &digest) &&
        finality_prove(s->options.finality, &digest, true, c) == FINALITY_PROVED &&
        add_header(s, c, &c->ordering[0].exec_root))
        text = certificate_write(c);
    certificate_free(c);
    send_chunk(s, peer, get, text ? WIRE_SNAP_END : WIRE_SNAP_GONE, bytes_of(text, text ? strlen(text) : 0));
    free(text);
}

static void send_piece(struct snap_server *s, unsigned peer, const struct wire_get_snap *get)
{
    char error[STORE_ERROR_MAX];
    const uint64_t number = load_le64(get->from), offset = load_le64(get->from + 8);
    const bool kept = number >= blog_first(s->options.blog) && number <= blog_durable(s->options.blog);
    size_t len = 0;
    uint8_t *record = kept ? blog_read(s->options.blog, number, &len, error) : NULL;
    if (!record || offset >= len) {
        send_chunk(s, peer, get, WIRE_SNAP_GONE, bytes_of(NULL, 0));
    } else {
        const size_t rest = len - (size_t)offset, piece = rest < PIECE_BYTES ? rest : PIECE_BYTES;
        send_chunk(s, peer, get, piece < rest ? WIRE_SNAP_MORE : WIRE_SNAP_END, bytes_of(record + offset, piece));
    }
    free(record);
}

static void take_done(struct snap_server *s)
{
    pthread_mutex_lock(&s->lock);
    struct job *done = s->done;
    s->done = NULL;
    pthread_mutex_unlock(&s->lock);
    while (done) {
        struct job *j = done;
        done = j->next;
        if (!j->release) {
            s->peers[j->peer].under_way = false;
            if (j->get.kind == WIRE_SNAP_OFFER)
                offer(s, j);
            else
                send_chunk(s, j->peer, &j->get, j->more, bytes_of(j->data, j->len));
        }
        free_job(j);
    }
}

// ---- asking

// False: too much waits for the checkpoint thread.
static bool start_job(struct snap_server *s, const struct job *like)
{
    struct job *j = malloc(sizeof *j);
    if (!j)
        abort();
    *j = *like;
    j->server = s;
    pthread_mutex_lock(&s->lock);
    s->under_way++;
    pthread_mutex_unlock(&s->lock);
    if (checkpoint_background(s->options.checkpoint, run_job, j))
        return true;
    pthread_mutex_lock(&s->lock);
    s->under_way--;
    pthread_mutex_unlock(&s->lock);
    free_job(j);
    return false;
}

void snap_server_ask(struct snap_server *s, unsigned peer, const struct wire_get_snap *get)
{
    if (s->peers[peer].waiting || s->peers[peer].under_way)
        return;
    s->peers[peer].waiting = true;
    s->peers[peer].get = *get;
}

static void begin(struct snap_server *s, unsigned peer, uint64_t now_ns)
{
    const struct wire_get_snap *get = &s->peers[peer].get;
    const bool offers = get->kind == WIRE_SNAP_OFFER;
    if (get->kind == WIRE_SNAP_PROOF || get->kind == WIRE_SNAP_BLOCK) {
        s->peers[peer].waiting = false;
        s->used_ns = now_ns;
        if (get->kind == WIRE_SNAP_PROOF)
            prove(s, peer, get);
        else
            send_piece(s, peer, get);
        return;
    }
    const bool idle = now_ns - s->used_ns >= SNAP_IDLE_NS;
    if (!start_job(s, &(struct job){.peer = peer, .get = *get, .renew = offers && idle}))
        return;
    s->peers[peer].waiting = false;
    s->peers[peer].under_way = true;
    s->pinned = true;
    if (!offers || idle)
        s->used_ns = now_ns;
}

uint64_t snap_server_step(struct snap_server *s, uint64_t now_ns)
{
    take_done(s);
    if (s->free_ns < now_ns)
        s->free_ns = now_ns;
    for (unsigned i = 0; i < CLUSTER_PEERS_MAX && s->free_ns <= now_ns; i++) {
        const unsigned peer = (s->next_peer + i) % CLUSTER_PEERS_MAX;
        if (!s->peers[peer].waiting)
            continue;
        begin(s, peer, now_ns);
        s->next_peer = peer + 1;
    }
    for (unsigned i = 0; i < CLUSTER_PEERS_MAX; i++) {
        if (s->peers[i].waiting)
            return s->free_ns > now_ns ? s->free_ns : now_ns + 1000000;
    }
    if (!s->pinned)
        return UINT64_MAX;
    if (now_ns - s->used_ns < SNAP_IDLE_NS)
        return s->used_ns + SNAP_IDLE_NS;
    s->pinned = !start_job(s, &(struct job){.release = true});
    return s->pinned ? now_ns + SNAP_IDLE_NS : UINT64_MAX;
}
