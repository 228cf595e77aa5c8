#include "tools/cluster/init.h"

#include "base/hex.h"
#include "engine/cluster.h"
#include "engine/key_file.h"
#include "engine/vote_folder.h"
#include "tools/cluster/init_genesis.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_BYTES (PATH_MAX + 64)
#define KEY(field) offsetof(struct init_settings, field)

const struct config_key INIT_KEYS[] = {
    {"validators", CONFIG_U64, KEY(validators), "4", 1, CLUSTER_VALIDATORS_MAX, NULL, "How many validators there are."},
    {"followers", CONFIG_U64, KEY(followers), "0", 0, CLUSTER_FOLLOWERS_MAX, NULL,
     "How many nodes there are that follow without a vote."},
    {"out", CONFIG_STRING, KEY(out), "gantry-cluster", 0, 0, NULL, "Folder to make; one that exists must be empty."},
    {"hosts", CONFIG_STRING, KEY(hosts), NULL, 0, 0, NULL,
     "Names or addresses of the validators' machines, comma-separated; without, all run on this machine."},
    {"genesis", CONFIG_STRING, KEY(genesis), NULL, 0, 0, NULL,
     "geth-style genesis.json that the validators are added to."},
    {"fund", CONFIG_STRING, KEY(fund), NULL, 0, 0, NULL, "Accounts with a balance, ADDRESS=ETHER, comma-separated."},
    {"dev-accounts", CONFIG_BOOL, KEY(dev_accounts), "false", 0, 0, NULL,
     "Fund the ten accounts of Ethereum dev nodes, whose keys are public, with 10,000 ether each."},
    {"fee-addresses", CONFIG_STRING, KEY(fee_addresses), NULL, 0, 0, NULL,
     "Who gets the tips: one address, or one a validator, comma-separated; default: the first funded account."},
    {"weights", CONFIG_STRING, KEY(weights), NULL, 0, 0, NULL,
     "Weight of each validator, comma-separated; default: 1 each."},
    {"key-passphrase", CONFIG_STRING, KEY(key_passphrase), NULL, 0, 0, NULL,
     "File (mode 0600) whose first line seals the key files."},
    {"network", CONFIG_STRING, KEY(network), "lan", 0, 0, NULL,
     "How far apart the machines are: lan or wan; timeouts follow from it."},
    {"chain-id", CONFIG_U64, KEY(chain_id), "31337", 1, UINT32_MAX, NULL, "Chain id, without a template."},
    {"epoch-blocks", CONFIG_U64, KEY(epoch_blocks), "8192", 1, UINT32_MAX, NULL, "Ordering blocks of an epoch."},
    {"epoch-time", CONFIG_MS, KEY(epoch_ms), "24h", 0, UINT32_MAX, "ms",
     "An epoch ends after this time at the latest; 0: only by blocks."},
    {"heartbeat", CONFIG_MS, KEY(heartbeat_ms), "0", 0, 86400000, "ms",
     "How often an idle chain makes an empty block; 0: never."},
    {"rpc-port", CONFIG_U64, KEY(rpc_port), "8545", 1, 65535, NULL,
     "JSON-RPC port of the first validator on a host; further ones there have it 10 higher each."},
    {"ingest-port", CONFIG_U64, KEY(ingest_port), "8550", 1, 65535, NULL, "The same for the binary ingest port."},
    {"p2p-port", CONFIG_U64, KEY(p2p_port), "8551", 1, 65535, NULL, "The same for the port of the other validators."},
    {"shards", CONFIG_U64, KEY(shards), "0", 0, 256, NULL, "Shard threads of each validator; 0: one a core."},
};
const size_t INIT_KEY_COUNT = sizeof INIT_KEYS / sizeof INIT_KEYS[0];

__attribute__((format(printf, 2, 3))) static bool refuse(char *error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error, INIT_ERROR_MAX, format, args);
    va_end(args);
    return false;
}

// ---- what is to be made

struct planned {
    char host[254];
    unsigned rpc_port, ingest_port, p2p_port;
    struct key_pair consensus, channel;
};

