#include "shard/serial/verdict.h"

#include "base/hex.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const names[BLOCK_FAULT_COUNT] = {
    [BLOCK_VALID] = "valid",
    [BLOCK_MALFORMED] = "malformed",
    [BLOCK_UNKNOWN_PARENT] = "parent hash",
    [BLOCK_NUMBER] = "number",
    [BLOCK_TIMESTAMP] = "timestamp",
    [BLOCK_GAS_LIMIT] = "gas limit",
    [BLOCK_GAS_ABOVE_LIMIT] = "gas used above the limit",
    [BLOCK_FIELDS] = "fields",
    [BLOCK_BASE_FEE] = "base fee",
    [BLOCK_DIFFICULTY] = "difficulty",
    [BLOCK_OMMERS] = "ommers",
    [BLOCK_EXCESS_BLOB_GAS] = "excess blob gas",
    [BLOCK_BLOB_GAS] = "blob gas used",
    [BLOCK_WITHDRAWALS] = "withdrawals",
    [BLOCK_TRANSACTIONS_ROOT] = "transactions root",
    [BLOCK_TRANSACTION] = "transaction",
    [BLOCK_GAS_USED] = "gas used",
    [BLOCK_RECEIPTS_ROOT] = "receipts root",
    [BLOCK_BLOOM] = "logs bloom",
    [BLOCK_STATE_ROOT] = "state root",
    [BLOCK_FORK] = "fork",
};

const char *block_fault_text(enum block_fault fault)
{
    return names[fault];
}

bool block_refuse(struct block_verdict *out, enum block_fault fault, const char *format, ...)
{
    va_list args;
    *out = (struct block_verdict){.fault = fault};
    const int len = snprintf(out->text, sizeof out->text, "%s: ", names[fault]);
    va_start(args, format);
    vsnprintf(out->text + len, sizeof out->text - (size_t)len, format, args);
    va_end(args);
    return false;
}

bool block_compare_hash(struct block_verdict *out, enum block_fault fault, const bytes32 *header, const bytes32 *got)
{
    char want[65] = {0}, have[65] = {0};
    if (bytes32_equal(header, got))
        return true;
    hex_encode(want, header->b, 32);
    hex_encode(have, got->b, 32);
    return block_refuse(out, fault, "the header has 0x%s, it should be 0x%s", want, have);
}
