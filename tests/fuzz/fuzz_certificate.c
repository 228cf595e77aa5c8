// Proofs of finality as JSON: whatever is taken is written and read back as the same, and checking it does no harm.
#include "engine/certificate.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(const struct certificate *c)
{
    static struct vset set;
    static struct signing *checker;
    if (!checker) {
        const bytes32 secret = {{1}};
        uint32_t weight = 1;
        bytes32 key;
        struct signing *s = signing_secp(&secret, &key);
        s->ops->free(s);
        vset_init(&set, 31337, 1, &weight, &key);
        checker = signing_checker();
    }
    uint64_t number;
    bytes32 hash;
    (void)certificate_check(c, &set, checker, &number, &hash);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char error[CERTIFICATE_ERROR_MAX];
    struct certificate *c = certificate_parse((const char *)data, len, error);
    if (!c)
        return 0;
    char *text = certificate_write(c);
    struct certificate *again = certificate_parse(text, strlen(text), error);
    char *second = again ? certificate_write(again) : NULL;
    if (!second || strcmp(text, second) != 0)
        abort();
    check(c);
    free(text);
    free(second);
    certificate_free(c);
    certificate_free(again);
    return 0;
}
