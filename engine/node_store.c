// Starting a node: its data folder, its genesis, and the stores.
#include "base/hex.h"
#include "base/whole_file.h"
#include "engine/genesis_state.h"
#include "engine/node_private.h"
#include "engine/store/disk_uring.h"

#include <errno.h>
#include <stdlib.h>

static bool parse_given(struct given_genesis *g, const char *name, char error[NODE_ERROR_MAX])
{
    char reason[GENESIS_ERROR_MAX];
    g->parsed = genesis_parse(&g->genesis, g->json, g->len, reason);
    if (!g->parsed) {
        snprintf(error, NODE_ERROR_MAX, "%s: %s", name, reason);
        return false;
    }
    g->genesis.header.state_root = genesis_records(&g->records, &g->genesis);
    return true;
}

void given_genesis_free(struct given_genesis *g)
{
    free(g->json);
    state_batch_free(&g->records);
    if (g->parsed)
        genesis_free(&g->genesis);
}

static bool new_folder(struct node *n, struct given_genesis *given, char error[NODE_ERROR_MAX])
{
    const char *path = n->config->data;
    if (!given->json) {
        snprintf(error, NODE_ERROR_MAX, "%s holds no chain yet: name its genesis.json with --genesis", path);
        return false;
    }
    const char *name = n->config->genesis ? n->config->genesis : "genesis";
    if (!parse_given(given, name, error))
        return false;
    n->folder = data_folder_open(path, &given->genesis.header, error);
    return n->folder && genesis_keep_text(given->json, given->len, path, error);
}

// A folder that has a chain: a genesis that is given must be its own.
static bool known_folder(struct node *n, struct given_genesis *given, char error[NODE_ERROR_MAX])
{
    const char *path = n->config->data;
    n->folder = data_folder_open_existing(path, error);
    if (!n->folder)
        return false;
    size_t len = 0;
    char *kept = genesis_kept_text(path, &len);
    bool same = kept && given->json && len == given->len && memcmp(kept, given->json, len) == 0;
    free(kept);
    if (kept && (same || !given->json))
        return true;
    if (!given->json) {
        snprintf(error, NODE_ERROR_MAX, "%s/genesis.json is missing: name the chain's genesis with --genesis", path);
        return false;
    }
    if (!parse_given(given, n->config->genesis ? n->config->genesis : "genesis", error))
        return false;
    bytes32 hash = header_hash(&given->genesis.header), has = data_folder_genesis_hash(n->folder);
    if (!bytes32_equal(&hash, &has)) {
        char has_text[17] = {0}, text[17] = {0};
        hex_encode(has_text, has.b, 8);
        hex_encode(text, hash.b, 8);
        snprintf(error, NODE_ERROR_MAX,
                 "%.200s belongs to another chain: its genesis block is 0x%s.., the given one 0x%s..", path, has_text,
                 text);
        return false;
    }
    return genesis_keep_text(given->json, given->len, path, error); // the copy was missing, or was edited
}

static void adopt_given(struct node *n, struct given_genesis *given)
{
    n->genesis = given->genesis;
    n->genesis.header.extra_data.ptr = n->genesis.extra_data; // it pointed into the structure itself
    given->parsed = false;
}

bool node_settle_genesis(struct node *n, struct given_genesis *given, const char *genesis_json,
                         char error[NODE_ERROR_MAX])
{
    const char *path = n->config->data;
    if (n->config->genesis && !(given->json = whole_file(n->config->genesis, GENESIS_FILE_MAX, &given->len)))
        return store_fail(error, "genesis %.200s: %s", n->config->genesis, strerror(errno));
    if (!given->json && genesis_json) {
        given->json = strdup(genesis_json);
        given->len = strlen(genesis_json);
    }
    uint8_t identity[FILE_HEADER_BYTES + HEADER_ENCODED_MAX];
    struct header header;
    char reason[GENESIS_ERROR_MAX];
    const enum data_folder_found found = data_folder_find(path, &header, &n->genesis_hash, identity, error);
    if (found == DATA_FOLDER_BAD)
        return false;
    if (found == DATA_FOLDER_KNOWN ? !known_folder(n, given, error) : !new_folder(n, given, error))
        return false;
    size_t len;
    char *kept = given->parsed ? NULL : genesis_kept_text(path, &len);
    bool good = given->parsed || (kept && genesis_parse(&n->genesis, kept, len, reason));
    free(kept);
    if (given->parsed)
        adopt_given(n, given);
    n->genesis_hash = data_folder_genesis_hash(n->folder);
    if (good) {
        n->genesis.header.state_root = data_folder_genesis(n->folder)->state_root;
        bytes32 hash = header_hash(&n->genesis.header);
        good = bytes32_equal(&hash, &n->genesis_hash);
    }
    if (!good)
        snprintf(error, NODE_ERROR_MAX,
                 "%s/genesis.json was changed after the chain was started: name the one it was started with, --genesis",
                 path);
    return good;
}

static bool write_initial(struct node *n, struct given_genesis *given, char error[NODE_ERROR_MAX])
{
    if (given->records.account_count == 0)
        (void)genesis_records(&given->records, &n->genesis);
    genesis_add_codes(&n->genesis, n->codes);
    return checkpoint_write_initial(n->checkpoint, &given->records, &n->genesis_hash, error);
}

bool node_open_store(struct node *n, struct given_genesis *given, char error[NODE_ERROR_MAX])
{
    uint64_t height = 0;
    bytes32 hash;
    bool complete = false;
    n->checkpoint =
        checkpoint_open(data_folder_state_dir(n->folder), &n->genesis_hash, &height, &hash, &complete, error);
    n->codes = codes_create(evm_rules_of(EVM_CANCUN));
    if (!n->checkpoint || !checkpoint_load_codes(n->checkpoint, n->codes, error) ||
        (!complete && !write_initial(n, given, error)))
        return false;
    n->disk = disk_uring_open(data_folder_log_dir(n->folder), error);
    if (!n->disk)
        return false;
    struct blog_options options = {.genesis_hash = n->genesis_hash,
                                   .segment_bytes = n->config->segment_bytes,
                                   .verify_from = complete ? height : 0};
    n->blog = blog_open(n->disk, &options, error);
    return n->blog != NULL;
}
