// Malformed requests and frames, each with its exact answer, over real sockets. The node keeps serving, and its memory
// does not grow however often they come.
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';

import { devKeys, startGantry } from './support/gantry.mjs';
import { INGEST_HELLO, ingestFrame } from './support/ingest.mjs';
import { load } from './support/packages.mjs';
import { exchange, http, httpPost, webSocket, webSocketFrame } from './support/raw_socket.mjs';
import { rpc } from './support/rpc.mjs';

const { ethers } = load('ethers');
const { RLP } = load('@ethereumjs/rlp');

const BODY_MAX = 300_000;
const node = await startGantry('dev', [
  ...['--rpc-body-bytes', String(BODY_MAX), '--rpc-batch', '10', '--rpc-depth', '8', '--block-time', '5ms'],
]);
after(async () => {
  assert.deepEqual(await node.stop(), { code: 0, signal: null }, node.output);
});

const error = (code, message, id = 1) => JSON.stringify({ jsonrpc: '2.0', id, error: { code, message } });
const request = (method, params, id = 1) => JSON.stringify({ jsonrpc: '2.0', id, method, params });
const ADDRESS = '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266';

// Texts that are no good JSON-RPC: name, text, answer. The same over HTTP and WebSocket.
const texts = [
  ['not JSON', 'hello', error(-32700, "parse error: invalid token near 'hello' at byte 5", null)],
  ['half an object', '{"jsonrpc":', error(-32700, 'parse error: unexpected token near end of file at byte 11', null)],
  ['something after it', '{} {}', error(-32700, "parse error: end of file expected near '{' at byte 4", null)],
  [
    'bytes that are not UTF-8',
    Buffer.from([0x22, 0xff, 0x22]),
    error(-32700, `parse error: unable to decode byte 0xff near '"' at byte 1`, null),
  ],
  [
    'nested too deep',
    '['.repeat(9) + ']'.repeat(9),
    error(-32700, 'parse error: nested deeper than 8 at byte 9', null),
  ],
  ['a number', '7', error(-32600, 'invalid request', null)],
  ['an empty object', '{}', error(-32600, 'invalid request', null)],
  ['no version', '{"id":1,"method":"eth_chainId"}', error(-32600, 'invalid request')],
  ['version 1', '{"jsonrpc":"1.0","id":1,"method":"eth_chainId"}', error(-32600, 'invalid request')],
  ['no method', '{"jsonrpc":"2.0","id":1}', error(-32600, 'invalid request')],
  ['a method that is a number', '{"jsonrpc":"2.0","id":1,"method":5}', error(-32600, 'invalid request')],
  [
    'an id that is an object',
    '{"jsonrpc":"2.0","id":{},"method":"eth_chainId"}',
    error(-32600, 'invalid request', null),
  ],
  ['an empty batch', '[]', error(-32600, 'empty batch', null)],
  [
    'a batch of rubbish',
    '[1,[]]',
    `[${error(-32600, 'invalid request', null)},${error(-32600, 'invalid request', null)}]`,
  ],
  [
    'a batch too large',
    `[${Array(11).fill(request('eth_chainId', [])).join()}]`,
    `[${error(-32600, 'batch too large')}]`,
  ],
  [
    'parameters by name',
    '{"jsonrpc":"2.0","id":1,"method":"eth_getBalance","params":{"a":1}}',
    error(-32602, 'non-array args'),
  ],
  [
    'an unknown method',
    request('eth_nonsense', []),
    error(-32601, 'the method eth_nonsense does not exist/is not available'),
  ],
  [
    'signing asked of the node',
    request('eth_sendTransaction', [{}]),
    error(
      -32601,
      'the method eth_sendTransaction does not exist/is not available: this node holds no keys; sign locally and use eth_sendRawTransaction',
    ),
  ],
  ['too few parameters', request('eth_getBalance', []), error(-32602, 'missing value for required argument 0')],
  ['too many parameters', request('eth_chainId', [1]), error(-32602, 'too many arguments, want at most 0')],
  [
    'a short address',
    request('eth_getBalance', ['0x12', 'latest']),
    error(-32602, 'invalid argument 0: hex string has length 2, want 40 for common.Address'),
  ],
  [
    'an address without 0x',
    request('eth_getBalance', [ADDRESS.slice(2), 'latest']),
    error(
      -32602,
      'invalid argument 0: json: cannot unmarshal hex string without 0x prefix into Go value of type common.Address',
    ),
  ],
  [
    'an unknown tag',
    request('eth_getBalance', [ADDRESS, 'newest']),
    error(-32602, 'invalid argument 1: hex string without 0x prefix'),
  ],
  [
    'a height with leading zeros',
    request('eth_getBlockByNumber', ['0x01', false]),
    error(-32602, 'invalid argument 0: hex number with leading zero digits'),
  ],
  [
    'a height beyond 64 bits',
    request('eth_getBlockByNumber', ['0x10000000000000000', false]),
    error(-32602, 'invalid argument 0: hex number > 64 bits'),
  ],
  ['state of a block to come', request('eth_getBalance', [ADDRESS, '0xffffff']), error(-32000, 'header not found')],
  [
    'a block hash too short',
    request('eth_getBlockByHash', ['0x12', false]),
    error(-32602, 'invalid argument 0: hex string has length 2, want 64 for common.Hash'),
  ],
  [
    'a flag that is text',
    request('eth_getBlockByNumber', ['latest', 'yes']),
    error(-32602, 'invalid argument 1: json: cannot unmarshal string into Go value of type bool'),
  ],
  [
    'odd hex as transaction',
    request('eth_sendRawTransaction', ['0x123']),
    error(
      -32602,
      'invalid argument 0: json: cannot unmarshal hex string of odd length into Go value of type hexutil.Bytes',
    ),
  ],
  [
    'no hex as transaction',
    request('eth_sendRawTransaction', ['0xzz']),
    error(-32602, 'invalid argument 0: json: cannot unmarshal invalid hex string into Go value of type hexutil.Bytes'),
  ],
  ['an unknown filter', request('eth_getFilterChanges', ['0xdead']), error(-32000, 'filter not found')],
  [
    'percentiles out of order',
    request('eth_feeHistory', ['0x1', 'latest', [50, 10]]),
    error(-32000, 'invalid reward percentile: #0:50.000000 >= #1:10.000000'),
  ],
  [
    'a call with odd data',
    request('eth_call', [{ to: ADDRESS, data: '0x0' }]),
    error(
      -32602,
      'invalid argument 0: json: cannot unmarshal hex string of odd length into Go struct field TransactionArgs.data of type hexutil.Bytes',
    ),
  ],
];

