// Malformed and refused requests, each with its exact answer. The words are geth's wherever geth has some.
#include <criterion/criterion.h>
#include <stdlib.h>

#include "engine/rpc/call.h"
#include "tests/engine/rpc_fixture.h"

#define DEV "\"0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266\""

static struct rpc_fixture f;

static void open_core(void)
{
    rpc_fixture_open_core(&f);
}

static void close_core(void)
{
    rpc_fixture_close(&f);
}

TestSuite(rpc_refusals, .init = open_core, .fini = close_core);

static const struct {
    const char *text, *answer;
} texts[] = {
    {"", "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"parse error: nothing there\"}}"},
    {"   ", "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"parse error: unexpected token "
            "near end of file at byte 3\"}}"},
    {"'f", "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"parse error: invalid token near "
           "''' at byte 1\"}}"},
    {"{", "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"parse error: string or '}' "
          "expected near end of file at byte 1\"}}"},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_chainId\"",
     "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"parse error: '}' expected near end of "
     "file at byte 46\"}}"},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_chainId\"}}",
     "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"parse error: end of file expected near "
     "'}' at byte 48\"}}"},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_chainId\"} x",
     "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"parse error: end of file expected near "
     "'x' at byte 49\"}}"},
    {"{'jsonrpc':'2.0'}", "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"parse error: "
                          "string or '}' expected near ''' at byte 2\"}}"},
    {"{\"a\":1,}", "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"parse error: string or "
                   "'}' expected near '}' at byte 8\"}}"},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\\ud800\"}",
     "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"parse error: invalid Unicode "
     "'\\\\uD800' near '\\\"\\\\ud800\\\"' at byte 41\"}}"},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\\u0000b\"}",
     "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"parse error: NUL in a string at byte "
     "43\"}}"},
    {"{\"jsonrpc\":\"2.0\",\"id\":99999999999999999999,\"method\":\"eth_chainId\"}",
     "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"parse error: too big integer near "
     "'99999999999999999999' at byte 42\"}}"},
    {"[1,2", "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"parse error: ']' expected near "
             "end of file at byte 4\"}}"},
    {"\"text\"", "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"invalid request\"}}"},
    {"1", "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"invalid request\"}}"},
    {"null", "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"invalid request\"}}"},
    {"true", "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"invalid request\"}}"},
    {"{}", "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"invalid request\"}}"},
    {"[]", "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"empty batch\"}}"},
    {"[1]", "[{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"invalid request\"}}]"},
    {"[1,\"a\",null,[],{}]",
     "[{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"invalid "
     "request\"}},{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"invalid "
     "request\"}},{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"invalid "
     "request\"}},{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"invalid "
     "request\"}},{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"invalid request\"}}]"},
    {"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"eth_chainId\"}",
     "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32600,\"message\":\"invalid request\"}}"},
    {"{\"jsonrpc\":2.0,\"id\":1,\"method\":\"eth_chainId\"}",
     "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32600,\"message\":\"invalid request\"}}"},
    {"{\"id\":1,\"method\":\"eth_chainId\"}",
     "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32600,\"message\":\"invalid request\"}}"},
    {"{\"jsonrpc\":\"2.0\",\"id\":1}",
     "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32600,\"message\":\"invalid request\"}}"},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":7}",
     "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32600,\"message\":\"invalid request\"}}"},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\"}",
     "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32600,\"message\":\"invalid request\"}}"},
    {"{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"eth_chainId\"}",
     "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"invalid request\"}}"},
    {"{\"jsonrpc\":\"2.0\",\"id\":[1],\"method\":\"eth_chainId\"}",
     "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"invalid request\"}}"},
    {"{\"jsonrpc\":\"2.0\",\"id\":\"a\\\"b\\n\",\"method\":\"eth_chainId\"}",
     "{\"jsonrpc\":\"2.0\",\"id\":\"a\\\"b\\n\",\"result\":\"0x7a69\"}"},
    {"{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"eth_chainId\"}",
     "{\"jsonrpc\":\"2.0\",\"id\":null,\"result\":\"0x7a69\"}"},
    {"{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"eth_chainId\"}",
     "{\"jsonrpc\":\"2.0\",\"id\":1.5,\"result\":\"0x7a69\"}"},
    {"{\"jsonrpc\":\"2.0\",\"id\":true,\"method\":\"eth_chainId\"}",
     "{\"jsonrpc\":\"2.0\",\"id\":true,\"result\":\"0x7a69\"}"},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"eth_chainId\"}", ""},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"eth_nothing\"}", ""},
    {"[{\"jsonrpc\":\"2.0\",\"method\":\"eth_chainId\"}]", ""},
    {"[{\"jsonrpc\":\"2.0\",\"method\":\"eth_chainId\"},{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"eth_chainId\"}]",
     "[{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":\"0x7a69\"}]"},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_nothing\"}",
     "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32601,\"message\":\"the method eth_nothing does not exist/is "
     "not available\"}}"},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_chainid\"}",
     "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32601,\"message\":\"the method eth_chainid does not exist/is "
     "not available\"}}"},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\\\"b\\\\\"}",
     "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32601,\"message\":\"the method a\\\"b\\\\ does not exist/is "
     "not available\"}}"},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_chainId\",\"params\":{}}",
     "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32602,\"message\":\"non-array args\"}}"},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_chainId\",\"params\":\"x\"}",
     "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32602,\"message\":\"non-array args\"}}"},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_chainId\",\"params\":null}",
     "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"0x7a69\"}"},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_chainId\",\"params\":[]}",
     "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"0x7a69\"}"},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_getBalance\"}",
     "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32602,\"message\":\"missing value for required argument "
     "0\"}}"},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_subscribe\"}",
     "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32602,\"message\":\"non-array args\"}}"},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_uninstallFilter\",\"params\":[\"0x1\"]}",
     "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":false}"},
    {"[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":"
                                            "\"parse error: nested deeper than 16 at byte 17\"}}"},
};

