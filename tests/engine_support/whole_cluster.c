#include "tests/engine_support/whole_cluster.h"

#include "base/clock.h"
#include "base/hex.h"
#include "base/keccak.h"
#include "base/remove_tree.h"
#include "engine/key_file.h"
#include "tests/engine_support/whole_node.h"
#include "tests/support/test_folder.h"
#include "tests/support/vectors.h"
#include "tools/cluster/init.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

// Polls of what is to come, a hundred a second.
#define POLLS 6000

static void die(const char *what)
{
    fprintf(stderr, "whole cluster: %s\n", what);
    abort();
}

static void set(struct node_config *config, const char *name, const char *value)
{
    char error[CONFIG_ERROR_MAX];
    if (!config_set(NODE_CONFIG_KEYS, NODE_CONFIG_KEY_COUNT, config, name, value, error))
        die(error);
}

// ---- files

static void write_template(const struct whole_cluster *c, uint64_t gas_limit, const char *path)
{
    char *text = whole_node_genesis(c->seed);
    FILE *f = fopen(path, "w");
    // One more key of the outermost object.
    if (f && gas_limit > 0)
        fprintf(f, "{\"gasLimit\": \"0x%" PRIx64 "\",", gas_limit);
    if (!f || fputs(gas_limit > 0 ? strchr(text, '{') + 1 : text, f) < 0 || fclose(f) != 0)
        die("the genesis template can't be written");
    free(text);
}

static void make_folders(struct whole_cluster *c, const struct whole_cluster_options *options)
{
    char template[TEST_FOLDER_MAX + 32], out[TEST_FOLDER_MAX + 32], error[INIT_ERROR_MAX], number[24];
    char config_error[CONFIG_ERROR_MAX];
    struct init_settings s = {0};
    snprintf(template, sizeof template, "%s/template.json", c->folder);
    snprintf(out, sizeof out, "%s/cluster", c->folder);
    write_template(c, options->gas_limit, template);
    config_defaults(INIT_KEYS, INIT_KEY_COUNT, &s);
    s.validators = options->validators;
    snprintf(number, sizeof number, "%" PRIu64, options->epoch_blocks);
    if (!config_set(INIT_KEYS, INIT_KEY_COUNT, &s, "out", out, config_error) ||
        !config_set(INIT_KEYS, INIT_KEY_COUNT, &s, "genesis", template, config_error) ||
        (options->epoch_blocks && !config_set(INIT_KEYS, INIT_KEY_COUNT, &s, "epoch-blocks", number, config_error)))
        die(config_error);
    if (!init_cluster(&s, error))
        die(error);
    config_free(INIT_KEYS, INIT_KEY_COUNT, &s);
}

// A folder with a channel key for each node that follows; allow gets the keys.
static void make_followers(struct whole_cluster *c)
{
    for (unsigned i = c->count - c->followers; i < c->count; i++) {
        char folder[TEST_FOLDER_MAX + 32], path[TEST_FOLDER_MAX + 64], error[STORE_ERROR_MAX];
        struct key_pair k;
        snprintf(folder, sizeof folder, "%s/cluster/validator-%u", c->folder, i);
        snprintf(path, sizeof path, "%s/channel.key", folder);
        key_generate(&k, KEY_CHANNEL);
        if (mkdir(folder, 0700) != 0 || !key_file_create(path, &k, NULL, KEY_LOG2N_MIN, error))
            die("a follower's key can't be written");
        const size_t len = strlen(c->allow);
        hex_encode(c->allow + len, k.public_key, k.public_len);
        strcat(c->allow, " ");
    }
}

// A node that is stopped for a while would lose a port that the kernel gives to connections.
static void choose_ports(struct whole_cluster *c)
{
    int fds[WHOLE_CLUSTER_MAX];
    uint64_t random = clock_ns();
    for (unsigned i = 0; i < c->count; i++)
        fds[i] = claim_port(&c->p2p_ports[i], &random);
    for (unsigned i = 0; i < c->count; i++)
        close(fds[i]);
}

