// A file of blocks, whatever its bytes are, is read and judged; nothing of it becomes part of the chain by accident.
#include "engine/block_file.h"
#include "engine/import.h"

#include <stdlib.h>

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            abort();                                                                                                   \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct importer *make_chain(void)
{
    struct genesis genesis;
    genesis_dev(&genesis);
    struct importer *chain = importer_create(&genesis, false);
    genesis_free(&genesis);
    CHECK(chain);
    return chain;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct importer *chain;
    struct bytes block;
    struct block_verdict verdict;
    if (size == 0)
        return 0;
    if (!chain)
        chain = make_chain();
    struct block_file f = {.file = fmemopen((void *)data, size, "rb")};
    CHECK(f.file);
    while (block_file_next(&f, &block) == BLOCK_FILE_BLOCK) {
        const uint64_t height = importer_head(chain)->number;
        const enum import_answer answer = importer_take(chain, block, &verdict);
        CHECK(importer_head(chain)->number == height + (answer == IMPORT_TAKEN));
        CHECK(answer != IMPORT_REFUSED || (verdict.fault != BLOCK_VALID && verdict.text[0] != 0));
        if (answer == IMPORT_REFUSED)
            break;
    }
    fclose(f.file);
    free(f.mem);
    return 0;
}
