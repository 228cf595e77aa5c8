#include "tests/engine_support/whole_node.h"

#include "base/hex.h"
#include "engine/net/listen.h"
#include "shard/ingest/wire.h"
#include "sigverify/sigverify.h"
#include "tests/engine_support/transfers.h"
#include "tests/support/vectors.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define UNANSWERED_MAX 200

static void die(const char *what)
{
    fprintf(stderr, "whole node: %s\n", what);
    abort();
}

// ---- the node

char *whole_node_genesis(uint64_t seed)
{
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    fprintf(f, "{\"config\": {\"chainId\": 31337}, \"alloc\": {");
    for (size_t i = 0; i < WHOLE_NODE_SENDERS; i++) {
        bytes32 key = bench_key(seed, i);
        uint8_t public_key[64];
        char hex[41] = {0};
        if (!sv_public_key(public_key, &key))
            die("a key is not valid");
        address a = sv_address(public_key);
        hex_encode(hex, a.b, sizeof a.b);
        fprintf(f, "%s\"0x%s\": {\"balance\": \"1000000000000000000000\"}", i ? ", " : "", hex);
    }
    fprintf(f, "}}\n");
    fclose(f);
    return text;
}

struct node *open_and_start_node(const struct node_config *config, const char *genesis, char error[NODE_ERROR_MAX])
{
    struct node *n = node_open(config, genesis, error);
    if (n && !node_start(n, error)) {
        node_free(n);
        n = NULL;
    }
    return n;
}

bool whole_node_start(struct whole_node *w, uint64_t seed, const char *folder, const char *settings,
                      const char *genesis)
{
    char error[CONFIG_ERROR_MAX], *own = genesis ? NULL : whole_node_genesis(seed);
    *w = (struct whole_node){.seed = seed};
    config_defaults(NODE_CONFIG_KEYS, NODE_CONFIG_KEY_COUNT, &w->config);
    static const char defaults[] = "rpc-port = 0\ningest-port = 0\nblock-time = 5ms\nrpc-developer = true\n";
    if (!config_parse(NODE_CONFIG_KEYS, NODE_CONFIG_KEY_COUNT, &w->config, "defaults", defaults, sizeof defaults - 1,
                      error) ||
        !config_parse(NODE_CONFIG_KEYS, NODE_CONFIG_KEY_COUNT, &w->config, "settings", settings, strlen(settings),
                      error) ||
        !config_set(NODE_CONFIG_KEYS, NODE_CONFIG_KEY_COUNT, &w->config, "data", folder, error))
        die(error);
    bool none = genesis && !*genesis;
    w->node = open_and_start_node(&w->config, none ? NULL : genesis ? genesis : own, w->error);
    free(own);
    if (!w->node)
        config_free(NODE_CONFIG_KEYS, NODE_CONFIG_KEY_COUNT, &w->config);
    return w->node != NULL;
}

void whole_node_free(struct whole_node *w)
{
    node_free(w->node);
    config_free(NODE_CONFIG_KEYS, NODE_CONFIG_KEY_COUNT, &w->config);
}

int whole_node_stop(struct whole_node *w)
{
    node_stop(w->node);
    int status = node_wait(w->node);
    whole_node_free(w);
    return status;
}

// ---- sockets

#define PORT_MIN 10000u
#define PORTS 20000u

int claim_port(unsigned *port, uint64_t *random)
{
    char error[256];
    int fd = -1;
    for (unsigned tries = 0; fd < 0 && tries < 100; tries++) {
        *port = PORT_MIN + (unsigned)(test_random(random) % PORTS);
        fd = net_listen("127.0.0.1", port, 0, error, sizeof error);
    }
    if (fd < 0)
        die(error);
    return fd;
}

static int dial(unsigned port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct timeval patience = {5, 0};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        return fd;
    }
    if (fd >= 0)
        close(fd);
    return -1;
}

// A node's thread that started io_uring operations is interrupted by their ends, and a socket with a time limit tells.
#define uninterrupted(call)                                                                                            \
    ({                                                                                                                 \
        ssize_t result_;                                                                                               \
        do                                                                                                             \
            result_ = (call);                                                                                          \
        while (result_ < 0 && errno == EINTR);                                                                         \
        result_;                                                                                                       \
    })

