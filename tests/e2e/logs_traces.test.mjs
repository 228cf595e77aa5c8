// Transactions with contracts in blocks: the same ones on gantry and on an anvil leave the same logs, are found by the
// same searches, and are traced alike.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { contracts } from '../../contracts/compile.mjs';
import { anvilNode } from './support/contract_node.mjs';
import { devKeys, sleep, startGantry, until } from './support/gantry.mjs';
import { load } from './support/packages.mjs';
import { rpc } from './support/rpc.mjs';

const { ethers } = load('ethers');
const WebSocket = load('ws');
const TIMEOUT = { timeout: 240_000 };
const UNIT = 10n ** 18n;
const FRIEND = '0x0000000000000000000000000000000000000f1e';
const GAS = { gasLimit: 1_000_000n, gasPrice: 3_000_000_000n, type: 0 };

// The life of two tokens and a pair, one transaction after the other; resolves to what came out.
async function live(url) {
  const provider = new ethers.JsonRpcProvider(url, undefined, { pollingInterval: 20, cacheTimeout: -1 });
  const [owner, other] = devKeys.slice(0, 2).map((key) => new ethers.NonceManager(new ethers.Wallet(key, provider)));
  const receipts = [];
  const take = async (promise) => {
    const { hash } = await promise;
    const receipt = await until('the receipt is there', () => provider.getTransactionReceipt(hash));
    receipts.push(receipt);
    return receipt;
  };
  const deploy = async (name, ...args) => {
    const { abi, bytecode } = contracts()[name];
    const contract = await new ethers.ContractFactory(abi, bytecode, owner).deploy(...args, { ...GAS, gasLimit: 3_000_000n });
    await take(Promise.resolve(contract.deploymentTransaction()));
    return contract;
  };
  const gold = await deploy('Token', 'Gold', 'GLD', 1_000_000n * UNIT);
  const iron = await deploy('Token', 'Iron', 'IRN', 1_000_000n * UNIT);
  const pair = await deploy('Pair', gold.target, iron.target);
  await take(gold.transfer(FRIEND, 5n * UNIT, GAS));
  await take(gold.transfer(pair.target, 1000n * UNIT, GAS));
  await take(iron.transfer(pair.target, 2000n * UNIT, GAS));
  await take(pair.mint(FRIEND, GAS));
  await take(gold.approve(pair.target, 10n ** 30n, GAS));
  await take(gold.connect(other).transfer(FRIEND, 1n, GAS)); // has none: reverts
  await sleep(1100); // a pair's first swap in a later second costs more than one in the same
  await take(pair.swapExact(true, 10n * UNIT, 1n, FRIEND, GAS));
  await take(owner.sendTransaction({ to: FRIEND, value: 7n, ...GAS, gasLimit: 21_000n }));
  provider.destroy();
  return { receipts, gold, iron, pair };
}