// Transactions that must be refused: name, bytes, status on the ingest port; its text is also JSON-RPC's.
const wallet = new ethers.Wallet(devKeys[0]);
const GWEI = 10n ** 9n;
const base = { chainId: 31337, nonce: 0, to: ADDRESS, value: 1n, gasLimit: 21000n };
const legacy = { ...base, type: 0, gasPrice: 2n * GWEI };
const dynamic = { ...base, type: 2, maxFeePerGas: 2n * GWEI, maxPriorityFeePerGas: GWEI };
const sign = (fields, key = wallet) => ethers.getBytes(signed(fields, key).serialized);
function signed(fields, key = wallet) {
  const tx = ethers.Transaction.from(fields);
  tx.signature = key.signingKey.sign(tx.unsignedHash);
  return tx;
}
// Takes a signed transaction apart, lets `change` alter its list of fields, and puts it together again.
function altered(fields, change) {
  const raw = sign(fields);
  const typed = raw[0] < 0x80;
  const list = RLP.decode(typed ? raw.subarray(1) : raw);
  const encoded = RLP.encode(change(list) ?? list);
  return Buffer.concat([typed ? raw.subarray(0, 1) : Buffer.alloc(0), encoded]);
}
const number = (n) => ethers.getBytes(ethers.toBeArray(n));
const N = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const MALFORMED = "malformed transaction: rlp does not hold a transaction's fields";
const transactions = [
  ['nothing', Buffer.alloc(0), 1, MALFORMED],
  ['an empty list', Buffer.from([0xc0]), 1, MALFORMED],
  ['text', Buffer.from('hello transaction'), 4, 'transaction type not supported'],
  ['a list that ends early', sign(legacy).slice(0, -1), 1, MALFORMED],
  [
    'a byte after its end',
    Buffer.concat([sign(legacy), Buffer.from([0])]),
    2,
    'malformed transaction: bytes after its end',
  ],
  ['a field too few', altered(dynamic, (f) => f.slice(0, -1)), 1, MALFORMED],
  ['a field too many', altered(dynamic, (f) => [...f, number(1n)]), 1, MALFORMED],
  [
    'an integer with a leading zero',
    altered(dynamic, (f) => void (f[1] = Buffer.from([0, 1]))),
    3,
    'malformed transaction: rlp is not canonical',
  ],
  [
    'a nonce of nine bytes',
    altered(dynamic, (f) => void (f[1] = Buffer.alloc(9, 1))),
    8,
    'malformed transaction: an integer is too large for its field',
  ],
  ['a target of 19 bytes', altered(dynamic, (f) => void (f[5] = Buffer.alloc(19, 1))), 1, MALFORMED],
  ['a list where a number belongs', altered(dynamic, (f) => void (f[1] = [])), 1, MALFORMED],
  [
    'type 3',
    Buffer.concat([Buffer.from([3]), sign(dynamic).slice(1)]),
    5,
    'transaction type not supported: blob transactions (type 3) are not taken by this chain',
  ],
  [
    'type 4',
    Buffer.concat([Buffer.from([4]), sign(dynamic).slice(1)]),
    6,
    'transaction type not supported: set-code transactions (type 4) are not taken by this chain',
  ],
  ['type 0x7f', Buffer.concat([Buffer.from([0x7f]), sign(dynamic).slice(1)]), 4, 'transaction type not supported'],
  [
    'more than 128 KiB',
    Buffer.concat([Buffer.from([2]), Buffer.alloc(131_072, 0xc0)]),
    7,
    'oversized data: the transaction is larger than 131072 bytes',
  ],
  ['another chain', sign({ ...dynamic, chainId: 1 }), 13, 'invalid chain id for signer'],
  [
    'v that says nothing',
    altered(legacy, (f) => void (f[6] = number(5n))),
    9,
    'invalid transaction v, r, s values: bad v',
  ],
  ['parity 2', altered(dynamic, (f) => void (f[9] = number(2n))), 9, 'invalid transaction v, r, s values: bad v'],
  [
    'r = 0',
    altered(dynamic, (f) => void (f[10] = Buffer.alloc(0))),
    10,
    'invalid transaction v, r, s values: r out of range',
  ],
  [
    "r = the group's order",
    altered(dynamic, (f) => void (f[10] = number(N))),
    10,
    'invalid transaction v, r, s values: r out of range',
  ],
  [
    's = 0',
    altered(dynamic, (f) => void (f[11] = Buffer.alloc(0))),
    11,
    'invalid transaction v, r, s values: s out of range',
  ],
  [
    'a high s',
    altered(dynamic, (f) => void (f[11] = number(N - BigInt(ethers.hexlify(f[11]))))),
    12,
    'invalid transaction v, r, s values: high s',
  ],
  [
    'an r that no point has',
    altered(dynamic, (f) => void (f[10] = number(5n))),
    14,
    'invalid sender: no public key recovers from the signature',
  ],
  ['too little gas', sign({ ...dynamic, gasLimit: 20_999n }), 16, 'intrinsic gas too low'],
  ["more gas than a block's", sign({ ...dynamic, gasLimit: 2_000_000_001n }), 17, 'exceeds block gas limit'],
  [
    'a tip above the fee cap',
    altered(dynamic, (f) => void (f[2] = number(3n * GWEI))),
    18,
    'max priority fee per gas higher than max fee per gas',
  ],
  ['the largest nonce', altered(dynamic, (f) => void (f[1] = Buffer.alloc(8, 0xff))), 19, 'nonce has max value'],
  [
    'a cost beyond 256 bits',
    sign({ ...legacy, gasPrice: 2n ** 255n }),
    20,
    'insufficient funds for gas * price + value: required balance exceeds 256 bits',
  ],
  [
    'a creation that its gas does not begin',
    sign({ ...dynamic, to: null, data: '0x00', gasLimit: 53_000n }),
    16,
    'intrinsic gas too low',
  ],
  [
    'init code too long',
    sign({ ...dynamic, to: null, data: `0x${'00'.repeat(49_153)}`, gasLimit: 3_000_000n }),
    21,
    'max initcode size exceeded',
  ],
  ['calldata that its gas does not begin', sign({ ...dynamic, data: '0x01', gasLimit: 21_000n }), 16, 'intrinsic gas too low'],
  ['a nonce far ahead', sign({ ...dynamic, nonce: 5000 }), 24, 'nonce too high'],
  ['more than there is', sign({ ...dynamic, value: 10n ** 30n }), 25, 'insufficient funds for gas * price + value'],
];

