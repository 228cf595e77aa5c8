// gantry address: which partition an address is in, and addresses in a given one.
#include "base/hex.h"
#include "base/keccak.h"
#include "tools/address/search.h"
#include "tools/commands.h"
#include "tools/options.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

struct address_settings {
    char *partition, *near, *init_code, *init_code_hash, *factory, *deployer, *salt;
    uint64_t nonce;
    bool key, account, json;
};

#define KEY(field) offsetof(struct address_settings, field)
// The deployer of CREATE2 contracts that is at the same address on most chains: call data are salt and init code.
#define COMMON_FACTORY "0x4e59b44847b379578588920ca78fbf26c0b4956c"

static const struct config_key keys[] = {
    {"partition", CONFIG_STRING, KEY(partition), NULL, 0, 0, NULL, "The partition to find an address in: 0 to 255."},
    {"near", CONFIG_STRING, KEY(near), NULL, 0, 0, NULL, "The partition of this address instead."},
    {"init-code", CONFIG_STRING, KEY(init_code), NULL, 0, 0, NULL,
     "Find a CREATE2 salt for the init code in this file, in hexadecimal."},
    {"init-code-hash", CONFIG_STRING, KEY(init_code_hash), NULL, 0, 0, NULL,
     "Find a CREATE2 salt for init code with this Keccak-256."},
    {"factory", CONFIG_STRING, KEY(factory), COMMON_FACTORY, 0, 0, NULL, "Who runs CREATE2."},
    {"salt", CONFIG_STRING, KEY(salt), "0", 0, 0, NULL, "The first salt to try."},
    {"deployer", CONFIG_STRING, KEY(deployer), NULL, 0, 0, NULL,
     "Find a nonce with which a contract that this account creates is there."},
    {"nonce", CONFIG_U64, KEY(nonce), "0", 0, INT64_MAX, NULL, "The first nonce to try; with --key the nonce."},
    {"key", CONFIG_BOOL, KEY(key), "false", 0, 0, NULL,
     "Make a new key whose account's contract (of the transaction with --nonce) is there."},
    {"account", CONFIG_BOOL, KEY(account), "false", 0, 0, NULL, "Make a new key whose account itself is there."},
    {"json", CONFIG_BOOL, KEY(json), "false", 0, 0, NULL, "Print JSON."},
};
#define KEY_COUNT (sizeof keys / sizeof keys[0])

static const struct options_command command = {
    .name = "address",
    .usage = "[--partition P | --near ADDRESS] [options] [ADDRESS...]",
    .about =
        "Prints the partition (of 256) that each address is in; or finds an address in a given partition: a CREATE2\n"
        "salt, a nonce of a deployer, or a new key. Contracts that call one another run beside others only when\n"
        "they are in one partition; across partitions their transactions wait for the block's global pass.",
    .keys = keys,
    .key_count = KEY_COUNT,
    .takes_arguments = true,
};

static bool read_hex(void *out, size_t len, const char *text)
{
    return hex_decode(out, len, text, strlen(text)) == (ptrdiff_t)len;
}

static bool read_address(address *out, const char *text)
{
    return read_hex(out->b, sizeof out->b, text) ||
           (options_refuse(command.name, "\"%.80s\" is no address of 20 hexadecimal bytes", text), false);
}

// ---- what is printed: a name and a text for each line

struct report {
    json_t *object;
    bool json;
};

__attribute__((format(printf, 3, 4))) static void add(struct report *r, const char *name, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    json_object_set_new(r->object, name, json_vsprintf(format, args));
    va_end(args);
}

static void add_hex(struct report *r, const char *name, const void *bytes, size_t len)
{
    char text[65] = {0};
    hex_encode(text, bytes, len);
    add(r, name, "0x%s", text);
}

static int finish(struct report *r)
{
    const char *name;
    json_t *value;
    if (r->json) {
        json_dumpf(r->object, stdout, JSON_COMPACT);
        putchar('\n');
    } else {
        json_object_foreach(r->object, name, value)
        {
            if (json_is_string(value))
                printf("%-10s %s\n", name, json_string_value(value));
            else
                printf("%-10s %" JSON_INTEGER_FORMAT "\n", name, json_integer_value(value));
        }
    }
    json_decref(r->object);
    return EXIT_OK;
}

static int print_partitions(const struct address_settings *s, char **texts, int count)
{
    address who;
    for (int i = 0; i < count; i++) {
        if (!read_address(&who, texts[i]))
            return EXIT_USAGE;
    }
    for (int i = 0; i < count; i++) {
        struct report r = {json_object(), s->json};
        (void)read_hex(who.b, sizeof who.b, texts[i]);
        add_hex(&r, "address", who.b, sizeof who.b);
        json_object_set_new(r.object, "partition", json_integer(address_partition(&who)));
        finish(&r);
    }
    return EXIT_OK;
}

// ---- the search

static bool read_partition(unsigned *out, const struct address_settings *s)
{
    address near;
    if (s->near) {
        if (!read_address(&near, s->near))
            return false;
        *out = address_partition(&near);
        return true;
    }
    char *end;
    errno = 0;
    const unsigned long number = strtoul(s->partition, &end, 0);
    *out = (unsigned)number;
    if (errno == 0 && end != s->partition && *end == 0 && s->partition[0] != '-' && number < PARTITION_COUNT)
        return true;
    options_refuse(command.name, "--partition must be 0 to 255");
    return false;
}

