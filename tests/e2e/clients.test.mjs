// Real Ethereum clients against `gantry dev`: they send, wait, query and subscribe, and understand its refusals.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';

import { devKeys, startGantry, until } from './support/gantry.mjs';
import { castBinary, load } from './support/packages.mjs';
import { rpc } from './support/rpc.mjs';

const GWEI = 10n ** 9n;
const ETHER = 10n ** 18n;
const TARGET = '0x000000000000000000000000000000000000dEaD';
const RICH = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8'; // the second dev account
const TIMEOUT = { timeout: 60_000 };

const node = await startGantry('dev', ['--block-time', '20ms']);
after(async () => {
  assert.deepEqual(await node.stop(), { code: 0, signal: null }, node.output);
});

// Until the node has so many subscriptions.
const subscribed = (count) =>
  until(
    `${count} subscriptions are there`,
    async () => (await rpc(node.url)('gantry_status')).rpc.subscriptions === count,
  );

describe('ethers', TIMEOUT, () => {
  const { ethers } = load('ethers');
  let provider, wallet, other;

  before(() => {
    provider = new ethers.JsonRpcProvider(node.url, undefined, { pollingInterval: 20, cacheTimeout: -1 });
    wallet = new ethers.Wallet(devKeys[0], provider);
    other = new ethers.Wallet(devKeys[1], provider);
  });
  after(() => provider.destroy());

  const rejectsWith = (code, promise) =>
    assert.rejects(promise, (error) => (assert.equal(error.code, code, error.message), true));

  test('sees the dev chain', async () => {
    assert.equal((await provider.getNetwork()).chainId, 31337n);
    assert.equal(await provider.getBalance(wallet.address, 'earliest'), 10_000n * ETHER);
    assert.match(await provider.send('web3_clientVersion', []), /gantry/);
    assert.deepEqual(await provider.send('eth_accounts', []), []);
    assert.equal(await provider.getCode(TARGET), '0x');
    assert.equal(await provider.getStorage(TARGET, 0), ethers.ZeroHash);
    assert.equal(await provider.call({ to: TARGET }), '0x');
  });

  test('sends a transfer and waits for its receipt', async () => {
    const before = await provider.getBalance(TARGET);
    const sent = await wallet.sendTransaction({ to: TARGET, value: ETHER });
    const receipt = await sent.wait();
    assert.equal(receipt.status, 1);
    assert.equal(receipt.gasUsed, 21000n);
    assert.equal(receipt.type, 2);
    assert.equal(receipt.from, wallet.address);
    assert.equal(receipt.to, TARGET);
    assert.deepEqual(receipt.logs, []);
    assert.equal((await provider.getBalance(TARGET)) - before, ETHER);

    const block = await provider.getBlock(receipt.blockNumber, true);
    assert.equal(block.hash, receipt.blockHash);
    assert.equal(block.prefetchedTransactions[receipt.index].hash, sent.hash);
    assert.equal(receipt.gasPrice, block.baseFeePerGas + sent.maxPriorityFeePerGas);
    assert.equal((await provider.getBlock(block.hash)).number, block.number);

    const found = await provider.getTransaction(sent.hash);
    assert.equal(found.blockHash, block.hash);
    assert.equal(found.from, wallet.address);
    assert.equal(found.value, ETHER);
    assert.equal(found.serialized, sent.serialized ?? found.serialized);
  });

  test('sends every type of transaction that the chain takes', async () => {
    const accessList = [{ address: TARGET, storageKeys: [ethers.ZeroHash] }];
    const { gasPrice } = await provider.getFeeData();
    const requests = [
      { type: 0, gasPrice },
      { type: 1, gasPrice, accessList },
      { type: 2, maxFeePerGas: 3n * GWEI, maxPriorityFeePerGas: GWEI, accessList },
    ];
    for (const request of requests) {
      const receipt = await (await wallet.sendTransaction({ to: TARGET, value: 1n, ...request })).wait();
      assert.equal(receipt.status, 1);
      assert.equal(receipt.type, request.type);
      assert.equal(receipt.gasUsed, request.accessList ? 21000n + 2400n + 1900n : 21000n);
      const found = await provider.getTransaction(receipt.hash);
      assert.equal(found.type, request.type);
      assert.equal(found.accessList?.length ?? 0, request.accessList ? 1 : 0);
    }
  });

  test('sends a legacy transaction without a chain id', async () => {
    const tx = ethers.Transaction.from({
      type: 0,
      chainId: 0,
      nonce: await other.getNonce(),
      to: TARGET,
      value: 1n,
      gasLimit: 21000n,
      gasPrice: 3n * GWEI,
    });
    tx.signature = other.signingKey.sign(tx.unsignedHash);
    const receipt = await (await provider.broadcastTransaction(tx.serialized)).wait();
    assert.equal(receipt.status, 1);
    assert.equal((await provider.getTransaction(receipt.hash)).signature.legacyChainId, null);
  });

  test('estimates gas and fees', async () => {
    assert.equal(await provider.estimateGas({ from: wallet.address, to: TARGET, value: 1n }), 21000n);
    const fees = await provider.getFeeData();
    const { baseFeePerGas } = await provider.getBlock('latest');
    assert.ok(fees.maxFeePerGas >= baseFeePerGas + fees.maxPriorityFeePerGas);
    const history = await provider.send('eth_feeHistory', ['0x4', 'latest', [10, 90]]);
    assert.equal(history.baseFeePerGas.length, history.gasUsedRatio.length + 1);
    assert.equal(history.reward.length, history.gasUsedRatio.length);
    await rejectsWith(
      'INSUFFICIENT_FUNDS',
      provider.estimateGas({ from: wallet.address, to: TARGET, value: 10n ** 24n, gasPrice: 3n * GWEI }),
    );
  });

  test('sends many from one account at once, nonces by a NonceManager', async () => {
    const manager = new ethers.NonceManager(new ethers.Wallet(devKeys[2], provider));
    const sent = await Promise.all(
      Array.from({ length: 50 }, (_, i) => manager.sendTransaction({ to: TARGET, value: BigInt(i) })),
    );
    const receipts = await Promise.all(sent.map((tx) => tx.wait()));
    assert.ok(receipts.every((r) => r.status === 1));
    assert.equal(await provider.getTransactionCount(await manager.getAddress()), 50);
  });

  test('sees pending nonces, and queues what is ahead', async () => {
    const wallet = new ethers.Wallet(devKeys[3], provider);
    const first = await wallet.getNonce('latest');
    const fees = { maxFeePerGas: 10n * GWEI, maxPriorityFeePerGas: GWEI, gasLimit: 21000n };
    const ahead = await wallet.sendTransaction({ to: TARGET, value: 2n, nonce: first + 1, ...fees });
    assert.equal(await wallet.getNonce('pending'), first);
    assert.deepEqual(await provider.send('gantry_transactionStatus', [ahead.hash]).then((s) => s.status), 'queued');
    assert.equal((await provider.getTransaction(ahead.hash)).blockNumber, null);
    assert.equal(await provider.getTransactionReceipt(ahead.hash), null);
    const filler = await wallet.sendTransaction({ to: TARGET, value: 1n, nonce: first, ...fees });
    await Promise.all([filler.wait(), ahead.wait()]);
    assert.equal(await wallet.getNonce('pending'), first + 2);
  });

  test('replaces a waiting transaction', async () => {
    const wallet = new ethers.Wallet(devKeys[4], provider);
    const first = await wallet.getNonce();
    const request = { to: TARGET, nonce: first + 1, gasLimit: 21000n };
    const weak = { maxFeePerGas: 10n * GWEI, maxPriorityFeePerGas: GWEI };
    const old = await wallet.sendTransaction({ ...request, value: 1n, ...weak });
    await rejectsWith('REPLACEMENT_UNDERPRICED', wallet.sendTransaction({ ...request, value: 2n, ...weak }));
    const strong = { maxFeePerGas: 11n * GWEI, maxPriorityFeePerGas: (11n * GWEI) / 10n };
    const replacement = await wallet.sendTransaction({ ...request, value: 3n, ...strong });
    await wallet.sendTransaction({ ...request, nonce: first, value: 4n, ...weak });
    assert.equal((await replacement.wait()).status, 1);
    assert.equal(await provider.getTransactionReceipt(old.hash), null);
    const status = await provider.send('gantry_transactionStatus', [old.hash]);
    assert.equal(status.status, 'dropped');
    assert.match(status.reason, /replaced/);
  });

  test("refusals become ethers' own errors", async () => {
    const poor = new ethers.Wallet(ethers.id('poor'), provider);
    const gas = { gasLimit: 21000n, maxFeePerGas: 3n * GWEI, maxPriorityFeePerGas: GWEI };
    await rejectsWith('INSUFFICIENT_FUNDS', poor.sendTransaction({ to: TARGET, value: 1n, nonce: 0, ...gas }));
    await rejectsWith('NONCE_EXPIRED', wallet.sendTransaction({ to: TARGET, value: 1n, nonce: 0, ...gas }));
    // ethers has no code of its own for these: the node's words must come through.
    const words = async (pattern, promise) =>
      assert.rejects(promise, (error) => (assert.match(error.error?.message ?? error.message, pattern), true));
    const nonce = (await other.getNonce()) + 1;
    const tx = await other.signTransaction(await other.populateTransaction({ to: TARGET, value: 1n, nonce, ...gas }));
    await provider.broadcastTransaction(tx);
    await words(/^already known$/, provider.send('eth_sendRawTransaction', [tx]));
    await words(/^intrinsic gas too low$/, other.sendTransaction({ to: TARGET, ...gas, gasLimit: 20999n }));
    await words(/does not exist.*sign locally/, provider.send('eth_sendTransaction', [{ to: TARGET }]));
    await other.sendTransaction({ to: TARGET, value: 1n, nonce: nonce - 1, ...gas });
  });

  test('subscribes to heads and pending transactions over WebSocket', async () => {
    const socket = new ethers.WebSocketProvider(node.wsUrl, undefined, { cacheTimeout: -1 });
    try {
      const heads = [];
      const pending = new Set();
      await socket.on('block', (number) => heads.push(number));
      await socket.on('pending', (hash) => pending.add(hash));
      await subscribed(2);
      const signer = new ethers.Wallet(devKeys[5], socket);
      const sent = await signer.sendTransaction({ to: TARGET, value: 1n });
      const receipt = await sent.wait();
      await until('the head was told', () => heads.includes(receipt.blockNumber));
      await until('the pending transaction was told', () => pending.has(sent.hash));
    } finally {
      await socket.destroy();
    }
  });

  test('polls filters', async () => {
    const blocks = await provider.send('eth_newBlockFilter', []);
    const pending = await provider.send('eth_newPendingTransactionFilter', []);
    const sent = await wallet.sendTransaction({ to: TARGET, value: 1n });
    const receipt = await sent.wait();
    assert.ok((await provider.send('eth_getFilterChanges', [blocks])).includes(receipt.blockHash));
    assert.ok((await provider.send('eth_getFilterChanges', [pending])).includes(sent.hash));
    assert.deepEqual(await provider.send('eth_getFilterChanges', [blocks]), []);
    assert.equal(await provider.send('eth_uninstallFilter', [blocks]), true);
    assert.equal(await provider.send('eth_uninstallFilter', [pending]), true);
    assert.equal(await provider.send('eth_uninstallFilter', [pending]), false);
  });
});