// HTTP requests that never become JSON-RPC: name, request, status, body.
const post =
  (headers, body = request('eth_chainId', [])) =>
  () =>
    httpPost(node.rpcPort, body, headers);
const get = (text) => () => http(node.rpcPort, text);
const requests = [
  ['a foreign host', post({ headers: { Host: 'example.org' } }), 403, 'invalid host specified\n'],
  [
    'plain text',
    post({ headers: { 'Content-Type': 'text/plain' } }),
    415,
    'invalid content type, only application/json is supported\n',
  ],
  [
    'no content type',
    post({ headers: { 'Content-Type': null } }),
    415,
    'invalid content type, only application/json is supported\n',
  ],
  ['no length', post({ headers: { 'Content-Length': null } }), 411, 'length required\n'],
  [
    'a length too large',
    post({ headers: { 'Content-Length': '300001' } }),
    413,
    'content length too large (300001>300000)\n',
  ],
  ['an empty body', post({}, ''), 200, error(-32700, 'parse error: nothing there', null)],
  ['another path', post({ path: '/rpc' }), 404, 'not found\n'],
  ['another page', get('GET /wp-login.php HTTP/1.1\r\nHost: localhost\r\n\r\n'), 404, 'not found\n'],
  [
    'a subscription',
    post({}, request('eth_subscribe', ['newHeads'])),
    200,
    error(-32601, 'notifications not supported'),
  ],
];

