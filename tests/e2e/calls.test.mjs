// Calls, estimates, access lists and traces: contracts that an anvil has deployed and used are put into gantry's genesis
// with their storage; then both are asked the same.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { contracts } from '../../contracts/compile.mjs';
import { anvilNode } from './support/contract_node.mjs';
import { devAlloc, devKeys, startGantry, temporaryFolder, writeGenesis } from './support/gantry.mjs';
import { load } from './support/packages.mjs';
import { rpc } from './support/rpc.mjs';

const { ethers } = load('ethers');
const { createPublicClient, http, BaseError } = load('viem');
const TIMEOUT = { timeout: 240_000 };
const UNIT = 10n ** 18n;
const NOBODY = '0x00000000000000000000000000000000000a11ce';

describe('calls on contracts', TIMEOUT, () => {
  let anvil, gantry, theirs, ours, provider, owner, other, token, second, pair;
  const touched = new Map(); // address -> set of slots

  // Every slot that a transaction has changed, so that the genesis can hold it.
  async function note(hash) {
    const diff = await theirs('debug_traceTransaction', hash, { tracer: 'prestateTracer', tracerConfig: { diffMode: true } });
    for (const side of [diff.pre, diff.post]) {
      for (const [address, account] of Object.entries(side)) {
        const slots = touched.get(address) ?? touched.set(address, new Set()).get(address);
        for (const slot of Object.keys(account.storage ?? {})) slots.add(slot);
      }
    }
  }

  async function take(promise) {
    const receipt = await (await promise).wait();
    await note(receipt.hash);
    return receipt;
  }

  async function deploy(name, ...args) {
    const { abi, bytecode } = contracts()[name];
    const contract = await new ethers.ContractFactory(abi, bytecode, owner).deploy(...args, { gasLimit: 3_000_000n });
    await contract.waitForDeployment();
    await note(contract.deploymentTransaction().hash);
    return contract;
  }

  async function genesisAlloc() {
    const alloc = structuredClone(devAlloc);
    for (const [address, slots] of touched) {
      const code = await theirs('eth_getCode', address, 'latest');
      const storage = {};
      for (const slot of slots) storage[slot] = await theirs('eth_getStorageAt', address, slot, 'latest');
      const nonce = await theirs('eth_getTransactionCount', address, 'latest');
      const balance = await theirs('eth_getBalance', address, 'latest');
      if (code !== '0x' || alloc[address]) alloc[address] = { nonce, balance, code, storage };
    }
    return alloc;
  }

  before(async () => {
    anvil = await anvilNode();
    theirs = rpc(anvil.url);
    provider = new ethers.JsonRpcProvider(anvil.url, undefined, { pollingInterval: 20, cacheTimeout: -1 });
    [owner, other] = devKeys.slice(0, 2).map((key) => new ethers.Wallet(key, provider));
    owner = new ethers.NonceManager(owner);
    token = await deploy('Token', 'Gold', 'GLD', 1_000_000n * UNIT);
    second = await deploy('Token', 'Iron', 'IRN', 1_000_000n * UNIT);
    pair = await deploy('Pair', token.target, second.target);
    const gas = { gasLimit: 1_000_000n };
    await take(token.transfer(other.address, 500n * UNIT, gas));
    await take(token.transfer(pair.target, 1000n * UNIT, gas));
    await take(second.transfer(pair.target, 2000n * UNIT, gas));
    await take(pair.mint(other.address, gas));
    await take(token.approve(pair.target, 10n ** 30n, gas));
    const folder = temporaryFolder();
    // The pair reckons with the time.
    const { timestamp } = await theirs('eth_getBlockByNumber', 'latest', false);
    const { file } = writeGenesis(folder, { alloc: await genesisAlloc(), timestamp });
    gantry = await startGantry('node', ['--data', `${folder}/data`, '--genesis', file, '--shards', '2', '--rpc-developer']);
    ours = rpc(gantry.url);
  });
  after(async () => {
    provider?.destroy();
    await anvil?.stop();
    await gantry?.stop();
  });

  const call = (contract, step, args, from) => ({
    from,
    to: contract.target,
    data: contract.interface.encodeFunctionData(step, args),
  });
  const ownerAddress = () => owner.getAddress();

  async function cases() {
    const me = await ownerAddress();
    return {
      balance: call(token, 'balanceOf', [other.address]),
      supply: call(token, 'totalSupply', []),
      transfer: call(token, 'transfer', [NOBODY, 5n], me),
      transferAll: call(token, 'transfer', [NOBODY, 500n * UNIT], other.address),
      tooMuch: call(token, 'transfer', [NOBODY, 501n * UNIT], other.address),
      notAllowed: call(token, 'transferFrom', [other.address, NOBODY, 5n], me),
      reserves: call(pair, 'getReserves', []),
      swap: call(pair, 'swapExact', [true, 10n * UNIT, 1n, me], me),
      swapTooLittle: call(pair, 'swapExact', [true, 10n * UNIT, 10n ** 30n, me], me),
      burnNothing: call(pair, 'burn', [me], me),
      deploy: { from: me, data: contracts().Token.bytecode + ethers.AbiCoder.defaultAbiCoder().encode(['string', 'string', 'uint256'], ['A', 'B', 7n]).slice(2) },
      sha256: { to: '0x0000000000000000000000000000000000000002', data: '0x616263' },
      plain: { from: me, to: NOBODY, value: '0x1' },
    };
  }

  const settle = async (promise) => promise.then((result) => ({ result }), (error) => ({ error: error.data ?? null }));

  test('eth_call gives the same results and the same revert data', TIMEOUT, async () => {
    for (const [name, request] of Object.entries(await cases())) {
      const [mine, his] = await Promise.all([ours, theirs].map((node) => settle(node('eth_call', request, 'latest'))));
      assert.deepEqual(mine, his, name);
    }
  });

  test('an estimate is the least gas that suffices, and near anvil’s', TIMEOUT, async () => {
    for (const [name, request] of Object.entries(await cases())) {
      const [mine, his] = await Promise.all([ours, theirs].map((node) => settle(node('eth_estimateGas', request, 'latest'))));
      if (his.error !== undefined) {
        assert.deepEqual(mine, his, name);
        continue;
      }
      const [gas, gasThere] = [Number(mine.result), Number(his.result)];
      assert.ok(Math.abs(gas - gasThere) <= gasThere / 50, `${name}: ${gas} here, ${gasThere} there`);
      await ours('eth_call', { ...request, gas: ethers.toQuantity(gas) }, 'latest');
      await assert.rejects(ours('eth_call', { ...request, gas: ethers.toQuantity(gas - 1) }, 'latest'), name);
    }
  });

  test('access lists name the same accounts and slots', TIMEOUT, async () => {
    const sorted = (list) =>
      list.map((e) => ({ address: e.address.toLowerCase(), storageKeys: [...e.storageKeys].sort() })).sort((a, b) => (a.address < b.address ? -1 : 1));
    for (const name of ['balance', 'transfer', 'swap', 'reserves']) {
      const request = (await cases())[name];
      const [mine, his] = await Promise.all([ours, theirs].map((node) => node('eth_createAccessList', request, 'latest')));
      assert.deepEqual(sorted(mine.accessList), sorted(his.accessList), name);
      const { accessList } = mine;
      const used = await ours('eth_estimateGas', { ...request, accessList }, 'latest');
      assert.ok(Number(used) >= Number(mine.gasUsed), `${name}: the list's gas`);
    }
  });

  // What a tree of calls says, without members that one of both leaves out.
  const tree = (c) => ({
    type: c.type,
    from: c.from,
    to: c.to,
    input: c.input,
    output: c.output ?? '0x',
    gasUsed: c.gasUsed,
    failed: Boolean(c.error),
    calls: (c.calls ?? []).map(tree),
  });

  test('debug_traceCall tells the same calls and instructions', TIMEOUT, async () => {
    for (const name of ['balance', 'transfer', 'tooMuch', 'swap', 'deploy']) {
      const request = { ...(await cases())[name], gas: '0x2dc6c0' };
      const traces = (options) => Promise.all([ours, theirs].map((node) => node('debug_traceCall', request, 'latest', options)));
      const [mine, his] = await traces({ tracer: 'callTracer' });
      assert.deepEqual(tree(mine), tree(his), name);
      const [steps, stepsThere] = await traces({});
      assert.equal(steps.gas, stepsThere.gas, name);
      assert.equal(steps.failed, stepsThere.failed, name);
      const short = ({ structLogs }) => structLogs.map((s) => `${s.depth} ${s.pc} ${s.op} ${s.gas} ${s.gasCost} ${s.stack.join()}`);
      assert.deepEqual(short(steps), short(stepsThere), name);
    }
  });

  test('prestates and differences are the same', TIMEOUT, async () => {
    const storage = (side) => Object.fromEntries(Object.entries(side).filter(([, a]) => a.storage).map(([who, a]) => [who, a.storage]));
    for (const name of ['transfer', 'swap']) {
      const request = { ...(await cases())[name], gas: '0x2dc6c0' };
      const traces = (tracerConfig) =>
        Promise.all([ours, theirs].map((node) => node('debug_traceCall', request, 'latest', { tracer: 'prestateTracer', tracerConfig })));
      const [mine, his] = await traces({});
      assert.deepEqual(storage(mine), storage(his), name);
      const [diff, diffThere] = await traces({ diffMode: true });
      assert.deepEqual([storage(diff.pre), storage(diff.post)], [storage(diffThere.pre), storage(diffThere.post)], name);
    }
  });

  test('overrides change what a call sees', TIMEOUT, async () => {
    const { balance } = await cases();
    const echo = { [token.target.toLowerCase()]: { code: '0x365f5f37365ff3' } };
    assert.equal(await ours('eth_call', balance, 'latest', echo), balance.data);
    const at = { [NOBODY]: { code: '0x435f5260205ff3' } };
    const number = await ours('eth_call', { to: NOBODY }, 'latest', at, { number: '0x1234' });
    assert.equal(BigInt(number), 0x1234n);
  });

  test('ethers and viem understand the answers', TIMEOUT, async () => {
    const here = new ethers.JsonRpcProvider(gantry.url, undefined, { cacheTimeout: -1 });
    const gold = token.connect(new ethers.Wallet(devKeys[0], here));
    assert.equal(await gold.balanceOf(other.address), 500n * UNIT);
    assert.ok((await gold.transfer.estimateGas(NOBODY, 1n)) > 21000n);
    await assert.rejects(gold.transfer.staticCall(NOBODY, 10n ** 40n), (error) => error.code === 'CALL_EXCEPTION' && error.data !== null);
    here.destroy();
    const client = createPublicClient({ transport: http(gantry.url) });
    const { abi } = contracts().Token;
    assert.equal(await client.readContract({ address: token.target, abi, functionName: 'balanceOf', args: [other.address] }), 500n * UNIT);
    await assert.rejects(
      client.simulateContract({ address: token.target, abi, functionName: 'transfer', args: [NOBODY, 1n], account: NOBODY }),
      BaseError,
    );
  });

  test('many calls at a time are all answered, and counted', TIMEOUT, async () => {
    const all = Object.values(await cases());
    const single = await Promise.all(all.map((request) => settle(ours('eth_call', request, 'latest'))));
    const answered = async () => {
      const text = await (await fetch(`${gantry.url}/metrics`)).text();
      const counts = [...text.matchAll(/^gantry_calls_total\{.*outcome="answered"\} (\d+)$/gm)].map((m) => Number(m[1]));
      return counts.reduce((a, b) => a + b);
    };
    const before = await answered();
    const many = await ours.batch(Array.from({ length: 600 }, (_, i) => ['eth_call', all[i % all.length], 'latest']));
    many.forEach((answer, i) => {
      const expected = single[i % all.length];
      if (answer instanceof Error) assert.equal(answer.data ?? null, expected.error ?? null);
      else assert.equal(answer, expected.result);
    });
    assert.equal((await answered()) - before, many.length);
  });
});