static bool send_all(int fd, const void *bytes, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = uninterrupted(send(fd, (const uint8_t *)bytes + done, len - done, MSG_NOSIGNAL));
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

static bool receive_all(int fd, void *out, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = uninterrupted(recv(fd, (uint8_t *)out + done, len - done, 0));
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

char *ask_http(unsigned port, const char *path, const char *body, int *status)
{
    int fd = dial(port);
    if (fd < 0)
        return NULL;
    char head[512], *text = NULL, *answer = NULL;
    size_t len = 0;
    int n = snprintf(head, sizeof head,
                     "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n"
                     "Content-Length: %zu\r\n\r\n",
                     body ? "POST" : "GET", path, body ? strlen(body) : 0);
    FILE *f = open_memstream(&text, &len);
    if (send_all(fd, head, (size_t)n) && (!body || send_all(fd, body, strlen(body)))) {
        char buf[16384];
        ssize_t got;
        while ((got = uninterrupted(recv(fd, buf, sizeof buf, 0))) > 0)
            fwrite(buf, 1, (size_t)got, f);
    }
    close(fd);
    fclose(f);
    char *end = strstr(text, "\r\n\r\n");
    if (end && strlen(end + 4) > 0)
        answer = strdup(end + 4);
    if (status)
        *status = end ? atoi(text + strlen("HTTP/1.1 ")) : 0;
    free(text);
    return answer;
}

char *ask_rpc(unsigned port, const char *method, const char *params)
{
    char *body = NULL;
    if (asprintf(&body, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":[%s]}", method, params) < 0)
        die("no memory");
    char *answer = ask_http(port, "/", body, NULL);
    free(body);
    return answer;
}

// ---- traffic

struct traffic {
    unsigned rpc_port, ingest_port;
    uint64_t seed;
    pthread_t sender, asker;
    _Atomic bool stop;
    struct traffic_counts counts;
};

static bool read_answer(struct traffic *t, int fd)
{
    uint8_t head[2], text[256];
    if (!receive_all(fd, head, 2) || !receive_all(fd, text, head[1]))
        return false;
    t->counts.accepted += head[0] == TX_OK;
    t->counts.stopping += head[0] == TX_STOPPING;
    t->counts.refused += head[0] != TX_OK && head[0] != TX_STOPPING;
    return true;
}

static void send_transfers(struct traffic *t, int fd, struct transfers *transfers)
{
    uint64_t unanswered = 0;
    bool good = true;
    while (good && !atomic_load(&t->stop)) {
        uint8_t raw[TRANSFER_BYTES_MAX], frame[TRANSFER_BYTES_MAX + 8];
        size_t len = transfers_next(transfers, raw);
        good = send_all(fd, frame, ingest_frame_put(frame, bytes_of(raw, len), NULL));
        t->counts.sent += good;
        unanswered += good;
        if (unanswered == UNANSWERED_MAX) {
            good = read_answer(t, fd);
            unanswered--;
        }
    }
    while (unanswered-- > 0 && read_answer(t, fd))
        ;
}

static void *sender_main(void *arg)
{
    struct traffic *t = arg;
    uint8_t hello[INGEST_SERVER_HELLO_BYTES];
    int fd = dial(t->ingest_port);
    ingest_client_hello(hello);
    struct transfers transfers;
    transfers_init(&transfers, t->seed, WHOLE_NODE_SENDERS);
    if (fd >= 0 && send_all(fd, hello, INGEST_CLIENT_HELLO_BYTES) && receive_all(fd, hello, sizeof hello))
        send_transfers(t, fd, &transfers);
    transfers_free(&transfers);
    if (fd >= 0)
        close(fd);
    return NULL;
}

// A call of a code, given with it, that reads the balances of three accounts: of other shards, where there are more.
#define LOOKER "{\"to\":\"0x00000000000000000000000000000000000000aa\"},\"latest\""
#define LOOKER_CODE                                                                                                    \
    "{\"0x00000000000000000000000000000000000000aa\":{\"code\":\"0x"                                                   \
    "73f39fd6e51aad88f6f4ce6ab8827279cfffb922663173"                                                                   \
    "70997970c51812dc3a010c7d01b50e0d17dc79c83173"                                                                     \
    "3c44cdddb6a900fa2b585dd299e03d12fa4293bc3101015f5260205ff3\"}}"

static void *asker_main(void *arg)
{
    static const struct {
        const char *method, *params;
    } calls[] = {
        {"eth_blockNumber", ""},
        {"eth_getBlockByNumber", "\"latest\",true"},
        {"eth_getBlockReceipts", "\"latest\""},
        {"eth_getBalance", "\"0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266\",\"latest\""},
        {"eth_getTransactionCount", "\"0x70997970c51812dc3a010c7d01b50e0d17dc79c8\",\"pending\""},
        {"txpool_status", ""},
        {"txpool_content", ""},
        {"gantry_status", ""},
        {"eth_feeHistory", "5,\"latest\",[50]"},
        {"eth_call", LOOKER "," LOOKER_CODE},
        {"eth_estimateGas", LOOKER "," LOOKER_CODE},
        {"eth_createAccessList", LOOKER "," LOOKER_CODE},
        {"debug_traceCall", LOOKER ",{\"stateOverrides\":" LOOKER_CODE "}"},
        {"debug_traceBlockByNumber", "\"latest\",{\"tracer\":\"callTracer\"}"},
        {"eth_getLogs", "{}"},
        {"gantry_transactionStatus", "\"0x1111111111111111111111111111111111111111111111111111111111111111\""},
        {"gantry_traceTransactionPath", "\"0x1111111111111111111111111111111111111111111111111111111111111111\""},
        {"eth_getTransactionReceipt", "\"0x1111111111111111111111111111111111111111111111111111111111111111\""},
        {"eth_sendRawTransaction", "\"0x02f8\""},
    };
    struct traffic *t = arg;
    for (unsigned i = 0; !atomic_load(&t->stop); i++) {
        unsigned call = i % (sizeof calls / sizeof calls[0] + 2);
        char *answer = call < sizeof calls / sizeof calls[0]
                           ? ask_rpc(t->rpc_port, calls[call].method, calls[call].params)
                           : ask_http(t->rpc_port, call % 2 ? "/metrics" : "/health", NULL, NULL);
        t->counts.calls++;
        t->counts.failed_calls += answer == NULL;
        free(answer);
    }
    return NULL;
}

struct traffic *traffic_start(const struct whole_node *w)
{
    struct traffic *t = calloc(1, sizeof *t);
    t->rpc_port = node_rpc_port(w->node);
    t->ingest_port = node_ingest_port(w->node);
    t->seed = w->seed;
    if (pthread_create(&t->sender, NULL, sender_main, t) != 0 || pthread_create(&t->asker, NULL, asker_main, t) != 0)
        die("no threads");
    return t;
}

struct traffic_counts traffic_stop(struct traffic *t)
{
    atomic_store(&t->stop, true);
    pthread_join(t->sender, NULL);
    pthread_join(t->asker, NULL);
    struct traffic_counts counts = t->counts;
    free(t);
    return counts;
}
