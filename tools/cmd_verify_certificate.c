// gantry verify-certificate: checks offline that a block is final.
#include "base/hex.h"
#include "base/whole_file.h"
#include "engine/certificate.h"
#include "engine/cluster.h"
#include "tools/commands.h"
#include "tools/options.h"

#include <errno.h>
#include <stdlib.h>

struct verify_settings {
    char *genesis, *block;
    bool ordered;
};

static const struct config_key keys[] = {
    {"genesis", CONFIG_STRING, offsetof(struct verify_settings, genesis), NULL, 0, 0, NULL,
     "The chain's genesis.json: it names the validators."},
    {"block", CONFIG_STRING, offsetof(struct verify_settings, block), NULL, 0, 0, NULL,
     "Hash of the block that the proof must be of; without, it is only printed."},
    {"ordered", CONFIG_BOOL, offsetof(struct verify_settings, ordered), "false", 0, 0, NULL,
     "Be content with the order being final, though no final block states the result yet."},
};
#define KEY_COUNT (sizeof keys / sizeof keys[0])

static int check(const struct verify_settings *s, const struct certificate *c, const struct vset *set)
{
    uint64_t number = 0;
    bytes32 hash = {{0}}, wanted;
    struct signing *checker = signing_checker();
    const enum certificate_status status = certificate_check(c, set, checker, &number, &hash);
    checker->ops->free(checker);
    if (!certificate_is_good(status))
        return options_fail("verify-certificate", "not proved: %s", certificate_status_text(status));
    char text[65] = {0};
    hex_encode(text, hash.b, sizeof hash.b);
    if (s->block && (hex_decode(wanted.b, sizeof wanted.b, s->block, strlen(s->block)) != 32))
        return options_refuse("verify-certificate", "--block: not a hash of 32 bytes");
    if (s->block && !bytes32_equal(&wanted, &hash))
        return options_fail("verify-certificate", "the proof is of another block: %llu, 0x%s",
                            (unsigned long long)number, text);
    if (status == CERTIFICATE_ORDERED && !s->ordered)
        return options_fail("verify-certificate", "block %llu, 0x%s: %s (--ordered accepts that)",
                            (unsigned long long)number, text, certificate_status_text(status));
    printf("block %llu, 0x%s: %s; %u of %u validators signed\n", (unsigned long long)number, text,
           certificate_status_text(status), c->signer_count, set->wire.n);
    return EXIT_OK;
}

static int verify(const struct verify_settings *s, const char *path)
{
    struct genesis genesis;
    struct vset set;
    char reason[STORE_ERROR_MAX];
    size_t len = 0;
    if (!genesis_load(&genesis, s->genesis, reason))
        return options_fail("verify-certificate", "%s", reason);
    bool good = genesis.cluster.validator_count > 0 || store_fail(reason, "%s names no validators", s->genesis);
    good = good && cluster_set(&set, &genesis, reason);
    genesis_free(&genesis);
    if (!good)
        return options_fail("verify-certificate", "%s", reason);
    char *text = strcmp(path, "-") == 0 ? whole_stream(stdin, CERTIFICATE_JSON_MAX, &len)
                                        : whole_file(path, CERTIFICATE_JSON_MAX, &len);
    if (!text)
        return options_fail("verify-certificate", "cannot read %s: %s", path, strerror(errno));
    struct certificate *c = certificate_parse(text, len, reason);
    free(text);
    if (!c)
        return options_fail("verify-certificate", "malformed: %s", reason);
    const int code = check(s, c, &set);
    certificate_free(c);
    return code;
}

int cmd_verify_certificate(int argc, char **argv)
{
    const struct options_command command = {
        .name = "verify-certificate",
        .usage = "--genesis FILE [options] [FILE|-]",
        .about = "Checks that a block is final with nothing but the genesis and a proof: what the JSON-RPC method\n"
                 "gantry_certificate answers (its whole answer or the result alone), from FILE or standard input.",
        .keys = keys,
        .key_count = KEY_COUNT,
        .takes_arguments = true,
    };
    struct verify_settings settings = {0};
    char **rest;
    int rest_count, code;
    if (options_parse(&command, &settings, argc, argv, &rest, &rest_count, &code)) {
        if (!settings.genesis || rest_count > 1)
            code =
                options_refuse("verify-certificate", settings.genesis ? "one proof at a time" : "--genesis is needed");
        else
            code = verify(&settings, rest_count == 1 ? rest[0] : "-");
    }
    config_free(keys, KEY_COUNT, &settings);
    return code;
}