describe('viem', TIMEOUT, () => {
  const viem = load('viem');
  const { privateKeyToAccount } = load('viem/accounts');
  const { foundry } = load('viem/chains'); // chain id 31337
  const account = privateKeyToAccount(devKeys[6]);
  let client, wallet;
  let lookUps = 0;

  before(() => {
    // Counts the answers to eth_getTransactionByHash.
    let asked = false;
    const transport = viem.http(node.url, {
      onFetchRequest: (_, { body }) => void (asked ||= body.includes('eth_getTransactionByHash')),
      onFetchResponse: () => void (asked && ((asked = false), lookUps++)),
    });
    client = viem.createPublicClient({ chain: foundry, transport, pollingInterval: 20, cacheTime: 0 });
    wallet = viem.createWalletClient({ account, chain: foundry, transport });
  });

  // viem wraps errors: the typed one is somewhere in the chain of causes.
  const rejectsWith = (type, promise) =>
    assert.rejects(promise, (error) => {
      assert.ok(
        error.walk?.((e) => e instanceof type),
        `${type.name} expected, got ${error.message}`,
      );
      return true;
    });

  test('sends each type, waits and queries', async () => {
    const gasPrice = await client.getGasPrice();
    const requests = [
      {},
      { type: 'legacy', gasPrice },
      { type: 'eip2930', gasPrice, accessList: [{ address: TARGET, storageKeys: [] }] },
    ];
    for (const request of requests) {
      const hash = await wallet.sendTransaction({ to: TARGET, value: 1n, ...request });
      const receipt = await client.waitForTransactionReceipt({ hash });
      assert.equal(receipt.status, 'success');
      assert.equal(receipt.type, request.type ?? 'eip1559');
      const [transaction, block] = await Promise.all([
        client.getTransaction({ hash }),
        client.getBlock({ blockHash: receipt.blockHash, includeTransactions: true }),
      ]);
      assert.equal(transaction.from.toLowerCase(), account.address.toLowerCase());
      assert.deepEqual(block.transactions[receipt.transactionIndex], transaction);
      assert.ok((await client.getTransactionConfirmations({ hash })) >= 1n);
    }
    assert.equal(await client.getChainId(), 31337);
    assert.equal(await client.getTransactionCount({ address: account.address, blockTag: 'safe' }), 3);
    assert.equal(await client.getBytecode({ address: TARGET }), undefined);
  });

  test('estimates fees', async () => {
    const fees = await client.estimateFeesPerGas();
    const block = await client.getBlock();
    assert.ok(fees.maxFeePerGas >= block.baseFeePerGas + fees.maxPriorityFeePerGas);
    assert.equal(await client.estimateGas({ account, to: TARGET, value: 1n }), 21000n);
    const history = await client.getFeeHistory({ blockCount: 2, rewardPercentiles: [50] });
    assert.equal(history.reward.length, history.gasUsedRatio.length);
    assert.equal(await client.getBlobBaseFee(), 1n);
  });

  test("refusals become viem's own errors", async () => {
    const gas = { gas: 21000n, maxFeePerGas: 3n * GWEI, maxPriorityFeePerGas: GWEI };
    const send = (fields) => wallet.sendTransaction({ to: TARGET, value: 1n, ...gas, ...fields });
    const poor = privateKeyToAccount(viem.keccak256('0x01'));
    const next = await client.getTransactionCount({ address: account.address });
    await rejectsWith(viem.InsufficientFundsError, send({ account: poor, nonce: 0 }));
    await rejectsWith(viem.NonceTooLowError, send({ nonce: next - 1 }));
    await rejectsWith(viem.NonceTooHighError, send({ nonce: next + 1_000_000 }));
    await rejectsWith(viem.IntrinsicGasTooLowError, send({ nonce: next, gas: 20000n }));
    await rejectsWith(
      viem.TipAboveFeeCapError,
      client.estimateGas({ account, to: TARGET, maxFeePerGas: 1n, maxPriorityFeePerGas: 2n }),
    );
    await assert.rejects(
      wallet.request({ method: 'eth_sendTransaction', params: [{ to: TARGET }] }),
      viem.MethodNotFoundRpcError,
    );
  });

  test('notices that a transaction was replaced', async () => {
    const nonce = await client.getTransactionCount({ address: account.address });
    const fields = { to: TARGET, gas: 21000n, maxFeePerGas: 10n * GWEI, maxPriorityFeePerGas: GWEI };
    const old = await wallet.sendTransaction({ ...fields, value: 1n, nonce: nonce + 1 });
    const reads = lookUps;
    const waiting = client.waitForTransactionReceipt({ hash: old });
    await until('viem knows the transaction that will be replaced', () => lookUps > reads);
    const more = { maxFeePerGas: 20n * GWEI, maxPriorityFeePerGas: 2n * GWEI };
    const replacement = await wallet.sendTransaction({ ...fields, ...more, value: 2n, nonce: nonce + 1 });
    await wallet.sendTransaction({ ...fields, value: 1n, nonce });
    assert.equal((await waiting).transactionHash, replacement);
  });

  test('watches blocks and pending transactions over WebSocket', async () => {
    const transport = viem.webSocket(node.wsUrl);
    const socket = viem.createPublicClient({ chain: foundry, transport });
    const blocks = [];
    const pending = new Set();
    const stops = [
      socket.watchBlocks({ onBlock: (block) => blocks.push(block), includeTransactions: true }),
      socket.watchPendingTransactions({ onTransactions: (hashes) => hashes.forEach((h) => pending.add(h)) }),
    ];
    await subscribed(2);
    const hash = await wallet.sendTransaction({ to: TARGET, value: 1n });
    await until('the block was told', () => blocks.some((b) => b.transactions?.some((t) => (t.hash ?? t) === hash)));
    await until('the pending transaction was told', () => pending.has(hash));
    stops.forEach((stop) => stop());
    (await socket.transport.getRpcClient()).close();
  });

  test('watches by polling filters over HTTP', async () => {
    const pending = new Set();
    const stop = client.watchPendingTransactions({
      onTransactions: (hashes) => hashes.forEach((h) => pending.add(h)),
      poll: true,
      pollingInterval: 20,
    });
    await until('the filter is there', async () => (await rpc(node.url)('gantry_status')).rpc.filters > 0);
    const hash = await wallet.sendTransaction({ to: TARGET, value: 1n });
    await until('the pending transaction was polled', () => pending.has(hash));
    stop();
  });
});