struct plan {
    const struct init_settings *settings;
    char *passphrase;
    char passphrase_path[PATH_MAX];
    struct init_genesis genesis;
    struct planned validators[CLUSTER_VALIDATORS_MAX], followers[CLUSTER_FOLLOWERS_MAX];
};

// Calls take with each entry of a comma-separated list. *count is how many there were; an entry too many is refused.
static bool each_entry(struct plan *p, const char *list, const char *name, unsigned *count,
                       bool (*take)(struct plan *p, unsigned i, const char *entry, char *error), char *error)
{
    char *copy = strdup(list), *rest = copy;
    bool good = true;
    *count = 0;
    if (!copy)
        abort();
    for (char *entry; good && (entry = strsep(&rest, ", ")) != NULL;) {
        if (entry[0] == '\0')
            continue;
        good = *count < p->settings->validators ? take(p, *count, entry, error)
                                                : refuse(error, "%s: more than one a validator", name);
        ++*count;
    }
    free(copy);
    return good;
}

static bool take_host(struct plan *p, unsigned i, const char *entry, char *error)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:-_";
    if (strlen(entry) >= sizeof p->validators[i].host || strspn(entry, letters) != strlen(entry))
        return refuse(error, "hosts: \"%.100s\" is neither a name nor an address", entry);
    strcpy(p->validators[i].host, entry);
    return true;
}

static bool take_weight(struct plan *p, unsigned i, const char *entry, char *error)
{
    char *end;
    const unsigned long long weight = strtoull(entry, &end, 10);
    if (entry[0] < '0' || entry[0] > '9' || *end != '\0' || weight == 0 || weight > UINT32_MAX)
        return refuse(error, "weights: \"%.40s\" is not a number from 1 to %u", entry, UINT32_MAX);
    p->genesis.validators[i].weight = (uint32_t)weight;
    return true;
}

static bool take_fee_address(struct plan *p, unsigned i, const char *entry, char *error)
{
    address *a = &p->genesis.validators[i].fee_address;
    return (strncmp(entry, "0x", 2) == 0 && hex_decode(a->b, sizeof a->b, entry, strlen(entry)) == 20) ||
           refuse(error, "fee-addresses: \"%.60s\" is not an address", entry);
}

static bool plan_lists(struct plan *p, char *error)
{
    const struct init_settings *s = p->settings;
    const unsigned n = (unsigned)s->validators;
    unsigned count;
    for (unsigned i = 0; i < n; i++) {
        strcpy(p->validators[i].host, "127.0.0.1");
        p->genesis.validators[i].weight = 1;
        p->genesis.validators[i].fee_address = p->genesis.first_funded;
    }
    if (s->hosts && (!each_entry(p, s->hosts, "hosts", &count, take_host, error) ||
                     (count != n && !refuse(error, "hosts: %u for %u validators", count, n))))
        return false;
    if (s->weights && (!each_entry(p, s->weights, "weights", &count, take_weight, error) ||
                       (count != n && !refuse(error, "weights: %u for %u validators", count, n))))
        return false;
    if (!s->fee_addresses)
        return p->genesis.has_funded || refuse(error, "fee-addresses: nobody to pay tips to is named");
    if (!each_entry(p, s->fee_addresses, "fee-addresses", &count, take_fee_address, error))
        return false;
    for (unsigned i = 1; count == 1 && i < n; i++)
        p->genesis.validators[i].fee_address = p->genesis.validators[0].fee_address;
    return count == 1 || count == n || refuse(error, "fee-addresses: %u for %u validators", count, n);
}

// Ports of a node with so many others before it on its host.
static bool set_ports(struct planned *v, const struct init_settings *s, unsigned before, const char *noun, unsigned i,
                      char *error)
{
    v->rpc_port = (unsigned)s->rpc_port + INIT_PORT_STEP * before;
    v->ingest_port = (unsigned)s->ingest_port + INIT_PORT_STEP * before;
    v->p2p_port = (unsigned)s->p2p_port + INIT_PORT_STEP * before;
    return (v->rpc_port <= 65535 && v->ingest_port <= 65535 && v->p2p_port <= 65535) ||
           refuse(error, "the ports of %s %u are above 65535", noun, i);
}