const bytesOf = (...parts) => Buffer.concat(parts.map((part) => Buffer.from(part)));
const frame = (length, ...rest) => {
  const head = Buffer.alloc(4);
  head.writeUInt32LE(length);
  return bytesOf(head, ...rest);
};
const BAD_HELLO = 'bad hello: expected "gantryi" and version 1';
// Ingest openings and frames after which the node closes the connection: name, bytes, status, text.
const frames = [
  ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 251, BAD_HELLO],
  ['another version', Buffer.from('gantryi\x02'), 251, BAD_HELLO],
  ['zeros', Buffer.alloc(8), 251, BAD_HELLO],
  ['length 0', bytesOf(INGEST_HELLO, frame(0)), 250, 'bad frame: length is 0'],
  ['a length above the limit', bytesOf(INGEST_HELLO, frame(131_170)), 250, 'bad frame: length is above the limit'],
  ['the largest length', bytesOf(INGEST_HELLO, frame(0xffffffff)), 250, 'bad frame: length is above the limit'],
  ['unknown flags', bytesOf(INGEST_HELLO, frame(100, [4])), 250, 'bad frame: unknown flags'],
  ['R.y without a key', bytesOf(INGEST_HELLO, frame(100, [2])), 250, 'bad frame: R.y is given without a public key'],
  ['shorter than its witness', bytesOf(INGEST_HELLO, frame(64, [1])), 250, 'bad frame: shorter than its witness'],
];

// Witnesses that do not belong to the signature.
const publicKey = ethers.getBytes(new ethers.SigningKey(devKeys[0]).publicKey).slice(1);
const otherKey = ethers.getBytes(new ethers.SigningKey(devKeys[1]).publicKey).slice(1);
const WRONG_WITNESS = "invalid sender: the given public key is not the signature's";
const witnesses = [
  ["another's key", otherKey],
  ['no point of the curve', Buffer.alloc(64, 1)],
  ['zeros', Buffer.alloc(64)],
  ['the right key with a wrong R.y', bytesOf(publicKey, Buffer.alloc(32, 3))],
];

// One ingest exchange: the answer after the server's hello (or instead of it), and whether the node closed.
async function ingest(bytes, waitForClose) {
  const complete = (received) => {
    const at = received[0] === 0x67 ? 24 : 0;
    return !waitForClose && received.length >= at + 2 && received.length >= at + 2 + received[at + 1];
  };
  const { bytes: all, closed } = await exchange(node.ingestPort, [[bytes, complete]]);
  const answer = all.subarray(all[0] === 0x67 ? 24 : 0);
  return { status: answer[0], text: answer.toString('utf8', 2, 2 + answer[1]), closed };
}