describe('logs and traces of transactions', TIMEOUT, () => {
  let anvil, gantry, theirs, ours, here, there;

  before(async () => {
    [anvil, gantry] = await Promise.all([anvilNode(), startGantry('dev')]);
    theirs = rpc(anvil.url);
    ours = rpc(gantry.url);
    [here, there] = await Promise.all([live(gantry.url), live(anvil.url)]);
  });
  after(async () => {
    await anvil?.stop();
    await gantry?.stop();
  });

  const plain = (logs) => logs.map(({ address, topics, data }) => ({ address: address.toLowerCase(), topics: [...topics], data }));

  test('receipts are the same', TIMEOUT, () => {
    const short = (r) => ({ status: r.status, gas: r.gasUsed, created: r.contractAddress, bloom: r.logsBloom, logs: plain(r.logs) });
    assert.deepEqual(here.receipts.map(short), there.receipts.map(short));
    assert.equal(here.receipts.filter((r) => r.status === 0).length, 1);
  });

  test('searches find the same logs', TIMEOUT, async () => {
    const transfer = ethers.id('Transfer(address,address,uint256)');
    const friend = ethers.zeroPadValue(FRIEND, 32);
    const filters = [
      {},
      { address: here.gold.target },
      { address: [here.gold.target, here.pair.target] },
      { topics: [transfer] },
      { topics: [[transfer, ethers.id('Approval(address,address,uint256)')]] },
      { topics: [transfer, null, friend] },
      { topics: [null, null, friend], address: here.iron.target },
      { topics: [friend] },
    ];
    for (const filter of filters) {
      const whole = { fromBlock: '0x0', toBlock: 'latest', ...filter };
      const [mine, his] = await Promise.all([ours('eth_getLogs', whole), theirs('eth_getLogs', whole)]);
      assert.deepEqual(plain(mine), plain(his), JSON.stringify(filter));
    }
  });

  test('a log names its block and transaction', TIMEOUT, async () => {
    const logs = await ours('eth_getLogs', { fromBlock: 'earliest' });
    assert.ok(logs.length > 8);
    for (const log of logs) {
      const receipt = await ours('eth_getTransactionReceipt', log.transactionHash);
      assert.deepEqual(receipt.logs.find((l) => l.logIndex === log.logIndex), log);
      const { timestamp, hash } = await ours('eth_getBlockByNumber', log.blockNumber, false);
      assert.deepEqual([log.blockHash, log.blockTimestamp, log.removed], [hash, timestamp, false]);
    }
  });

  const tree = (c) => ({
    type: c.type,
    from: c.from,
    to: c.to,
    input: c.input,
    output: c.output ?? '0x',
    value: c.value,
    gasUsed: c.gasUsed,
    failed: Boolean(c.error),
    logs: (c.logs ?? []).map(({ address, topics, data }) => ({ address, topics, data })),
    calls: (c.calls ?? []).map(tree),
  });

  test('traces tell the same', TIMEOUT, async () => {
    for (let i = 0; i < here.receipts.length; i++) {
      const both = (options) =>
        Promise.all([ours('debug_traceTransaction', here.receipts[i].hash, options), theirs('debug_traceTransaction', there.receipts[i].hash, options)]);
      const [calls, callsThere] = await both({ tracer: 'callTracer', tracerConfig: { withLog: true } });
      assert.deepEqual(tree(calls), tree(callsThere), `transaction ${i}`);
      // An anvil keeps no instructions of what it has mined.
      const steps = await ours('debug_traceTransaction', here.receipts[i].hash);
      const { status, gasUsed } = here.receipts[i];
      assert.deepEqual([steps.gas, steps.failed], [Number(gasUsed), status === 0], `transaction ${i}`);
      assert.equal(steps.structLogs.length > 0, here.receipts[i].gasUsed > 21_000n);
    }
  });

  test('a block’s trace is that of its transactions', TIMEOUT, async () => {
    const options = { tracer: 'callTracer' };
    for (const { blockNumber, hash } of here.receipts) {
      const block = await ours('debug_traceBlockByNumber', ethers.toQuantity(blockNumber), options);
      const alone = await ours('debug_traceTransaction', hash, options);
      assert.deepEqual(block.find((t) => t.txHash === hash).result, alone);
    }
  });

  test('subscribers and filters hear of new logs', TIMEOUT, async () => {
    const socket = new WebSocket(gantry.wsUrl);
    const heard = [];
    await new Promise((resolve) => socket.on('open', resolve));
    const subscribed = new Promise((resolve) => {
      socket.on('message', (text) => {
        const message = JSON.parse(text);
        if (message.id) resolve(message.result);
        else heard.push(message.params.result);
      });
    });
    const filter = { address: here.gold.target };
    socket.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_subscribe', params: ['logs', filter] }));
    await subscribed;
    const id = await ours('eth_newFilter', filter);
    const provider = new ethers.JsonRpcProvider(gantry.url, undefined, { cacheTimeout: -1 });
    const gold = here.gold.connect(new ethers.Wallet(devKeys[0], provider));
    const { hash } = await gold.transfer(FRIEND, 3n, GAS);
    const receipt = await until('the receipt is there', () => ours('eth_getTransactionReceipt', hash));
    await until('the log was told', () => heard.length > 0);
    assert.deepEqual(heard, receipt.logs);
    assert.deepEqual(await ours('eth_getFilterChanges', id), receipt.logs);
    assert.deepEqual(await ours('eth_getFilterChanges', id), []);
    const events = await gold.queryFilter(gold.filters.Transfer(null, FRIEND), 0);
    assert.equal(events.at(-1).args.at(-1), 3n);
    socket.terminate();
    provider.destroy();
  });

  test('a call sees the state of the height that it names', TIMEOUT, async () => {
    const data = here.gold.interface.encodeFunctionData('balanceOf', [FRIEND]);
    const at = async (block) => BigInt(await ours('eth_call', { to: here.gold.target, data }, ethers.toQuantity(block)));
    const [, , , first] = here.receipts;
    assert.equal(await at(first.blockNumber), 5n * UNIT);
    assert.equal(await at(first.blockNumber - 1), 0n);
  });
});
