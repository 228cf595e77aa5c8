// The overview that gantry_subscribe tells of.
#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/engine/rpc_client.h"
#include "tests/engine/rpc_fixture.h"

#define SUBSCRIBE "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"gantry_subscribe\",\"params\":[\"overview\"]}"

static struct rpc_fixture f;

static void close_fixture(void)
{
    rpc_fixture_close(&f);
}

// A text's tree; to be freed.
static struct jv *parse(const char *text)
{
    static const struct jv_limits limits = {.depth_max = 16, .value_max = 10000};
    char error[JV_ERROR_MAX] = "";
    struct jv *v = jv_parse(bytes_of(text, strlen(text)), &limits, error);
    cr_assert_not_null(v, "%s: %s", error, text);
    return v;
}

static int64_t integer(const struct jv *v, const char *key)
{
    int64_t n = -1;
    cr_expect(jv_integer(jv_get(v, key), &n), "%s is no integer", key);
    return n;
}

// What a peer at the core was told.
struct listener {
    struct rpc_peer peer;
    char *answer, *told;
    unsigned told_count;
    bool unread;
};

static char *text_of(struct json_writer *w)
{
    char *text = strndup(jw_text(w), w->len);
    jw_release(w);
    return text;
}

static void on_answer(struct rpc_peer *peer, struct json_writer *w)
{
    struct listener *l = (struct listener *)peer;
    free(l->answer);
    l->answer = text_of(w);
}

static void on_told(struct rpc_peer *peer, struct json_writer *w)
{
    struct listener *l = (struct listener *)peer;
    free(l->told);
    l->told = text_of(w);
    l->told_count++;
}

static bool unread(const struct rpc_peer *peer)
{
    return ((const struct listener *)peer)->unread;
}

static void subscribe(struct listener *l)
{
    *l = (struct listener){.peer = {.respond = on_answer, .notify = on_told, .unread = unread, .can_subscribe = true}};
    core_handle(f.core, &l->peer, bytes_of(SUBSCRIBE, sizeof SUBSCRIBE - 1));
    cr_assert_not_null(strstr(l->answer, "\"result\":\"0x"), "%s", l->answer);
}

static void leave(struct listener *l)
{
    core_peer_closed(f.core, &l->peer);
    free(l->answer);
    free(l->told);
}

static void tell(const char *metrics)
{
    core_overview(f.core, bytes_of(metrics, strlen(metrics)));
}

static void open_core(void)
{
    rpc_fixture_open_core(&f);
}

TestSuite(rpc_overview, .init = open_core, .fini = close_fixture);

Test(rpc_overview, holds_the_status_the_newest_blocks_and_the_samples)
{
    struct listener l;
    subscribe(&l);
    tell("# HELP a_total help\n# TYPE a_total counter\na_total{name=\"x \\\"y\\\"\"} 5\nb 1.5\n");
    cr_assert_eq(l.told_count, 1);
    struct jv *message = parse(l.told);
    cr_expect(jv_text_is(jv_get(message, "method"), "gantry_subscription"));
    const struct jv *result = jv_get(jv_get(message, "params"), "result");
    cr_expect(jv_text_is(jv_get(result, "metrics"), "a_total{name=\"x \\\"y\\\"\"} 5\nb 1.5\n"));
    cr_expect_gt(integer(result, "timeMs"), 0);
    cr_expect_eq(integer(jv_get(jv_get(result, "status"), "head"), "number"), FIXTURE_HEAD);
    const struct jv *blocks = jv_get(result, "blocks");
    cr_assert_eq(jv_count(blocks), FIXTURE_HEAD);
    for (unsigned i = 0; i < FIXTURE_HEAD; i++) {
        char hash[67];
        const struct jv *block = jv_at(blocks, i);
        cr_expect_eq(integer(block, "number"), FIXTURE_HEAD - i);
        cr_expect(jv_text_is(jv_get(block, "hash"), rpc_fixture_block_hash(&f, FIXTURE_HEAD - i, hash)));
    }
    cr_expect_eq(integer(jv_at(blocks, 0), "transactions"), 3);
    cr_expect_eq(integer(jv_at(blocks, 1), "transactions"), 0);
    cr_expect_eq(integer(jv_at(blocks, 2), "transactions"), FIXTURE_BLOCK_TXS);
    jv_free(message);
    leave(&l);
}

