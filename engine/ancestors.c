#include "engine/ancestors.h"

#include "engine/store/record.h"

#include <inttypes.h>
#include <stdio.h>

bool ancestors_load(struct exec_ancestors *out, struct blog *blog, const struct header *head, const bytes32 *head_hash,
                    char error[STORE_ERROR_MAX])
{
    ancestors_add(out, head->number, head_hash);
    bytes32 parent = head->parent_hash;
    for (uint64_t n = head->number; n-- > 0 && n + ANCESTORS_KEPT > head->number;) {
        ancestors_add(out, n, &parent);
        if (n == 0 || n + ANCESTORS_KEPT == head->number + 1)
            break;
        uint8_t start[RECORD_START_BYTES];
        struct header header;
        bytes32 hash;
        const size_t len = blog_read_start(blog, n, start, sizeof start, error);
        if (len == 0)
            return false;
        if (!record_start_header(&header, &hash, bytes_of(start, len)) || !bytes32_equal(&hash, &parent)) {
            snprintf(error, STORE_ERROR_MAX, "block %" PRIu64 " of the log is not the parent of the one after it", n);
            return false;
        }
        parent = header.parent_hash;
    }
    return true;
}