static bool plan_ports(struct plan *p, char *error)
{
    const struct init_settings *s = p->settings;
    for (unsigned i = 0; i < s->validators; i++) {
        struct planned *v = &p->validators[i];
        unsigned before = 0;
        for (unsigned j = 0; j < i; j++)
            before += strcmp(p->validators[j].host, v->host) == 0;
        if (!set_ports(v, s, before, "validator", i, error))
            return false;
    }
    // Where followers are, nobody needs to know: without hosts they are here, else each has a machine of its own.
    for (unsigned i = 0; i < s->followers; i++) {
        if (!set_ports(&p->followers[i], s, s->hosts ? 0 : (unsigned)s->validators + i, "follower", i, error))
            return false;
    }
    const uint64_t apart[] = {s->rpc_port - s->ingest_port, s->ingest_port - s->p2p_port, s->p2p_port - s->rpc_port};
    for (unsigned i = 0; i < 3; i++) {
        if ((int64_t)apart[i] % INIT_PORT_STEP == 0)
            return refuse(error,
                          "the ports of validators on one host would meet: rpc-port, ingest-port and p2p-port "
                          "must not be a multiple of %d apart",
                          INIT_PORT_STEP);
    }
    return true;
}

static void plan_keys(struct plan *p)
{
    for (unsigned i = 0; i < p->settings->validators; i++) {
        struct planned *v = &p->validators[i];
        struct genesis_validator *g = &p->genesis.validators[i];
        key_generate(&v->consensus, KEY_CONSENSUS);
        key_generate(&v->channel, KEY_CHANNEL);
        memcpy(g->consensus_key.b, v->consensus.public_key, 32);
        memcpy(g->channel_key, v->channel.public_key, sizeof g->channel_key);
        snprintf(g->name, sizeof g->name, "validator-%u", i);
    }
    for (unsigned i = 0; i < p->settings->followers; i++)
        key_generate(&p->followers[i].channel, KEY_CHANNEL);
}

static bool make_plan(struct plan *p, char *error)
{
    const struct init_settings *s = p->settings;
    char reason[STORE_ERROR_MAX];
    p->genesis.validator_count = (unsigned)s->validators;
    if (s->key_passphrase) {
        p->passphrase = key_read_passphrase(s->key_passphrase, reason);
        if (!p->passphrase)
            return refuse(error, "%s", reason);
        if (!realpath(s->key_passphrase, p->passphrase_path))
            return refuse(error, "%s: %s", s->key_passphrase, strerror(errno));
    }
    if (!init_genesis_begin(&p->genesis, s, error) || !plan_lists(p, error) || !plan_ports(p, error))
        return false;
    plan_keys(p);
    return init_genesis_finish(&p->genesis, error);
}

// ---- making it

void init_folder(char *out, size_t cap, const struct init_settings *s, unsigned i)
{
    snprintf(out, cap, "%s/validator-%u", s->out, i);
}

void init_follower_folder(char *out, size_t cap, const struct init_settings *s, unsigned i)
{
    snprintf(out, cap, "%s/follower-%u", s->out, i);
}

static bool is_empty(const char *path)
{
    unsigned entries = 0;
    DIR *dir = opendir(path);
    for (struct dirent *e; dir && (e = readdir(dir));)
        entries += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    if (dir)
        closedir(dir);
    return dir && entries == 0;
}

static bool make_root(const char *path, char *error)
{
    if (mkdir(path, 0755) == 0)
        return true;
    if (errno != EEXIST)
        return refuse(error, "cannot create %s: %s", path, strerror(errno));
    return is_empty(path) || refuse(error, "%s is there and not empty: nothing is overwritten", path);
}

// A new file for writing; NULL with a message.
static FILE *create(char path[PATH_BYTES], const char *folder, const char *name, char *error)
{
    snprintf(path, PATH_BYTES, "%s/%s", folder, name);
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
    if (!out)
        refuse(error, "cannot create %s: %s", path, strerror(errno));
    return out;
}