// The hash of the init code that is in a file as hexadecimal text.
static bool hash_file(bytes32 *out, const char *path)
{
    char *text = NULL;
    size_t capacity = 0;
    FILE *file = fopen(path, "re");
    ssize_t len = file ? getdelim(&text, &capacity, 0, file) : -1;
    if (file)
        fclose(file);
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r' || text[len - 1] == ' '))
        len--;
    uint8_t *code = malloc(len > 0 ? (size_t)len : 1);
    const ptrdiff_t code_len = code && len > 0 ? hex_decode(code, (size_t)len, text, (size_t)len) : -1;
    if (code_len > 0)
        *out = keccak256(code, (size_t)code_len);
    else
        options_fail(command.name, "%.200s: %s", path, len < 0 ? strerror(errno) : "no code in hexadecimal");
    free(code);
    free(text);
    return code_len > 0;
}

static int find_salt(const struct address_settings *s, unsigned partition, struct report *r)
{
    address factory;
    bytes32 hash;
    u256 from;
    struct address_found found;
    if (!read_address(&factory, s->factory))
        return EXIT_USAGE;
    if (!u256_parse(&from, s->salt, strlen(s->salt)))
        return options_refuse(command.name, "--salt must be a number of at most 256 bits");
    if (s->init_code_hash && !read_hex(hash.b, sizeof hash.b, s->init_code_hash))
        return options_refuse(command.name, "--init-code-hash must be 32 hexadecimal bytes");
    if (!s->init_code_hash && !hash_file(&hash, s->init_code))
        return EXIT_FAILED;
    if (!address_by_salt(&found, partition, &factory, &hash, &from))
        return options_fail(command.name, "no salt from --salt on leads there");
    uint8_t salt[32];
    u256_to_be(salt, &found.salt);
    add_hex(r, "address", found.at.b, sizeof found.at.b);
    add_hex(r, "salt", salt, sizeof salt);
    add_hex(r, "factory", factory.b, sizeof factory.b);
    return EXIT_OK;
}

static int find_nonce(const struct address_settings *s, unsigned partition, struct report *r)
{
    address deployer;
    struct address_found found;
    if (!read_address(&deployer, s->deployer))
        return EXIT_USAGE;
    if (!address_by_nonce(&found, partition, &deployer, s->nonce))
        return options_fail(command.name, "no nonce from --nonce on leads there");
    add_hex(r, "address", found.at.b, sizeof found.at.b);
    add_hex(r, "deployer", deployer.b, sizeof deployer.b);
    json_object_set_new(r->object, "nonce", json_integer((json_int_t)found.nonce));
    return EXIT_OK;
}

static int find_key(const struct address_settings *s, unsigned partition, struct report *r)
{
    bytes32 seed;
    struct address_found found;
    if (getrandom(seed.b, sizeof seed.b, 0) != (ssize_t)sizeof seed.b)
        return options_fail(command.name, "no random numbers: %s", strerror(errno));
    if (!address_by_key(&found, partition, &seed, s->nonce, s->account))
        return options_fail(command.name, "no key found");
    add_hex(r, "address", found.at.b, sizeof found.at.b);
    add_hex(r, "key", found.key.b, sizeof found.key.b);
    if (s->account)
        return EXIT_OK;
    add_hex(r, "deployer", found.owner.b, sizeof found.owner.b);
    json_object_set_new(r->object, "nonce", json_integer((json_int_t)s->nonce));
    return EXIT_OK;
}

static int find(const struct address_settings *s)
{
    unsigned partition;
    struct report r = {.json = s->json};
    const int ways = (s->init_code || s->init_code_hash) + (s->deployer != NULL) + s->key + s->account;
    if (ways != 1)
        return options_refuse(command.name, "give one of --init-code, --init-code-hash, --deployer, --key, --account");
    if (!read_partition(&partition, s))
        return EXIT_USAGE;
    r.object = json_object();
    const int code = s->deployer            ? find_nonce(s, partition, &r)
                     : s->key || s->account ? find_key(s, partition, &r)
                                            : find_salt(s, partition, &r);
    if (code != EXIT_OK) {
        json_decref(r.object);
        return code;
    }
    json_object_set_new(r.object, "partition", json_integer(partition));
    return finish(&r);
}

int cmd_address(int argc, char **argv)
{
    struct address_settings settings = {0};
    char **rest;
    int rest_count, code;
    if (options_parse(&command, &settings, argc, argv, &rest, &rest_count, &code)) {
        const bool searches = settings.partition || settings.near;
        if (searches && rest_count > 0)
            code = options_refuse(command.name, "addresses are not taken together with --partition or --near");
        else if (searches)
            code = find(&settings);
        else
            code = rest_count > 0 ? print_partitions(&settings, rest, rest_count)
                                  : options_refuse(command.name, "name an address, or --partition");
    }
    config_free(keys, KEY_COUNT, &settings);
    return code;
}
