// Blocks, transactions and receipts as JSON objects: the fields of the Ethereum execution API, in geth's order.
// Pure functions of their arguments.
#ifndef GANTRY_ENGINE_RPC_VIEWS_H
#define GANTRY_ENGINE_RPC_VIEWS_H

#include "engine/rpc/json_writer.h"
#include "engine/rpc/log_filter.h"
#include "engine/store/record.h"

void view_block(struct json_writer *w, const struct record *r, bool full_transactions);
// A header as newHeads tells it.
void view_header(struct json_writer *w, const struct record *r);
// Transaction i of the block.
void view_transaction(struct json_writer *w, const struct record *r, uint32_t i);
// A pooled one, not in a block yet. false (nothing written) when raw does not decode.
MUST_CHECK bool view_pooled(struct json_writer *w, struct bytes raw, const bytes32 *hash, const address *sender);
void view_receipt(struct json_writer *w, const struct record *r, uint32_t i);
void view_receipts(struct json_writer *w, const struct record *r);
// Members of an object, with a comma before each: which block and place transaction i has, and whether it succeeded.
void view_place(struct json_writer *w, const struct record *r, uint32_t i);
// A log of an included transaction, as eth_getLogs tells it.
void view_log(struct json_writer *w, const struct log_place *at, const struct log_view *log);

// An address with EIP-55's mixed case, with 0x and NUL.
#define CHECKSUM_ADDRESS_MAX 43
void view_checksum_address(char out[CHECKSUM_ADDRESS_MAX], const address *a);

#endif