static void configure(struct whole_cluster *c, unsigned i)
{
    struct node_config *config = &c->configs[i];
    static const char *const files[][2] = {{"data", "data"},
                                           {"genesis", "../genesis.json"},
                                           {"channel-key", "channel.key"},
                                           {"validator-key", "consensus.key"}};
    const bool follows = i >= c->count - c->followers;
    char text[1024], error[CONFIG_ERROR_MAX];
    size_t len = 0;
    *config = (struct node_config){0};
    config_defaults(NODE_CONFIG_KEYS, NODE_CONFIG_KEY_COUNT, config);
    if (!config_parse(NODE_CONFIG_KEYS, NODE_CONFIG_KEY_COUNT, config, "settings", c->settings, strlen(c->settings),
                      error))
        die(error);
    for (unsigned k = 0; k < sizeof files / sizeof files[0] - follows; k++) {
        snprintf(text, sizeof text, "%s/cluster/validator-%u/%s", c->folder, i, files[k][1]);
        set(config, files[k][0], text);
    }
    snprintf(text, sizeof text, "%u", c->p2p_ports[i]);
    set(config, "p2p-port", text);
    set(config, "rpc-port", "0");
    set(config, "ingest-port", "0");
    set(config, "allow", follows ? "" : c->allow);
    text[0] = 0;
    for (unsigned peer = 0; peer < c->count - c->followers; peer++) {
        if (peer != i)
            len +=
                (size_t)snprintf(text + len, sizeof text - len, "validator-%u@127.0.0.1:%u ", peer, c->p2p_ports[peer]);
    }
    set(config, "peers", text);
}

// ---- life

bool whole_cluster_start_node(struct whole_cluster *c, unsigned i)
{
    configure(c, i);
    c->nodes[i] = open_and_start_node(&c->configs[i], NULL, c->error);
    if (!c->nodes[i])
        config_free(NODE_CONFIG_KEYS, NODE_CONFIG_KEY_COUNT, &c->configs[i]);
    return c->nodes[i] != NULL;
}

bool whole_cluster_start(struct whole_cluster *c, const struct whole_cluster_options *options)
{
    *c = (struct whole_cluster){
        .count = options->validators + options->followers, .followers = options->followers, .seed = options->seed};
    test_folder(c->folder, "cluster");
    snprintf(c->settings, sizeof c->settings, "%s", options->settings);
    make_folders(c, options);
    make_followers(c);
    choose_ports(c);
    bool good = true;
    for (unsigned i = 0; i < c->count && good; i++)
        good = whole_cluster_start_node(c, i);
    return good;
}

void whole_cluster_stop_node(struct whole_cluster *c, unsigned i)
{
    node_stop(c->nodes[i]);
    if (node_wait(c->nodes[i]) != 0)
        die("a node stopped for a failure");
    node_free(c->nodes[i]);
    c->nodes[i] = NULL;
    config_free(NODE_CONFIG_KEYS, NODE_CONFIG_KEY_COUNT, &c->configs[i]);
}

void whole_cluster_lose_cars(struct whole_cluster *c, unsigned i, unsigned shard)
{
    char folder[TEST_FOLDER_MAX + 64];
    snprintf(folder, sizeof folder, "%s/cluster/validator-%u/data/cars/%u", c->folder, i, shard);
    if (access(folder, F_OK) != 0)
        die("a shard has no cars");
    remove_tree(folder);
}

void whole_cluster_end(struct whole_cluster *c)
{
    for (unsigned i = 0; i < c->count; i++) {
        if (c->nodes[i])
            whole_cluster_stop_node(c, i);
    }
    remove_tree(c->folder);
}

// ---- asking

// The result of a call, NULL for null or an error; the caller's reference.
static json_t *ask(struct whole_cluster *c, unsigned node, const char *method, const char *params)
{
    char *text = ask_rpc(node_rpc_port(c->nodes[node]), method, params);
    json_t *answer = text ? json_loads(text, 0, NULL) : NULL;
    json_t *result = json_incref(json_object_get(answer, "result"));
    json_decref(answer);
    free(text);
    if (!json_is_null(result))
        return result;
    json_decref(result);
    return NULL;
}