static const struct {
    const char *method, *params;
    int code;
    const char *message;
} calls[] = {
    {"eth_sendTransaction", "[{}]", -32601,
     "the method eth_sendTransaction does not exist/is not available: this node holds no keys; sign locally and use "
     "eth_sendRawTransaction"},
    {"eth_sign", "[]", -32601,
     "the method eth_sign does not exist/is not available: this node holds no keys; sign locally and use "
     "eth_sendRawTransaction"},
    {"eth_chainId", "[1]", -32602, "too many arguments, want at most 0"},
    {"eth_getBalance", "[]", -32602, "missing value for required argument 0"},
    {"eth_getBalance", "[1,\"latest\"]", -32602,
     "invalid argument 0: json: cannot unmarshal non-string into Go value of type common.Address"},
    {"eth_getBalance", "[null,\"latest\"]", -32602,
     "invalid argument 0: json: cannot unmarshal non-string into Go value of type common.Address"},
    {"eth_getBalance", "[\"0x12\",\"latest\"]", -32602,
     "invalid argument 0: hex string has length 2, want 40 for common.Address"},
    {"eth_getBalance", "[\"0x123\",\"latest\"]", -32602,
     "invalid argument 0: json: cannot unmarshal hex string of odd length into Go value of type common.Address"},
    {"eth_getBalance", "[\"f39fd6e51aad88f6f4ce6ab8827279cfffb92266\",\"latest\"]", -32602,
     "invalid argument 0: json: cannot unmarshal hex string without 0x prefix into Go value of type common.Address"},
    {"eth_getBalance", "[\"0xg39fd6e51aad88f6f4ce6ab8827279cfffb92266\",\"latest\"]", -32602,
     "invalid argument 0: json: cannot unmarshal invalid hex string into Go value of type common.Address"},
    {"eth_getBalance", "[" DEV ",\"newest\"]", -32602, "invalid argument 1: hex string without 0x prefix"},
    {"eth_getBalance", "[" DEV ",3]", -32602,
     "invalid argument 1: json: cannot unmarshal number into Go value of type string"},
    {"eth_getBalance", "[" DEV ",\"0x\"]", -32602, "invalid argument 1: hex string \"0x\""},
    {"eth_getBalance", "[" DEV ",\"0x01\"]", -32602, "invalid argument 1: hex number with leading zero digits"},
    {"eth_getBalance", "[" DEV ",\"0xzz\"]", -32602, "invalid argument 1: invalid hex string"},
    {"eth_getBalance", "[" DEV ",\"\"]", -32602, "invalid argument 1: empty hex string"},
    {"eth_getBalance", "[" DEV ",\"0x10000000000000000\"]", -32602, "invalid argument 1: hex number > 64 bits"},
    {"eth_getBalance", "[" DEV ",\"0x8000000000000000\"]", -32602,
     "invalid argument 1: block number larger than int64"},
    {"eth_getBalance", "[" DEV ",\"0x4\"]", -32000, "header not found"},
    {"eth_getBalance", "[" DEV ",{}]", -32602, "invalid argument 1: neither blockHash nor blockNumber is given"},
    {"eth_getBalance", "[" DEV ",{\"blockNumber\":\"0x1\",\"blockHash\":\"0x00\"}]", -32602,
     "invalid argument 1: cannot specify both BlockHash and BlockNumber, choose one or the other"},
    {"eth_getBalance",
     "[" DEV ",{\"blockHash\":\"0x0000000000000000000000000000000000000000000000000000000000000001\"}]", -32000,
     "header for hash not found"},
    {"eth_getBalance", "[" DEV ",{\"blockHash\":\"0x01\"}]", -32602,
     "invalid argument 1: hex string has length 2, want 64 for common.Hash"},
    {"eth_getBalance", "[" DEV ",{\"blockNumber\":\"0x1\",\"requireCanonical\":1}]", -32602,
     "invalid argument 1: json: cannot unmarshal number into Go value of type bool"},
    {"eth_getBalance", "[" DEV ",\"latest\",1]", -32602, "too many arguments, want at most 2"},
    {"eth_getTransactionByHash", "[\"0x00\"]", -32602,
     "invalid argument 0: hex string has length 2, want 64 for common.Hash"},
    {"eth_getTransactionByHash", "[\"0xzz00000000000000000000000000000000000000000000000000000000000001\"]", -32602,
     "invalid argument 0: json: cannot unmarshal invalid hex string into Go value of type common.Hash"},
    {"eth_getTransactionByHash", "[[\"0x00\"]]", -32602,
     "invalid argument 0: json: cannot unmarshal non-string into Go value of type common.Hash"},
    {"eth_getTransactionReceipt", "[]", -32602, "missing value for required argument 0"},
    {"eth_getBlockByNumber", "[\"latest\"]", -32602, "missing value for required argument 1"},
    {"eth_getBlockByNumber", "[\"latest\",\"true\"]", -32602,
     "invalid argument 1: json: cannot unmarshal string into Go value of type bool"},
    {"eth_getBlockByNumber", "[\"latest\",1]", -32602,
     "invalid argument 1: json: cannot unmarshal number into Go value of type bool"},
    {"eth_getBlockByNumber", "[\"latest\",null]", -32602,
     "invalid argument 1: json: cannot unmarshal null into Go value of type bool"},
    {"eth_getBlockByNumber", "[1,true]", -32602, "invalid argument 0: hex string without 0x prefix"},
    {"eth_getBlockByHash", "[\"latest\",true]", -32602,
     "invalid argument 0: json: cannot unmarshal hex string without 0x prefix into Go value of type common.Hash"},
    {"eth_getTransactionByBlockNumberAndIndex", "[\"0x1\",\"1\"]", -32602,
     "invalid argument 1: json: cannot unmarshal hex string without 0x prefix into Go value of type hexutil.Uint64"},
    {"eth_getTransactionByBlockNumberAndIndex", "[\"0x1\",1]", -32602,
     "invalid argument 1: json: cannot unmarshal non-string into Go value of type hexutil.Uint64"},
    {"eth_sendRawTransaction", "[]", -32602, "missing value for required argument 0"},
    {"eth_sendRawTransaction", "[7]", -32602,
     "invalid argument 0: json: cannot unmarshal non-string into Go value of type hexutil.Bytes"},
    {"eth_sendRawTransaction", "[\"02f8\"]", -32602,
     "invalid argument 0: json: cannot unmarshal hex string without 0x prefix into Go value of type hexutil.Bytes"},
    {"eth_sendRawTransaction", "[\"0x02f\"]", -32602,
     "invalid argument 0: json: cannot unmarshal hex string of odd length into Go value of type hexutil.Bytes"},
    {"eth_sendRawTransaction", "[\"0x02fg\"]", -32602,
     "invalid argument 0: json: cannot unmarshal invalid hex string into Go value of type hexutil.Bytes"},
    {"eth_sendRawTransaction", "[\"0x\"]", -32000, "malformed transaction: rlp does not hold a transaction's fields"},
    {"eth_sendRawTransaction", "[\"0x00\"]", -32000, "transaction type not supported"},
    {"eth_sendRawTransaction", "[\"0x03f8\"]", -32000,
     "transaction type not supported: blob transactions (type 3) are not taken by this chain"},
    {"eth_sendRawTransaction", "[\"0x04f8\"]", -32000,
     "transaction type not supported: set-code transactions (type 4) are not taken by this chain"},
    {"eth_sendRawTransaction", "[\"0xc0\"]", -32000, "malformed transaction: rlp does not hold a transaction's fields"},
    {"eth_sendRawTransaction", "[\"0x00\",\"0x00\"]", -32602, "too many arguments, want at most 1"},
    {"eth_estimateGas", "[\"0x00\"]", -32602,
     "invalid argument 0: json: cannot unmarshal string into Go value of type ethapi.TransactionArgs"},
    {"eth_estimateGas", "[{\"value\":\"0x01\"}]", -32602,
     "invalid argument 0: json: cannot unmarshal hex number with leading zero digits into Go struct field "
     "TransactionArgs.value of type *hexutil.Big"},
    {"eth_estimateGas", "[{\"from\":\"0x00\"}]", -32602,
     "invalid argument 0: hex string has length 2, want 40 for common.Address"},
    {"eth_estimateGas", "[{\"gasPrice\":\"0x1\",\"maxFeePerGas\":\"0x1\"}]", -32602,
     "invalid argument 0: both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified"},
    {"eth_estimateGas", "[{\"to\":" DEV ",\"data\":\"0x00\",\"input\":\"0x01\"}]", -32602,
     "invalid argument 0: both \"data\" and \"input\" are set and not equal. Please use \"input\" to pass transaction "
     "call data"},
    {"eth_estimateGas", "[{\"to\":\"0x000000000000000000000000000000000000000b\",\"value\":\"0x1\"}]", -32000,
     "failed with 50000000 gas: insufficient funds for gas * price + value: address "
     "0x0000000000000000000000000000000000000000 have 0 want 1"},
    {"eth_estimateGas", "[{\"to\":\"0x000000000000000000000000000000000000000b\",\"accessList\":7}]", -32602,
     "invalid argument 0: json: cannot unmarshal number into Go struct field TransactionArgs.accessList of type "
     "types.AccessList"},
    {"eth_estimateGas", "[{\"to\":\"0x000000000000000000000000000000000000000b\"},\"latest\",{\"0x00\":{}}]", -32602,
     "invalid argument 2: hex string has length 2, want 40 for common.Address"},
    {"eth_call", "[{\"to\":" DEV "},\"latest\",7]", -32602, "invalid argument 2: state overrides are not an object"},
    {"eth_call", "[{\"to\":" DEV "},\"latest\",{" DEV ":7}]", -32602,
     "invalid argument 2: the override of account 0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266 is not an object"},
    {"eth_call", "[{\"to\":" DEV "},\"latest\",{" DEV ":{\"state\":{},\"stateDiff\":{}}}]", -32602,
     "invalid argument 2: account 0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266 has both 'state' and 'stateDiff'"},
    {"eth_call", "[{\"to\":" DEV "},\"latest\",{" DEV ":{\"movePrecompileToAddress\":" DEV "}}]", -32602,
     "invalid argument 2: movePrecompileToAddress is not supported"},
    {"eth_call", "[{\"to\":" DEV "},\"latest\",{" DEV ":{\"stateDiff\":{\"0x01\":\"0x02\"}}}]", -32602,
     "invalid argument 2: hex string has length 2, want 64 for common.Hash"},
    {"eth_call", "[{\"to\":" DEV "},\"latest\",null,{\"number\":7}]", -32602,
     "invalid argument 3: json: cannot unmarshal non-string into Go struct field BlockOverrides.number of type "
     "hexutil.Uint64"},
    {"eth_call", "[{\"to\":" DEV "},\"latest\",null,[]]", -32602,
     "invalid argument 3: block overrides are not an object"},
    {"eth_call", "[{\"to\":" DEV "},\"0x99\"]", -32000, "header not found"},
    {"eth_createAccessList", "[7]", -32602,
     "invalid argument 0: json: cannot unmarshal number into Go value of type ethapi.TransactionArgs"},
    {"debug_traceCall", "[{\"to\":" DEV "},\"latest\",{\"tracer\":\"noSuchTracer\"}]", -32602,
     "invalid argument 2: no tracer \"noSuchTracer\" here: callTracer, prestateTracer, or none for struct logs"},
    {"debug_traceTransaction", "[\"0x1111111111111111111111111111111111111111111111111111111111111111\"]", -32000,
     "transaction not found"},
    {"debug_traceBlockByNumber", "[\"0x0\"]", -32000, "genesis is not traceable"},
    {"debug_traceBlockByNumber", "[\"0x99\"]", -32000, "block #153 not found"},
    {"debug_traceBlockByHash", "[\"0x1111111111111111111111111111111111111111111111111111111111111111\"]", -32000,
     "block 0x1111111111111111111111111111111111111111111111111111111111111111 not found"},
    {"debug_traceBlockByNumber", "[\"0x1\",{\"limit\":-1}]", -32602,
     "invalid argument 1: the limit is not a whole number"},
    {"eth_feeHistory", "[\"0x1\"]", -32602, "missing value for required argument 1"},
    {"eth_feeHistory", "[\"x\",\"latest\",[]]", -32602, "invalid argument 0: hex string without 0x prefix"},
    {"eth_feeHistory", "[\"0x1\",\"latest\",[-1]]", -32000, "invalid reward percentile: -1.000000"},
    {"eth_feeHistory", "[\"0x1\",\"latest\",[101]]", -32000, "invalid reward percentile: 101.000000"},
    {"eth_feeHistory", "[\"0x1\",\"latest\",[50,10]]", -32000,
     "invalid reward percentile: #0:50.000000 >= #1:10.000000"},
    {"eth_feeHistory", "[\"0x1\",\"latest\",[\"1\"]]", -32602,
     "invalid argument 2: json: cannot unmarshal non-number into Go value of type float64"},
    {"eth_feeHistory", "[\"0x1\",\"latest\",7]", -32602,
     "invalid argument 2: json: cannot unmarshal non-array into Go value of type []float64"},
    {"eth_feeHistory", "[\"0x1\",\"0x4\",[]]", -32000, "request beyond head block: requested 4, head 3"},
    {"eth_getStorageAt", "[" DEV ",\"0x00000000000000000000000000000000000000000000000000000000000000000\",\"latest\"]",
     -32602,
     "storage key too long (want at most 32 bytes): "
     "\"0x00000000000000000000000000000000000000000000000000000000000000000\""},
    {"eth_getStorageAt", "[" DEV ",\"0xzz\",\"latest\"]", -32602,
     "unable to decode storage key: invalid hex in storage key"},
    {"eth_getStorageAt", "[" DEV ",1,\"latest\"]", -32602,
     "invalid argument 1: json: cannot unmarshal number into Go value of type string"},
    {"eth_getProof", "[" DEV "]", -32602, "missing value for required argument 1"},
    {"eth_getProof", "[" DEV ",\"0x0\",\"latest\"]", -32602,
     "invalid argument 1: json: cannot unmarshal non-array into Go value of type []string"},
    {"eth_getProof", "[" DEV ",[\"0xzz\"],\"latest\"]", -32602,
     "unable to decode storage key: invalid hex in storage key"},
    {"eth_getProof", "[" DEV ",[7],\"latest\"]", -32602,
     "invalid argument 1: json: cannot unmarshal number into Go value of type string"},
    {"eth_getProof", "[" DEV ",[],\"0x99\"]", -32000, "header not found"},
    {"web3_sha3", "[\"68\"]", -32602,
     "invalid argument 0: json: cannot unmarshal hex string without 0x prefix into Go value of type hexutil.Bytes"},
    {"web3_sha3", "[\"0x6\"]", -32602,
     "invalid argument 0: json: cannot unmarshal hex string of odd length into Go value of type hexutil.Bytes"},
    {"eth_subscribe", "[]", -32602, "expected subscription name as first argument"},
    {"eth_subscribe", "[\"news\"]", -32601, "no \"news\" subscription in eth namespace"},
    {"eth_subscribe", "[\"logs\"]", -32602, "missing value for required argument 1"},
    {"eth_subscribe", "[\"newPendingTransactions\",true]", -32602,
     "invalid argument 1: whole transactions are not told, only hashes"},
    {"eth_unsubscribe", "[\"0x1\"]", -32000, "subscription not found"},
    {"gantry_subscribe", "[]", -32602, "expected subscription name as first argument"},
    {"gantry_subscribe", "[\"newHeads\"]", -32601, "no \"newHeads\" subscription in gantry namespace"},
    {"gantry_subscribe", "[\"overview\",1]", -32602, "too many arguments, want at most 1"},
    {"gantry_unsubscribe", "[\"0x1\"]", -32000, "subscription not found"},
    {"eth_unsubscribe", "[1]", -32602,
     "invalid argument 0: json: cannot unmarshal number into Go value of type string"},
    {"eth_getFilterChanges", "[\"0x1\"]", -32000, "filter not found"},
    {"eth_getFilterChanges", "[\"zzz\"]", -32000, "filter not found"},
    {"eth_getFilterChanges", "[1]", -32602,
     "invalid argument 0: json: cannot unmarshal number into Go value of type string"},
    {"gantry_transactionStatus", "[\"0x1\"]", -32602,
     "invalid argument 0: json: cannot unmarshal hex string of odd length into Go value of type common.Hash"},
    {"gantry_traceTransactionPath", "[\"0x1\"]", -32602,
     "invalid argument 0: json: cannot unmarshal hex string of odd length into Go value of type common.Hash"},
    {"debug_getRawBlock", "[\"2\"]", -32602, "invalid argument 0: hex string without 0x prefix"},
    {"debug_getRawBlock", "[\"0x4\"]", -32000, "block #4 not found"},
    {"eth_chainId", "[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]", -32602, "too many arguments, want at most 0"},
};