static bool finish(FILE *out, const char *path, char *error)
{
    const bool good = !ferror(out) && fflush(out) == 0 && fsync(fileno(out)) == 0;
    return (fclose(out) == 0 && good) || refuse(error, "cannot write %s: %s", path, strerror(errno));
}

static bool write_genesis(const struct plan *p, const char *folder, char *error)
{
    char path[PATH_BYTES];
    FILE *out = create(path, folder, "genesis.json", error);
    if (!out)
        return false;
    fputs(p->genesis.text, out);
    return finish(out, path, error);
}

static void put_address(FILE *out, const char *host, unsigned port)
{
    fprintf(out, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, port);
}

static bool is_here(const char *host)
{
    return strcmp(host, "127.0.0.1") == 0 || strcmp(host, "::1") == 0 || strcmp(host, "localhost") == 0;
}

// peers: all validators but number `me`.
static void put_peers(FILE *out, const struct plan *p, unsigned me)
{
    fputs("peers = \"", out);
    for (unsigned j = 0, put = 0; j < p->settings->validators; j++) {
        if (j == me)
            continue;
        fprintf(out, "%svalidator-%u@", put++ > 0 ? ", " : "", j);
        put_address(out, p->validators[j].host, p->validators[j].p2p_port);
    }
    fputs("\"\n", out);
}

static void put_allowed(FILE *out, const struct plan *p)
{
    for (unsigned i = 0; i < p->settings->followers; i++) {
        char text[2 * KEY_PUBLIC_MAX + 1] = {0};
        hex_encode(text, p->followers[i].channel.public_key, p->followers[i].channel.public_len);
        fprintf(out, "%s0x%s", i > 0 ? ", " : "allow = \"", text);
    }
    if (p->settings->followers > 0)
        fputs("\"\n", out);
}

// Whether another node is to run on the same machine, as far as the settings tell.
static bool shares_host(const struct plan *p, const struct planned *v)
{
    unsigned nodes = 0;
    if (!p->settings->hosts)
        return p->settings->validators + p->settings->followers > 1;
    for (unsigned i = 0; i < p->settings->validators; i++)
        nodes += strcmp(p->validators[i].host, v->host) == 0;
    return nodes > 1;
}

// What validators' and followers' configurations have in common.
static void put_config(FILE *out, const struct plan *p, const struct planned *v, const char *name, bool validates)
{
    const char *everywhere = strchr(v->host, ':') ? "::" : "0.0.0.0";
    fprintf(out,
            "# %s: start it in this folder with `gantry node --config node.conf`.\n"
            "data = data\ngenesis = genesis.json\n%schannel-key = channel.key\n",
            name, validates ? "validator-key = consensus.key\n" : "");
    if (p->passphrase)
        fprintf(out, "key-passphrase = \"%s\"\n", p->passphrase_path);
    fprintf(out, "p2p-host = %s\np2p-port = %u\nrpc-port = %u\ningest-port = %u\nshards = %llu\n",
            !validates         ? "127.0.0.1"
            : is_here(v->host) ? v->host
                               : everywhere,
            v->p2p_port, v->rpc_port, v->ingest_port, (unsigned long long)p->settings->shards);
    // Each would take the first cores for itself.
    if (shares_host(p, v))
        fputs("pin = false\n", out);
}

static bool write_config(const struct plan *p, unsigned i, const char *folder, char *error)
{
    char path[PATH_BYTES], name[32];
    FILE *out = create(path, folder, "node.conf", error);
    if (!out)
        return false;
    snprintf(name, sizeof name, "validator-%u", i);
    put_config(out, p, &p->validators[i], name, true);
    put_peers(out, p, i);
    put_allowed(out, p);
    return finish(out, path, error);
}

static bool make_folder(const char *folder, char *error)
{
    return mkdir(folder, 0700) == 0 || refuse(error, "cannot create %s: %s", folder, strerror(errno));
}

