// The text of a key file: a text that is taken is the only one with its contents.
#include "engine/key_file.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct key_text t, cut;
    char error[STORE_ERROR_MAX];
    if (!key_text_parse(&t, bytes_of(data, len), error))
        return 0;
    if (t.covered == 0 || t.covered >= len || data[len - 1] != '\n' || t.public_len < 32 ||
        t.public_len > KEY_PUBLIC_MAX)
        abort();
    if (key_text_parse(&cut, bytes_of(data, len - 1), error))
        abort();
    return 0;
}