// A message as it stands inside a JSON string.
static void quote(char *out, const char *message)
{
    for (; *message; message++) {
        if (*message == '"' || *message == '\\')
            *out++ = '\\';
        *out++ = *message;
    }
    *out = 0;
}

static void expect(const char *text, const char *answer)
{
    char *got = rpc_fixture_ask(&f, text);
    cr_expect_str_eq(got, answer, "%s\n  answered %s\n  expected %s", text, got, answer);
    free(got);
}

static void expect_serving(void)
{
    expect("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_blockNumber\"}",
           "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"0x3\"}");
}

Test(rpc_refusals, each_malformed_text_gets_its_exact_answer)
{
    cr_assert_geq(sizeof texts / sizeof *texts, 35);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        expect(texts[i].text, texts[i].answer);
    expect_serving();
}

Test(rpc_refusals, each_wrong_call_gets_its_exact_error)
{
    cr_assert_geq(sizeof calls / sizeof *calls, 80);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        char text[1024], message[512], answer[1024];
        snprintf(text, sizeof text, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":%s}", calls[i].method,
                 calls[i].params);
        quote(message, calls[i].message);
        snprintf(answer, sizeof answer, "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":%d,\"message\":\"%s\"}}",
                 calls[i].code, message);
        expect(text, answer);
    }
    expect_serving();
}