static bool write_key(const struct plan *p, const char *folder, const char *name, const struct key_pair *k, char *error)
{
    char path[PATH_BYTES], reason[STORE_ERROR_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return key_file_create(path, k, p->passphrase, KEY_LOG2N, reason) || refuse(error, "%s", reason);
}

static bool write_validator(const struct plan *p, unsigned i, char *error)
{
    char folder[PATH_MAX], reason[STORE_ERROR_MAX];
    const struct planned *v = &p->validators[i];
    init_folder(folder, sizeof folder, p->settings, i);
    if (!make_folder(folder, error) || !write_key(p, folder, "consensus.key", &v->consensus, error) ||
        !write_key(p, folder, "channel.key", &v->channel, error))
        return false;
    if (!vote_folder_new_guard(folder, reason))
        return refuse(error, "%s", reason);
    return write_genesis(p, folder, error) && write_config(p, i, folder, error);
}

static bool write_follower(const struct plan *p, unsigned i, char *error)
{
    char folder[PATH_MAX], path[PATH_BYTES], name[32];
    init_follower_folder(folder, sizeof folder, p->settings, i);
    if (!make_folder(folder, error) || !write_key(p, folder, "channel.key", &p->followers[i].channel, error) ||
        !write_genesis(p, folder, error))
        return false;
    FILE *out = create(path, folder, "node.conf", error);
    if (!out)
        return false;
    snprintf(name, sizeof name, "follower-%u", i);
    put_config(out, p, &p->followers[i], name, false);
    put_peers(out, p, CLUSTER_FOLLOWER);
    return finish(out, path, error);
}

static bool write_readme(const struct plan *p, char *error)
{
    char path[PATH_BYTES];
    FILE *out = create(path, p->settings->out, "README.md", error);
    if (!out)
        return false;
    fputs(
        "# A gantry cluster\n\n"
        "Each folder belongs to one validator and is all that it needs. Copy a folder to its machine, keep it nowhere\n"
        "else, and start there:\n\n"
        "    cd validator-I && gantry node --config node.conf\n\n"
        "| folder | machine | other validators connect to | JSON-RPC | ingest |\n|---|---|---|---|---|\n",
        out);
    for (unsigned i = 0; i < p->settings->validators; i++) {
        const struct planned *v = &p->validators[i];
        fprintf(out, "| validator-%u | %s | ", i, is_here(v->host) ? "this one" : v->host);
        put_address(out, v->host, v->p2p_port);
        fprintf(out, " | 127.0.0.1:%u | 127.0.0.1:%u |\n", v->rpc_port, v->ingest_port);
    }
    for (unsigned i = 0; i < p->settings->followers; i++)
        fprintf(out, "| follower-%u | any | | 127.0.0.1:%u | 127.0.0.1:%u |\n", i, p->followers[i].rpc_port,
                p->followers[i].ingest_port);
    fputs(
        "\n- The chain goes on as long as validators of more than two thirds of the weight are up and reach each\n"
        "  other. Start them in any order.\n"
        "- `consensus.key` signs votes. One node at a time may use it: never run a copy of a folder.\n"
        "- `sign-guard` remembers what the key has signed. A key that comes back from a backup without it, or with an\n"
        "  older one, is used only after `gantry recover --config node.conf`.\n"
        "- `genesis.json` is public, and what `gantry verify-certificate --genesis genesis.json` checks against.\n"
        "- JSON-RPC and ingest listen on the loopback address only; node.conf says how to change that.\n",
        out);
    return finish(out, path, error);
}

static bool write_all(const struct plan *p, char *error)
{
    bool good = make_root(p->settings->out, error);
    for (unsigned i = 0; good && i < p->settings->validators; i++)
        good = write_validator(p, i, error);
    for (unsigned i = 0; good && i < p->settings->followers; i++)
        good = write_follower(p, i, error);
    return good && write_genesis(p, p->settings->out, error) && write_readme(p, error);
}

bool init_cluster(const struct init_settings *s, char error[INIT_ERROR_MAX])
{
    struct plan *p = calloc(1, sizeof *p);
    if (!p)
        abort();
    p->settings = s;
    const bool good = make_plan(p, error) && write_all(p, error);
    init_genesis_free(&p->genesis);
    key_free_passphrase(p->passphrase);
    explicit_bzero(p, sizeof *p);
    free(p);
    return good;
}
