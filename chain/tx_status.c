#include "chain/tx.h"

// Where geth has words for a refusal they are geth's own (core/error.go, core/txpool/errors.go, core/types), because
// wallets and libraries match on them; what is more precise follows after them.
const char *tx_status_text(enum tx_status status)
{
    switch (status) {
    case TX_OK:
        return "ok";
    case TX_MALFORMED:
        return "malformed transaction: rlp does not hold a transaction's fields";
    case TX_TRAILING_BYTES:
        return "malformed transaction: bytes after its end";
    case TX_NON_CANONICAL:
        return "malformed transaction: rlp is not canonical";
    case TX_TYPE_UNSUPPORTED:
        return "transaction type not supported";
    case TX_BLOB_UNSUPPORTED:
        return "transaction type not supported: blob transactions (type 3) are not taken by this chain";
    case TX_SET_CODE_UNSUPPORTED:
        return "transaction type not supported: set-code transactions (type 4) are not taken by this chain";
    case TX_TOO_LARGE:
        return "oversized data: the transaction is larger than 131072 bytes";
    case TX_FIELD_OVERFLOW:
        return "malformed transaction: an integer is too large for its field";
    case TX_BAD_V:
        return "invalid transaction v, r, s values: bad v";
    case TX_BAD_R:
        return "invalid transaction v, r, s values: r out of range";
    case TX_BAD_S:
        return "invalid transaction v, r, s values: s out of range";
    case TX_HIGH_S:
        return "invalid transaction v, r, s values: high s";
    case TX_WRONG_CHAIN_ID:
        return "invalid chain id for signer";
    case TX_BAD_SIGNATURE:
        return "invalid sender: no public key recovers from the signature";
    case TX_WRONG_WITNESS:
        return "invalid sender: the given public key is not the signature's";
    case TX_INTRINSIC_GAS:
        return "intrinsic gas too low";
    case TX_GAS_LIMIT_EXCEEDED:
        return "exceeds block gas limit";
    case TX_TIP_ABOVE_FEE_CAP:
        return "max priority fee per gas higher than max fee per gas";
    case TX_NONCE_MAX:
        return "nonce has max value";
    case TX_COST_OVERFLOW:
        return "insufficient funds for gas * price + value: required balance exceeds 256 bits";
    case TX_INIT_CODE_TOO_LARGE:
        return "max initcode size exceeded";
    case TX_NOT_SUPPORTED:
        return "not supported: contracts, calldata and precompiles";
    case TX_NONCE_TOO_LOW:
        return "nonce too low";
    case TX_NONCE_TOO_HIGH:
        return "nonce too high";
    case TX_INSUFFICIENT_FUNDS:
        return "insufficient funds for gas * price + value";
    case TX_FEE_CAP_BELOW_BASE_FEE:
        return "max fee per gas less than block base fee";
    case TX_SENDER_HAS_CODE:
        return "sender not an eoa";
    case TX_ALREADY_KNOWN:
        return "already known";
    case TX_REPLACEMENT_UNDERPRICED:
        return "replacement transaction underpriced";
    case TX_UNDERPRICED:
        return "transaction underpriced";
    case TX_POOL_FULL:
        return "txpool is full";
    case TX_SENDER_LIMIT:
        return "account limit exceeded";
    case TX_REPLACED:
        return "replaced by a transaction of the same sender and nonce that pays more";
    case TX_EVICTED:
        return "evicted: the txpool is full of transactions that pay more";
    case TX_EXPIRED:
        return "expired: waited too long for an earlier nonce of its sender";
    case TX_STOPPING:
        return "the node is shutting down";
    case TX_BLOB_NONE:
        return "blob transaction missing blob hashes";
    case TX_BLOB_CREATION:
        return "blob transaction of type create";
    case TX_BLOB_HASH_VERSION:
        return "blob hash has an invalid version";
    case TX_BLOB_COUNT:
        return "blob transaction has too many blobs";
    case TX_BLOB_FEE_CAP:
        return "max fee per blob gas less than block blob gas fee";
    case TX_STATUS_COUNT:
        break;
    }
    return "unknown status";
}