// A text of `count` times the part, between head and tail.
static char *repeat(const char *head, const char *part, size_t count, const char *tail)
{
    size_t len = strlen(part);
    char *out = malloc(strlen(head) + count * len + strlen(tail) + 1), *p = out;
    p = stpcpy(p, head);
    for (size_t i = 0; i < count; i++)
        p = stpcpy(p, part);
    strcpy(p, tail);
    return out;
}

static void expect_repeated(const char *head, const char *part, size_t count, const char *tail, const char *answer)
{
    char *text = repeat(head, part, count, tail);
    char *got = rpc_fixture_ask(&f, text);
    cr_expect_str_eq(got, answer, "%.60s...\n  answered %s\n  expected %s", text, got, answer);
    free(got);
    free(text);
}

Test(rpc_refusals, nesting_is_bounded_before_anything_recurses)
{
    expect_repeated("", "[", 100000, "",
                    "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":"
                    "\"parse error: nested deeper than 16 at byte 17\"}}");
    expect_repeated("", "{\"a\":", 100000, "",
                    "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":"
                    "\"parse error: nested deeper than 16 at byte 81\"}}");
    expect_repeated("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"", "[[{{", 1000, "\"}",
                    "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32601,\"message\":\"the method "
                    "[[{{[[{{[[{{[[{{[[{{[[{{[[{{[[{{[[{{[[{{[[{{[[{{[[{{[[{{[[{{[[{{"
                    "[[{{[[{{[[{{[[{{[[{{[[{{[[{{[[{{[[{{[[{{[[{{[[{{[[{{[[{{[[{{[[{{"
                    " does not exist/is not available\"}}");
    expect_serving();
}

Test(rpc_refusals, values_are_bounded_before_a_tree_is_built)
{
    expect_repeated("[1", ",1", 120000, "]",
                    "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":"
                    "\"parse error: more than 100000 values at byte 199999\"}}");
    expect_serving();
}

Test(rpc_refusals, a_batch_above_the_limit_is_refused_with_its_first_id)
{
    f.core->options.batch_max = 3;
    expect("[{\"jsonrpc\":\"2.0\",\"id\":41,\"method\":\"eth_chainId\"},{},{},{}]",
           "[{\"jsonrpc\":\"2.0\",\"id\":41,\"error\":{\"code\":-32600,\"message\":\"batch too large\"}}]");
    expect_repeated("[1", ",1", 1000, "]",
                    "[{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"batch too large\"}}]");
    expect_serving();
}

Test(rpc_refusals, an_oversized_transaction_never_reaches_the_node)
{
    f.full = true; // the node would answer that it is busy
    expect_repeated("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_sendRawTransaction\",\"params\":[\"0x02", "00",
                    TX_RAW_MAX, "\"]}",
                    "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32000,\"message\":"
                    "\"oversized data: the transaction is larger than 131072 bytes\"}}");
}

Test(rpc_refusals, a_full_node_answers_that_it_is_busy)
{
    f.full = true;
    expect("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_getBalance\",\"params\":[" DEV "]}",
           "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32005,\"message\":\"the node is busy, try again\"}}");
    expect("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_sendRawTransaction\",\"params\":[\"0x02\"]}",
           "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32005,\"message\":\"the node is busy, try again\"}}");
    expect_serving();
}

Test(rpc_refusals, developer_methods_are_off_unless_asked_for)
{
    f.core->options.developer_methods = false;
    expect("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"txpool_content\"}",
           "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32601,\"message\":"
           "\"the method txpool_content does not exist/is not available\"}}");
    expect("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"debug_getRawBlock\",\"params\":[\"0x1\"]}",
           "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32601,\"message\":"
           "\"the method debug_getRawBlock does not exist/is not available\"}}");
}

Test(rpc_refusals, an_answer_above_the_limit_is_replaced_by_an_error)
{
    static const char large[] =
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32003,\"message\":\"response too large\"}}";
    f.core->options.response_bytes_max = 2000;
    expect("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_getBlockByNumber\",\"params\":[\"0x1\",true]}", large);
    expect("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_getBlockReceipts\",\"params\":[\"0x1\"]}", large);
    expect_serving();
}

Test(rpc_refusals, a_batch_stops_answering_at_the_limit)
{
    f.core->options.response_bytes_max = 90;
    expect("[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_chainId\"},{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":"
           "\"eth_chainId\"},{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"eth_chainId\"}]",
           "[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"0x7a69\"},{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":\"0x7a69\"},"
           "{\"jsonrpc\":\"2.0\",\"id\":3,\"error\":{\"code\":-32003,\"message\":\"response too large\"}}]");
}

Test(rpc_refusals, after_an_answer_that_did_not_fit_the_rest_of_a_batch_is_not_run)
{
    f.core->options.response_bytes_max = 2000;
    f.full = true; // what asked the node would be told that it is busy
    expect("[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_getBlockByNumber\",\"params\":[\"0x1\",true]},"
           "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"eth_getBalance\",\"params\":[" DEV "]}]",
           "[{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32003,\"message\":\"response too large\"}},"
           "{\"jsonrpc\":\"2.0\",\"id\":2,\"error\":{\"code\":-32003,\"message\":\"response too large\"}}]");
}