Test(rpc_overview, tells_of_sixteen_blocks_at_most)
{
    struct listener l;
    subscribe(&l);
    for (unsigned i = 0; i < 20; i++)
        rpc_fixture_add_block(&f, 1);
    tell("");
    struct jv *message = parse(l.told);
    const struct jv *blocks = jv_get(jv_get(jv_get(message, "params"), "result"), "blocks");
    cr_expect_eq(jv_count(blocks), 16);
    cr_expect_eq(integer(jv_at(blocks, 0), "number"), FIXTURE_HEAD + 20);
    cr_expect_eq(integer(jv_at(blocks, 15), "number"), FIXTURE_HEAD + 5);
    jv_free(message);
    leave(&l);
}

Test(rpc_overview, passes_over_who_has_not_read_the_last_one)
{
    struct listener slow, good;
    subscribe(&slow);
    subscribe(&good);
    slow.unread = true;
    tell("");
    cr_expect_eq(slow.told_count, 0);
    cr_expect_eq(good.told_count, 1);
    slow.unread = false;
    tell("");
    cr_expect_eq(slow.told_count, 1);
    cr_expect_eq(good.told_count, 2);
    leave(&slow);
    leave(&good);
}

Test(rpc_overview, is_wanted_only_while_somebody_subscribes)
{
    struct listener a, b;
    cr_expect_not(core_wants_overview(f.core));
    subscribe(&a);
    subscribe(&b);
    leave(&a);
    cr_expect(core_wants_overview(f.core));
    const char *answer = strstr(b.answer, "\"result\":\"");
    char text[256];
    snprintf(text, sizeof text, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"gantry_unsubscribe\",\"params\":[%.*s]}",
             (int)strcspn(answer + 9, "}"), answer + 9);
    core_handle(f.core, &b.peer, bytes_of(text, strlen(text)));
    cr_expect_str_eq(b.answer, "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":true}");
    cr_expect_not(core_wants_overview(f.core));
    tell("");
    cr_expect_eq(b.told_count, 0);
    leave(&b);
}

Test(rpc_overview, nobody_subscribes_where_nothing_can_be_told)
{
    char *answer = rpc_fixture_ask(&f, SUBSCRIBE);
    cr_expect_not_null(strstr(answer, "\"result\":\"0x"), "%s", answer);
    free(answer);
    struct listener l = {.peer = {.respond = on_answer, .notify = on_told}};
    core_handle(f.core, &l.peer, bytes_of(SUBSCRIBE, sizeof SUBSCRIBE - 1));
    cr_expect_not_null(strstr(l.answer, "notifications not supported"), "%s", l.answer);
    leave(&l);
}

static void open_server(void)
{
    rpc_fixture_open_server(&f);
}

TestSuite(rpc_overview_socket, .init = open_server, .fini = close_fixture);

// The newest block of the next overview.
static int64_t next_head(int fd)
{
    char *text = client_ws_read(fd, NULL, NULL);
    cr_assert_not_null(text);
    struct jv *message = parse(text);
    const struct jv *result = jv_get(jv_get(message, "params"), "result");
    const struct bytes metrics = jv_text(jv_get(result, "metrics"));
    static const char one[] = "gantry_rpc_subscriptions{kind=\"overview\"} 1\n";
    cr_expect_not_null(memmem(metrics.ptr, metrics.len, one, sizeof one - 1));
    cr_expect_not_null(memmem(metrics.ptr, metrics.len, "gantry_rpc_connections{", 23));
    const int64_t head = integer(jv_at(jv_get(result, "blocks"), 0), "number");
    jv_free(message);
    free(text);
    return head;
}

Test(rpc_overview_socket, comes_at_once_and_again_and_shows_a_new_block)
{
    int fd = client_ws_open(rpc_port(f.rpc));
    client_ws_text(fd, SUBSCRIBE);
    char *answer = client_ws_read(fd, NULL, NULL);
    cr_expect_not_null(strstr(answer, "\"id\":1,\"result\":\"0x"), "%s", answer);
    free(answer);
    cr_expect_eq(next_head(fd), FIXTURE_HEAD);
    cr_expect_eq(next_head(fd), FIXTURE_HEAD);
    rpc_fixture_add_block(&f, 1);
    while (next_head(fd) == FIXTURE_HEAD)
        continue;
    close(fd);
}