describe('cast', TIMEOUT, () => {
  const run = promisify(execFile);
  const cast = async (...args) => {
    const { stdout } = await run(castBinary, args, { env: { ...process.env, ETH_RPC_URL: node.url }, timeout: 30_000 });
    return stdout.trim();
  };
  const send = async (...args) =>
    JSON.parse(await cast('send', TARGET, '--json', '--private-key', devKeys[7], ...args));

  test('sends each type and reads the receipt', async () => {
    for (const [flags, type] of [
      [[], '0x2'],
      [['--legacy'], '0x0'],
    ]) {
      const receipt = await send('--value', '1', ...flags);
      assert.equal(receipt.status, '0x1');
      assert.equal(receipt.type, type);
      assert.equal(await cast('receipt', receipt.transactionHash, 'blockNumber'), String(Number(receipt.blockNumber)));
      assert.equal(await cast('tx', receipt.transactionHash, 'value'), '1');
    }
  });

  test('queries chain, blocks and accounts', async () => {
    assert.equal(await cast('chain-id'), '31337');
    assert.match(await cast('client'), /gantry/);
    const number = await cast('block-number');
    assert.equal(await cast('block', number, '--field', 'number'), number);
    const genesis = await rpc(node.url)('eth_getBlockByNumber', '0x0', false);
    assert.equal(await cast('block', '0', '--field', 'hash'), genesis.hash);
    assert.equal(await cast('balance', RICH, '--block', '0'), String(10_000n * ETHER));
    assert.ok(BigInt(await cast('gas-price')) > 0n);
    assert.ok(BigInt(await cast('base-fee')) > 0n);
    assert.equal(await cast('estimate', TARGET, '--value', '1', '--from', RICH, '--block', '0'), '21000');
    assert.equal(await cast('nonce', '0x0000000000000000000000000000000000000001'), '0');
  });

  test('shows the refusals in their words', async () => {
    const words = (pattern, ...args) =>
      assert.rejects(send('--gas-limit', '21000', '--gas-price', '3gwei', ...args), (error) => {
        assert.match(error.stderr, pattern);
        return true;
      });
    await words(/nonce too low/, '--nonce', '0');
    await words(/nonce too high/, '--nonce', '1000000');
    await words(/insufficient funds for gas \* price \+ value/, '--value', '1000000ether');
  });
});
