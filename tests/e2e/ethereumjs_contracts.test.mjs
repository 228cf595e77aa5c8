// An independent client agrees about contracts: a chain under a mixed load is exported and executed again by
// @ethereumjs/vm.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';

import { gantryBinary, startGantry, temporaryFolder, writeGenesis } from './support/gantry.mjs';
import { load } from './support/packages.mjs';
import { rpc } from './support/rpc.mjs';
import { exportAndVerify } from './support/verify_chain.mjs';

const { id } = load('ethers');
const SWAP_EVENT = id('Swap(address,uint256,uint256,uint256,uint256,address)');

// Transfers, tokens and swaps: confined calls, and those that need the global pass.
describe('@ethereumjs/vm agrees with every block that has contracts', { timeout: 240_000 }, () => {
  test('300 blocks of a mixed load', async () => {
    const BLOCKS = 300;
    const folder = temporaryFolder();
    const data = path.join(folder, 'data');
    const { file, genesis } = writeGenesis(folder);
    const node = await startGantry('node', ['--data', data, '--genesis', file, '--block-time', '10ms', '--shards', '3']);
    const ask = rpc(node.url);
    const head = async () => Number(await ask('eth_blockNumber'));
    const what = ['--mix', 'transfer,erc20=2,swap', '--tokens', '6', '--pairs', '3', '--senders', '20', '--accounts', '60'];
    const where = ['--rpc', node.url, '--rpc-only', '--no-cache', '--from', 'dev'];
    for (let times = 0; (await head()) < BLOCKS; times++) {
      assert.ok(times < 30, 'blocks stay away');
      const how = ['--rate', '250', '--duration', '4s'];
      await promisify(execFile)(gantryBinary, ['load', ...where, ...what, ...how]);
    }
    const blocks = await head();
    const logs = await ask('eth_getLogs', { fromBlock: '0x1', toBlock: 'latest', topics: [SWAP_EVENT] });
    assert.deepEqual(await node.stop(), { code: 0, signal: null }, node.output);
    const verified = await exportAndVerify({ folder, data, genesis, subsecond: true });
    assert.equal(verified.blocks, blocks);
    assert.ok(verified.transactions > 700 && logs.length > 150, `${verified.transactions}, ${logs.length}`);
    console.log(`mixed load: ${blocks} blocks, ${verified.transactions} transactions, ${logs.length} swaps`);
  });
});
