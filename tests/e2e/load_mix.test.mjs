// gantry load with contracts: tokens and pairs are deployed, and what is sent does what it should.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';

import { loadCode, writtenLoadCode } from '../../contracts/compile.mjs';
import { contractNode } from './support/contract_node.mjs';
import { devKeys, gantryBinary, runGantry } from './support/gantry.mjs';
import { load } from './support/packages.mjs';

const { ethers } = load('ethers');
const funder = ethers.computeAddress(devKeys[0]);
const TIMEOUT = { timeout: 240_000 };

test('what is deployed is what the sources compile to', TIMEOUT, () => {
  assert.equal(writtenLoadCode(), loadCode(), 'run contracts/compile.mjs --load');
});

describe('a mixed load', TIMEOUT, () => {
  let node;
  let provider;

  before(async () => {
    node = await contractNode();
    provider = new ethers.JsonRpcProvider(node.url, undefined, { cacheTimeout: -1 });
  }, TIMEOUT);

  after(async () => {
    provider?.destroy();
    await node?.stop();
  });

  // Without waiting in it: the node's output must be read meanwhile.
  async function gantryLoad(...args) {
    const where = ['--rpc', node.url, '--rpc-only', '--no-cache', '--from', 'dev', '--json', '-'];
    const { stdout, stderr } = await promisify(execFile)(gantryBinary, ['load', ...where, ...args]);
    return { ...JSON.parse(stdout), stderr };
  }

  // The receipts of the blocks from `first` on, by what their transactions are; but for those that only fund senders.
  async function receipts(first) {
    const kinds = {};
    for (let i = first; i <= (await provider.getBlockNumber()); i++) {
      const block = await provider.getBlock(i, true);
      for (const tx of block.prefetchedTransactions.filter(({ from }) => from !== funder)) {
        const kind = { '0x': 'transfer', '0xa9059cbb': 'erc20', '0x313e46fe': 'swap' }[tx.data.slice(0, 10)];
        (kinds[kind] ??= []).push(await provider.getTransactionReceipt(tx.hash));
      }
    }
    return kinds;
  }

  const mix = ['--senders', '12', '--accounts', '40', '--tokens', '4', '--pairs', '2'];

  test('is sent and succeeds', async () => {
    await gantryLoad(...mix, '--mix', 'transfer,erc20=2,swap', '--rate', '2', '--duration', '1s'); // deploys and gives
    const start = await provider.getBlockNumber();
    const done = await gantryLoad(...mix, '--mix', 'transfer,erc20=2,swap', '--rate', '60', '--duration', '4s');
    assert.doesNotMatch(done.stderr, /preparing contracts/); // all was there
    const kinds = await receipts(start + 1);
    assert.deepEqual(Object.keys(kinds).sort(), ['erc20', 'swap', 'transfer']);
    for (const [kind, list] of Object.entries(kinds)) {
      const failed = list.filter(({ status }) => status !== 1);
      assert.equal(failed.length, 0, kind);
      // A load that deploys nothing has nothing but its own transactions.
      const logs = { transfer: 0, erc20: 1, swap: 4 }[kind];
      assert.ok(list.every((receipt) => receipt.logs.length === logs), kind);
    }
    assert.equal(new Set(kinds.erc20.map(({ to }) => to)).size, 4);
    assert.equal(new Set(kinds.swap.map(({ to }) => to)).size, 2);
    assert.equal(Object.values(kinds).flat().length, 240);
    assert.ok(kinds.erc20.length > kinds.transfer.length && kinds.erc20.length > kinds.swap.length);
  });

  test('of tokens alone needs no pairs', async () => {
    const start = await provider.getBlockNumber();
    await gantryLoad('--senders', '5', '--tokens', '2', '--mix', 'erc20', '--rate', '20', '--duration', '1s', '--seed', '9');
    const { erc20, swap } = await receipts(start + 1);
    assert.equal(erc20.length, 20);
    assert.equal(swap, undefined);
    assert.ok(erc20.every(({ status }) => status === 1));
  });
});

test('a mix that is none is refused in a line', () => {
  for (const [args, words] of [
    [['--mix', 'mint'], /--mix: "mint" is not transfer, erc20 or swap/],
    [['--mix', 'swap', '--tokens', '3', '--pairs', '2'], /--mix: pairs must be at least one, and at most half/],
  ]) {
    const { status, stderr } = runGantry(['load', ...args]);
    assert.equal(status, 2);
    assert.match(stderr, words);
  }
});
