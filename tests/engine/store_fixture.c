#include "tests/engine/store_fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/keccak.h"
#include "base/remove_tree.h"
#include "base/temporary_folder.h"
#include "chain/logs.h"
#include "tests/support/vectors.h"

static void random_bytes(uint64_t *seed, void *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)out)[i] = (uint8_t)test_random(seed);
}

void fixture_genesis(struct header *out, uint64_t timestamp)
{
    *out = (struct header){
        .ommers_hash = KECCAK256_EMPTY_LIST,
        .transactions_root = KECCAK256_EMPTY_RLP,
        .receipts_root = KECCAK256_EMPTY_RLP,
        .withdrawals_root = KECCAK256_EMPTY_RLP,
        .gas_limit = 2000000000,
        .timestamp = timestamp,
        .base_fee = u256_from_u64(1000000000),
        .optional_count = 4,
    };
}

// A typed transaction is any string below type 0x80, a legacy one an RLP list; the record looks no deeper.
static size_t random_tx(uint64_t *seed, uint8_t *out)
{
    const size_t len = 1 + test_random(seed) % 200;
    random_bytes(seed, out, len);
    out[0] = (uint8_t)(1 + test_random(seed) % 2);
    if (test_random(seed) % 3 == 0) {
        out[0] = 0xf8;
        out[1] = 56 + 20;
        return 2 + 56 + 20;
    }
    return len;
}

// A list of one log: [address, [topic], data].
static size_t random_logs(uint64_t *seed, uint8_t *out)
{
    uint8_t *p = out;
    if (test_random(seed) % 4 != 0)
        return 0;
    *p++ = 0xf8, *p++ = 61;
    *p++ = 0xf8, *p++ = 59;
    *p++ = 0x94;
    random_bytes(seed, p, 20);
    p += 20;
    *p++ = 0xe1, *p++ = 0xa0;
    random_bytes(seed, p, 32);
    p += 32;
    *p++ = 0x83;
    random_bytes(seed, p, 3);
    return (size_t)(p + 3 - out);
}

enum { DROPPED_MAX = 3, TX_BYTES_MAX = 256 };

struct parts {
    uint8_t *raw_bytes, *log_bytes;
    struct bytes *raw;
    bytes32 *hashes;
    address *senders;
    struct receipt *receipts;
};

static void make_parts(struct parts *p, uint64_t *seed, uint32_t n)
{
    *p = (struct parts){
        .raw_bytes = malloc((n + 1) * TX_BYTES_MAX),
        .log_bytes = malloc((n + 1) * TX_BYTES_MAX),
        .raw = calloc(n + 1, sizeof *p->raw),
        .hashes = calloc(n + 1, sizeof *p->hashes),
        .senders = calloc(n + 1, sizeof *p->senders),
        .receipts = calloc(n + 1, sizeof *p->receipts),
    };
    uint64_t gas = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint8_t *raw = p->raw_bytes + i * TX_BYTES_MAX, *logs = p->log_bytes + i * TX_BYTES_MAX;
        p->raw[i] = bytes_of(raw, random_tx(seed, raw));
        random_bytes(seed, &p->hashes[i], sizeof p->hashes[i]);
        random_bytes(seed, &p->senders[i], sizeof p->senders[i]);
        gas += 21000 + test_random(seed) % 1000;
        p->receipts[i] = (struct receipt){
            .tx_type = raw[0], .success = test_random(seed) % 2, .cumulative_gas = gas, .logs = {logs, 0}};
        p->receipts[i].logs.len = random_logs(seed, logs);
    }
}

static void free_parts(struct parts *p)
{
    free(p->raw_bytes);
    free(p->log_bytes);
    free(p->raw);
    free(p->hashes);
    free(p->senders);
    free(p->receipts);
}

uint8_t *fixture_record(struct fixture_chain *chain, uint32_t tx_count, size_t *len, struct record *decoded)
{
    struct parts parts;
    struct header header;
    struct exec_counts counts = {0};
    bytes32 dropped[DROPPED_MAX];
    uint8_t reasons[DROPPED_MAX], extra[8];
    struct record local;
    make_parts(&parts, &chain->seed, tx_count);
    fixture_genesis(&header, 1700000000 + chain->height);
    header.number = ++chain->height;
    header.parent_hash = chain->parent_hash;
    header.gas_used = tx_count == 0 ? 0 : parts.receipts[tx_count - 1].cumulative_gas;
    random_bytes(&chain->seed, extra, sizeof extra);
    header.extra_data = bytes_of(extra, sizeof extra);
    for (uint32_t i = 0; i < tx_count; i++) {
        const bloom b = logs_bloom(parts.receipts[i].logs);
        bloom_or(&header.logs_bloom, &b);
    }
    counts.of[0][EXEC_SENDERS] = tx_count / 2;
    counts.of[EXEC_ROUNDS_MAX][EXEC_GLOBAL] = tx_count - tx_count / 2;
    random_bytes(&chain->seed, dropped, sizeof dropped);
    for (int i = 0; i < DROPPED_MAX; i++)
        reasons[i] = (uint8_t)(1 + test_random(&chain->seed) % (TX_STATUS_COUNT - 1));
    const struct record_input in = {
        .header = &header,
        .time_ms = 1700000000000 + chain->height * 100,
        .tx_count = tx_count,
        .raw_txs = parts.raw,
        .tx_hashes = parts.hashes,
        .senders = parts.senders,
        .receipts = parts.receipts,
        .counts = &counts,
        .dropped_count = (uint32_t)(test_random(&chain->seed) % (DROPPED_MAX + 1)),
        .dropped_hashes = dropped,
        .dropped_reasons = reasons,
    };
    *len = record_size(&in);
    uint8_t *out = malloc(*len);
    if (record_put(out, &in) != out + *len || !record_decode(&local, bytes_of(out, *len))) {
        fprintf(stderr, "fixture: the record does not decode\n");
        abort();
    }
    chain->parent_hash = local.block_hash;
    if (decoded != NULL)
        *decoded = local;
    free_parts(&parts);
    return out;
}

char *fixture_folder(void)
{
    char *path = temporary_folder("gantry-store");
    if (path == NULL) {
        perror("temporary_folder");
        abort();
    }
    return path;
}

void fixture_remove(char *path)
{
    remove_tree(path);
    free(path);
}

void fixture_damage(const char *dir, const char *name, uint64_t offset)
{
    char path[1024];
    uint8_t byte;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    const int fd = open(path, O_RDWR);
    if (fd < 0 || pread(fd, &byte, 1, (off_t)offset) != 1) {
        perror(path);
        abort();
    }
    byte ^= 0x10;
    if (pwrite(fd, &byte, 1, (off_t)offset) != 1)
        abort();
    close(fd);
}