bool whole_cluster_submit(struct whole_cluster *c, unsigned node, struct bytes raw, bytes32 *hash)
{
    char params[2 * TRANSFER_BYTES_MAX + 8] = "\"0x";
    hex_encode(params + 3, raw.ptr, raw.len);
    snprintf(params + 3 + 2 * raw.len, 2, "\"");
    json_t *result = ask(c, node, "eth_sendRawTransaction", params);
    *hash = keccak256(raw.ptr, raw.len);
    const bool taken = json_is_string(result);
    json_decref(result);
    return taken;
}

char *whole_cluster_receipt_now(struct whole_cluster *c, unsigned node, const bytes32 *hash)
{
    char params[72] = "\"0x";
    hex_encode(params + 3, hash->b, 32);
    snprintf(params + 67, 2, "\"");
    json_t *result = ask(c, node, "eth_getTransactionReceipt", params);
    char *text = result ? json_dumps(result, JSON_SORT_KEYS) : NULL;
    json_decref(result);
    return text;
}

char *whole_cluster_receipt(struct whole_cluster *c, unsigned node, const bytes32 *hash)
{
    char *receipt = NULL;
    for (unsigned i = 0; i < POLLS && !receipt; i++) {
        receipt = whole_cluster_receipt_now(c, node, hash);
        if (!receipt)
            usleep(10000);
    }
    return receipt;
}

uint64_t whole_cluster_lane(struct whole_cluster *c, unsigned node, unsigned lane, const char *what)
{
    json_t *result = ask(c, node, "gantry_consensus", "");
    const json_t *lanes = json_object_get(result, "lanes");
    const uint64_t value = (uint64_t)json_integer_value(json_object_get(json_array_get(lanes, lane), what));
    json_decref(result);
    return value;
}

uint64_t whole_cluster_height(struct whole_cluster *c, unsigned node)
{
    json_t *result = ask(c, node, "eth_blockNumber", "");
    const uint64_t height = json_is_string(result) ? strtoull(json_string_value(result), NULL, 16) : 0;
    json_decref(result);
    return height;
}

char *whole_cluster_block_hash(struct whole_cluster *c, unsigned node, uint64_t number)
{
    char params[48];
    snprintf(params, sizeof params, "\"0x%" PRIx64 "\",false", number);
    json_t *result = ask(c, node, "eth_getBlockByNumber", params);
    const char *hash = json_string_value(json_object_get(result, "hash"));
    char *copy = hash ? strdup(hash) : NULL;
    json_decref(result);
    return copy;
}

static bool same_block(struct whole_cluster *c, unsigned a, unsigned b, uint64_t number)
{
    char *x = whole_cluster_block_hash(c, a, number), *y = whole_cluster_block_hash(c, b, number);
    const bool same = x && y && strcmp(x, y) == 0;
    if (!same)
        fprintf(stderr, "whole cluster: block %" PRIu64 " is %s at node %u, %s at node %u\n", number, x ? x : "absent",
                a, y ? y : "absent", b);
    free(x);
    free(y);
    return same;
}

bool whole_cluster_agrees(struct whole_cluster *c)
{
    unsigned first = 0;
    while (first < c->count && !c->nodes[first])
        first++;
    for (unsigned i = first + 1; i < c->count; i++) {
        uint64_t here = 0, there = 1;
        for (unsigned k = 0; k < POLLS && c->nodes[i] && here != there; k++) {
            here = whole_cluster_height(c, first);
            there = whole_cluster_height(c, i);
            if (here != there)
                usleep(10000);
        }
        for (uint64_t number = 0; c->nodes[i] && number <= here; number++) {
            if (!same_block(c, first, i, number))
                return false;
        }
    }
    return true;
}