const WEBSOCKET_TOO_LARGE = 1009;
const WEBSOCKET_PROTOCOL_ERROR = 1002;
const cases = [
  ...texts.map(([name, text, answer]) => [
    `HTTP: ${name}`,
    async () => assert.deepEqual(await httpPost(node.rpcPort, text), { status: 200, body: answer }),
  ]),
  ...texts.map(([name, text, answer]) => [
    `WebSocket: ${name}`,
    async () => assert.equal(await webSocket(node.rpcPort, webSocketFrame(text)), answer),
  ]),
  ...requests.map(([name, send, status, body]) => [
    `HTTP: ${name}`,
    async () => assert.deepEqual(await send(), { status, body }),
  ]),
  ...transactions.map(([name, raw, , text]) => [
    `eth_sendRawTransaction: ${name}`,
    async () => {
      const { body } = await httpPost(node.rpcPort, request('eth_sendRawTransaction', [ethers.hexlify(raw)]));
      assert.equal(body, error(-32000, text));
    },
  ]),
  ...transactions.map(([name, raw, status, text]) => [
    `ingest: ${name}`,
    async () =>
      assert.deepEqual(await ingest(bytesOf(INGEST_HELLO, ingestFrame(raw))), { status, text, closed: false }),
  ]),
  ...witnesses.map(([name, witness]) => [
    `ingest witness: ${name}`,
    async () => {
      const answer = await ingest(bytesOf(INGEST_HELLO, ingestFrame(sign(dynamic), Buffer.from(witness))));
      assert.deepEqual(answer, { status: 15, text: WRONG_WITNESS, closed: false });
    },
  ]),
  ...frames.map(([name, bytes, status, text]) => [
    `ingest frame: ${name}`,
    async () => assert.deepEqual(await ingest(bytes, true), { status, text, closed: true }),
  ]),
  [
    'WebSocket: a message too large',
    async () =>
      assert.deepEqual(await webSocket(node.rpcPort, webSocketFrame(' '.repeat(BODY_MAX + 1))), {
        close: WEBSOCKET_TOO_LARGE,
      }),
  ],
  [
    'WebSocket: an unknown opcode',
    async () =>
      assert.deepEqual(await webSocket(node.rpcPort, webSocketFrame('x', { opcode: 5 })), {
        close: WEBSOCKET_PROTOCOL_ERROR,
      }),
  ],
  [
    "WebSocket: another page's origin",
    async () =>
      assert.deepEqual(await webSocket(node.rpcPort, '', { headers: 'Origin: http://example.org\r\n' }), {
        refused: 403,
      }),
  ],
  [
    'WebSocket: an unknown subscription',
    async () =>
      assert.equal(
        await webSocket(node.rpcPort, webSocketFrame(request('eth_subscribe', ['weather']))),
        error(-32601, 'no "weather" subscription in eth namespace'),
      ),
  ],
];

describe('bad input has its exact answer', { timeout: 120_000 }, () => {
  for (const [name, check] of cases) test(name, check);
});

describe('the node', { timeout: 200_000 }, () => {
  test('takes a WebSocket upgrade on a connection that served requests', async () => {
    const body = request('eth_chainId', []);
    const before = `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    const answer = await webSocket(node.rpcPort, webSocketFrame(body), { before });
    assert.equal(answer, '{"jsonrpc":"2.0","id":1,"result":"0x7a69"}');
  });

  test('does not grow, and keeps serving', async () => {
    const repeat = async (times) => {
      for (let i = 0; i < times; i++) await Promise.all(cases.map(([, check]) => check()));
    };
    await repeat(20);
    const before = node.rss();
    await repeat(40);
    const grown = node.rss() - before;
    console.log(`${cases.length} bad inputs; resident: ${before} KiB, then ${grown} KiB more`);
    assert.ok(grown < 1024, `${grown} KiB more`);

    const call = rpc(node.url);
    const hash = await call('eth_sendRawTransaction', ethers.hexlify(sign(dynamic)));
    assert.equal(hash, signed(dynamic).hash);
    assert.equal(await call('eth_getTransactionCount', ADDRESS, 'pending'), '0x1');
    assert.deepEqual(await call('txpool_status').then((s) => s.queued), '0x0');
  });
});
