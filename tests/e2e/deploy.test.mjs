// A Solidity contract deployed, called and watched by the clients that people use: ethers, viem and cast.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';

import { contracts } from '../../contracts/compile.mjs';
import { devKeys, startGantry } from './support/gantry.mjs';
import { castBinary, load } from './support/packages.mjs';

const { ethers } = load('ethers');
const viem = load('viem');
const { privateKeyToAccount } = load('viem/accounts');
const TIMEOUT = { timeout: 60_000 };
const FRIEND = '0x00000000000000000000000000000000000f00d5';
const SUPPLY = 10n ** 24n;
const GIFT = 7n;

// Resolves when the number of things heard is reached; the test's own limit ends a wait in vain.
const untilHeard = async (heard, count) => {
  while (heard.length < count) await new Promise((resolve) => setTimeout(resolve, 10));
};

describe('a token', TIMEOUT, () => {
  const { abi, bytecode } = contracts().Token;
  const tokenInterface = new ethers.Interface(abi);
  const constructorArgs = ['Gold', 'GLD', SUPPLY];
  let node;

  before(async () => {
    node = await startGantry('dev');
  });
  after(() => node?.stop());

  test('lives with ethers, over WebSocket', TIMEOUT, async () => {
    const provider = new ethers.WebSocketProvider(node.wsUrl, undefined, { cacheTimeout: -1 });
    try {
      const owner = new ethers.Wallet(devKeys[1], provider);
      const token = await new ethers.ContractFactory(abi, bytecode, owner).deploy(...constructorArgs);
      await token.waitForDeployment();
      const heard = [];
      await token.on('Transfer', (from, to, value) => heard.push([from, to, value]));
      const receipt = await (await token.transfer(FRIEND, GIFT)).wait();
      assert.equal(receipt.status, 1);
      await untilHeard(heard, 1);
      assert.deepEqual(heard, [[owner.address, ethers.getAddress(FRIEND), GIFT]]);
      assert.equal(await token.balanceOf(FRIEND), GIFT);
      assert.equal(await token.balanceOf(owner), SUPPLY - GIFT);
      await token.off('Transfer');
    } finally {
      await provider.destroy();
    }
  });

  test('lives with viem', TIMEOUT, async () => {
    const chain = viem.defineChain({
      id: 31337,
      name: 'gantry',
      nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
      rpcUrls: { default: { http: [node.url] } },
    });
    const account = privateKeyToAccount(devKeys[2]);
    const options = { chain, account, transport: viem.http(node.url), pollingInterval: 20, cacheTime: 0 };
    const client = viem.createWalletClient(options).extend(viem.publicActions);
    const hash = await client.deployContract({ abi, bytecode, args: constructorArgs });
    const { contractAddress: address, status } = await client.waitForTransactionReceipt({ hash });
    assert.equal(status, 'success');
    const token = { address, abi };
    assert.ok((await client.getCode({ address })).length > 2);

    const heard = [];
    const stop = client.watchContractEvent({ ...token, eventName: 'Transfer', onLogs: (logs) => heard.push(...logs) });
    try {
      const { request } = await client.simulateContract({ ...token, functionName: 'transfer', args: [FRIEND, GIFT] });
      // The filter of the watcher is made a moment after the call that starts it.
      while (heard.length === 0) {
        await client.waitForTransactionReceipt({ hash: await client.writeContract(request) });
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    } finally {
      stop();
    }
    assert.deepEqual(heard[0].args, { from: account.address, to: viem.getAddress(FRIEND), value: GIFT });
    const events = await client.getContractEvents({ ...token, eventName: 'Transfer', fromBlock: 0n, args: { to: FRIEND } });
    const balance = await client.readContract({ ...token, functionName: 'balanceOf', args: [FRIEND] });
    assert.equal(balance, GIFT * BigInt(events.length));
  });

  test('lives with cast', TIMEOUT, async () => {
    const env = { ...process.env, ETH_RPC_URL: node.url };
    const cast = async (...args) => (await promisify(execFile)(castBinary, args, { env, timeout: 30_000 })).stdout.trim();
    const json = async (...args) => JSON.parse(await cast(...args, '--json'));
    const key = ['--private-key', devKeys[3]];
    const owner = new ethers.Wallet(devKeys[3]).address;

    const creation = ethers.concat([bytecode, tokenInterface.encodeDeploy(constructorArgs)]);
    const deployed = await json('send', ...key, '--create', creation);
    assert.equal(deployed.status, '0x1');
    const token = deployed.contractAddress;
    assert.equal(token.toLowerCase(), ethers.getCreateAddress({ from: owner, nonce: 0 }).toLowerCase());
    assert.ok((await cast('code', token)).length > 2);
    assert.match(await cast('storage', token, '0'), /^0x[0-9a-f]{64}$/);

    const transfer = ['transfer(address,uint256)', FRIEND, String(GIFT)];
    assert.ok(Number(await cast('estimate', token, ...transfer, '--from', owner)) > 21000);
    const sent = await json('send', ...key, token, ...transfer);
    assert.equal(sent.status, '0x1');
    assert.equal(await cast('call', token, 'balanceOf(address)(uint256)', FRIEND), String(GIFT));
    const logs = await json('logs', '--address', token, '--from-block', deployed.blockNumber, 'Transfer(address,address,uint256)');
    assert.deepEqual(
      logs.map((log) => log.transactionHash),
      [deployed, sent].map((receipt) => receipt.transactionHash),
    );
    const proof = JSON.parse(await cast('proof', token, '0'));
    assert.equal(proof.address.toLowerCase(), token.toLowerCase());
    assert.ok(proof.accountProof.length > 0);
    const touched = await cast('access-list', token, ...transfer, '--from', owner);
    assert.ok(touched.toLowerCase().includes(token.toLowerCase()));
    await assert.rejects(cast('call', token, ...transfer, '--from', FRIEND.replace('d5', 'd6')), (error) => {
      assert.match(error.stderr, /revert/);
      return true;
    });
  });
});
