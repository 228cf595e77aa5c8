// An independent client agrees: random chains, made through real sockets, are exported and executed again by
// @ethereumjs/vm.
import assert from 'node:assert/strict';
import path from 'node:path';
import { describe, test } from 'node:test';

import { startGantry, temporaryFolder, writeGenesis } from './support/gantry.mjs';
import { Random } from './support/random.mjs';
import { RandomChain } from './support/random_chain.mjs';
import { accountOf, exportAndVerify, verifyChain } from './support/verify_chain.mjs';

// Small blocks, so that some are full and the base fee moves both ways.
const GAS_LIMIT = '0x100000';
const BASE_FEE = '0x3e8';

async function makeAndVerify(name, { blocks, subsecond = true, args = [] }) {
  const random = new Random(name);
  const folder = temporaryFolder();
  const data = path.join(folder, 'data');
  const gantry = subsecond ? {} : { subsecond: false };
  const { file, genesis } = writeGenesis(folder, { gantry, gasLimit: GAS_LIMIT, baseFeePerGas: BASE_FEE });
  const node = await startGantry('node', ['--data', data, '--genesis', file, '--block-time', '2ms', ...args]);
  const chain = new RandomChain(node, random);
  await chain.run(blocks);
  const fates = await chain.account();
  const head = Number(await chain.rpc('eth_blockNumber'));
  const seen = await chain.rpc.batch(
    Array.from({ length: head + 1 }, (_, i) => ['eth_getBlockByNumber', `0x${i.toString(16)}`, false]),
  );
  const accounts = await chain.rpc.batch(
    chain.accounts.flatMap(({ address }) => [
      ['eth_getBalance', address, 'latest'],
      ['eth_getTransactionCount', address, 'latest'],
    ]),
  );
  assert.deepEqual(await node.stop(), { code: 0, signal: null }, node.output);

  const verified = await exportAndVerify({ folder, data, genesis, subsecond });
  assert.equal(verified.blocks, head);
  assert.ok(head >= blocks);
  assert.deepEqual(
    seen.map((block) => block.hash),
    verified.hashes,
  );
  assert.equal(verified.transactions, fates.included);
  for (const [i, { address }] of chain.accounts.entries()) {
    const { balance, nonce } = await accountOf(verified.vm, address);
    assert.equal(BigInt(accounts[2 * i]), balance, address);
    assert.equal(BigInt(accounts[2 * i + 1]), nonce, address);
  }
  const refused = Object.values(chain.refused).reduce((a, b) => a + b, 0);
  console.log(
    `${name}: ${head} blocks, ${fates.included} included, ${fates.dropped} dropped, ${fates.waiting} waiting, ${refused} refused`,
  );
  return { chain, fates, seen, exported: path.join(folder, 'chain.rlp'), genesis };
}

describe('@ethereumjs/vm agrees with every block', { concurrency: true, timeout: 240_000 }, () => {
  test('200 random blocks', async () => {
    const { chain, fates, seen } = await makeAndVerify('random blocks', { blocks: 200 });
    // The chain had what it is meant to have.
    assert.ok(fates.included > 1000);
    assert.ok(fates.dropped > 10, 'replaced ones');
    for (const words of ['nonce too low', 'nonce too high', 'insufficient funds', 'intrinsic gas', 'invalid chain id'])
      assert.ok(
        Object.keys(chain.refused).some((text) => text.startsWith(words)),
        words,
      );
    const fees = seen.map((block) => BigInt(block.baseFeePerGas));
    assert.ok(fees.some((fee, i) => fee > fees[i - 1]) && fees.some((fee, i) => fee < fees[i - 1]));
  });

  test('and would not agree with a chain that differs by one wei', async () => {
    const { exported, genesis } = await makeAndVerify('one wei', { blocks: 3 });
    genesis.alloc[Object.keys(genesis.alloc)[9]].balance = '0x21e19e0c9bab2400001';
    await assert.rejects(verifyChain({ file: exported, genesis, subsecond: true }), { code: 'ERR_ASSERTION' });
  });

  test('blocks a second apart, with full header validation', async () => {
    await makeAndVerify('blocks a second apart', { blocks: 30, subsecond: false });
  });
});

describe('any number of shards makes a valid chain', { timeout: 240_000 }, () => {
  for (const shards of [1, 2, 3, 16]) {
    test(`${shards} shards`, async () => {
      await makeAndVerify(`${shards} shards`, { blocks: 30, args: ['--shards', String(shards)] });
    });
  }
});
