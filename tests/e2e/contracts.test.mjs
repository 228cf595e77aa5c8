// contracts/: the token and the pair that serve as workloads, against a model in whole numbers.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { contracts } from '../../contracts/compile.mjs';
import { contractNode } from './support/contract_node.mjs';
import { devKeys } from './support/gantry.mjs';
import { load } from './support/packages.mjs';
import { Random } from './support/random.mjs';

const { ethers } = load('ethers');
const TIMEOUT = { timeout: 240_000 };
const GAS = { gasLimit: 1_000_000n };
const UNIT = 10n ** 18n;

const squareRoot = (n) => {
  let root = 0n;
  for (let bit = 1n << 128n; bit > 0n; bit >>= 1n) {
    if ((root + bit) ** 2n <= n) root += bit;
  }
  return root;
};
const quote = (amount, reserveIn, reserveOut) => (amount * 997n * reserveOut) / (reserveIn * 1000n + amount * 997n);

describe('the workload contracts', TIMEOUT, () => {
  let node, provider, owner, other, errors;

  before(async () => {
    node = await contractNode();
    provider = new ethers.JsonRpcProvider(node.url, undefined, { pollingInterval: 20, cacheTimeout: -1 });
    [owner, other] = devKeys.slice(0, 2).map((key) => new ethers.Wallet(key, provider));
    errors = ['Pair', 'Token'].map((name) => new ethers.Interface(contracts()[name].abi));
  });
  after(async () => {
    provider?.destroy();
    await node?.stop();
  });

  async function deploy(name, ...args) {
    const { abi, bytecode } = contracts()[name];
    const factory = new ethers.ContractFactory(abi, bytecode, owner);
    const contract = await factory.deploy(...args, { gasLimit: 3_000_000n });
    await contract.waitForDeployment();
    return contract;
  }

  const take = async (promise) => (await promise).wait();

  async function refused(name, contract, step, ...args) {
    const data = contract.interface.encodeFunctionData(step, args);
    const from = contract.runner.address;
    await assert.rejects(provider.call({ to: contract.target, data, from }), (error) => {
      const parsed = errors.map((i) => i.parseError(error.data ?? '0x')).find((e) => e);
      assert.equal(parsed?.name ?? error.data, name, step);
      return true;
    });
  }

  const logsOf = (contract, receipt) =>
    receipt.logs
      .filter((log) => log.address === contract.target)
      .map((log) => contract.interface.parseLog(log))
      .map(({ name, args }) => [name, ...args]);

  test('a token moves what its owner has, or has allowed', TIMEOUT, async () => {
    const token = await deploy('Token', 'Test token', 'TEST', 1000n);
    const [a, b] = [owner.address, other.address];
    assert.deepEqual([await token.name(), await token.symbol(), await token.decimals()], ['Test token', 'TEST', 18n]);
    assert.deepEqual([await token.totalSupply(), await token.balanceOf(a)], [1000n, 1000n]);

    assert.deepEqual(logsOf(token, await take(token.transfer(b, 400n, GAS))), [['Transfer', a, b, 400n]]);
    await refused('InsufficientBalance', token, 'transfer', b, 601n);
    assert.deepEqual(logsOf(token, await take(token.approve(b, 100n, GAS))), [['Approval', a, b, 100n]]);
    const asOther = token.connect(other);
    await refused('InsufficientAllowance', asOther, 'transferFrom', a, b, 101n);
    await take(asOther.transferFrom(a, b, 60n, GAS));
    assert.equal(await token.allowance(a, b), 40n);
    await take(token.approve(b, ethers.MaxUint256, GAS));
    await take(asOther.transferFrom(a, b, 540n, GAS));
    await refused('InsufficientBalance', asOther, 'transferFrom', a, b, 1n);
    assert.equal(await token.allowance(a, b), ethers.MaxUint256);
    await take(asOther.transfer(b, 1000n, GAS));
    assert.deepEqual([await token.balanceOf(a), await token.balanceOf(b)], [0n, 1000n]);
  });

  async function pool(amount0, amount1) {
    const tokens = [];
    for (const name of ['A', 'B']) tokens.push(await deploy('Token', name, name, 10n ** 9n * UNIT));
    tokens.sort((a, b) => (BigInt(a.target) < BigInt(b.target) ? -1 : 1));
    const pair = await deploy('Pair', tokens[0].target, tokens[1].target);
    assert.equal(await pair.token0(), tokens[0].target);
    await take(tokens[0].transfer(pair.target, amount0, GAS));
    await take(tokens[1].transfer(pair.target, amount1, GAS));
    await take(pair.mint(owner.address, GAS));
    for (const token of tokens) await take(token.approve(pair.target, ethers.MaxUint256, GAS));
    return { pair, tokens, reserves: [amount0, amount1] };
  }

  const checkReserves = async ({ pair, tokens, reserves }) => {
    assert.deepEqual([...(await pair.getReserves())].slice(0, 2), reserves);
    for (const i of [0, 1]) assert.equal(await tokens[i].balanceOf(pair.target), reserves[i]);
  };

  test('a pair trades at constant product, 0.3 % stay in it', TIMEOUT, async () => {
    const random = new Random('a pair trades at constant product');
    const p = await pool(3_000n * UNIT, 1_000n * UNIT);
    const { pair, tokens, reserves } = p;
    for (let i = 0; i < 12; i++) {
      const into = random.below(2);
      const amountIn = 1n + random.bigBelow(10n ** BigInt(random.below(22)));
      const out = quote(amountIn, reserves[into], reserves[1 - into]);
      const had = await tokens[1 - into].balanceOf(other.address);
      if (out === 0n) continue;
      if (random.below(2)) {
        const receipt = await take(pair.swapExact(into === 0, amountIn, out, other.address, GAS));
        const [swap] = logsOf(pair, receipt).filter(([name]) => name === 'Swap');
        const amounts = into === 0 ? [amountIn, 0n, 0n, out] : [0n, amountIn, out, 0n];
        assert.deepEqual(swap, ['Swap', owner.address, ...amounts, other.address]);
      } else {
        await take(tokens[into].transfer(pair.target, amountIn, GAS));
        const outs = into === 0 ? [0n, out] : [out, 0n];
        const tooMuch = outs.map((n) => (n > 0n ? n + 1n : 0n));
        await refused('ProductTooSmall', pair, 'swap', ...tooMuch, other.address, '0x');
        await take(pair.swap(...outs, other.address, '0x', GAS));
      }
      reserves[into] += amountIn;
      reserves[1 - into] -= out;
      assert.equal((await tokens[1 - into].balanceOf(other.address)) - had, out);
      await checkReserves(p);
    }
  });

  test('shares are given for tokens, and tokens for shares', TIMEOUT, async () => {
    const p = await pool(4_000n * UNIT, 1_000n * UNIT + 1n);
    const { pair, tokens, reserves } = p;
    const first = squareRoot(reserves[0] * reserves[1]);
    assert.equal(await pair.totalSupply(), first);
    assert.equal(await pair.balanceOf(owner.address), first - 1000n);
    await take(tokens[0].transfer(pair.target, 40n * UNIT, GAS));
    await take(tokens[1].transfer(pair.target, 20n * UNIT, GAS)); // more than the share that token 0 pays for
    const shares = (40n * UNIT * first) / reserves[0];
    await take(pair.mint(other.address, GAS));
    reserves[0] += 40n * UNIT;
    reserves[1] += 20n * UNIT;
    assert.equal(await pair.balanceOf(other.address), shares);
    await checkReserves(p);

    await take(pair.connect(other).transfer(pair.target, shares, GAS));
    const outs = reserves.map((n) => (n * shares) / (first + shares));
    await take(pair.burn(other.address, GAS));
    outs.forEach((out, i) => (reserves[i] -= out));
    assert.equal(await tokens[0].balanceOf(other.address), outs[0]);
    assert.equal(await pair.totalSupply(), first);
    await checkReserves(p);
    await refused('NoLiquidity', pair, 'burn', owner.address);
    await refused('NoLiquidity', pair, 'mint', owner.address);

    await take(tokens[0].transfer(pair.target, 5n, GAS));
    await take(pair.sync(GAS));
    reserves[0] += 5n;
    await checkReserves(p);
  });

  test('a pair refuses what would harm it', TIMEOUT, async () => {
    const { pair, tokens } = await pool(1_000n * UNIT, 1_000n * UNIT);
    const to = other.address;
    await refused('NothingOut', pair, 'swap', 0n, 0n, to, '0x');
    await refused('NothingIn', pair, 'swap', 1n, 0n, to, '0x');
    await refused('NoLiquidity', pair, 'swap', 1_000n * UNIT, 0n, to, '0x');
    await refused('BadRecipient', pair, 'swap', 1n, 0n, tokens[0].target, '0x');
    await refused('BadRecipient', pair, 'swapExact', true, 1000n, 0n, tokens[1].target);
    await refused('NothingIn', pair, 'swapExact', true, 0n, 0n, to);
    await refused('OutTooSmall', pair, 'swapExact', true, 1n, 0n, to);
    const out = quote(UNIT, 1_000n * UNIT, 1_000n * UNIT);
    await refused('OutTooSmall', pair, 'swapExact', true, UNIT, out + 1n, to);
    await refused('InsufficientAllowance', pair.connect(other), 'swapExact', true, UNIT, 0n, to);
  });

  test('a swap may be paid from what it gives, and nothing else goes on meanwhile', TIMEOUT, async () => {
    const { pair, tokens } = await pool(1_000n * UNIT, 1_000n * UNIT);
    const puppet = await deploy('Puppet');
    const call = (contract, step, ...args) => ({
      to: contract.target,
      value: 0n,
      data: contract.interface.encodeFunctionData(step, args),
    });
    await take(tokens[0].transfer(puppet.target, UNIT, GAS));
    const borrowed = 100n * UNIT;
    const back = (borrowed * 1000n) / 997n + 1n;

    await take(puppet.prepare([call(tokens[0], 'transfer', pair.target, back - 2n)], GAS));
    await refused('ProductTooSmall', pair, 'swap', borrowed, 0n, puppet.target, '0x01');
    for (const [step, ...args] of [['sync'], ['mint', owner.address], ['burn', owner.address]]) {
      await take(puppet.prepare([call(pair, step, ...args)], GAS));
      await refused('Locked', pair, 'swap', borrowed, 0n, puppet.target, '0x01');
    }
    await take(puppet.prepare([call(tokens[0], 'transfer', pair.target, back)], GAS));
    await take(pair.swap(borrowed, 0n, puppet.target, '0x01', GAS));
    assert.equal(await tokens[0].balanceOf(puppet.target), UNIT + borrowed - back);
  });

  test('a pair sums its prices for oracles', TIMEOUT, async () => {
    const { pair } = await pool(2_000n * UNIT, 1_000n * UNIT);
    const before = await pair.getReserves();
    const sum = await pair.price0CumulativeLast();
    await new Promise((resolve) => setTimeout(resolve, 1100));
    await take(pair.sync(GAS));
    const elapsed = (await pair.getReserves())[2] - before[2];
    assert.ok(elapsed > 0n);
    assert.equal((await pair.price0CumulativeLast()) - sum, ((before[1] << 112n) / before[0]) * elapsed);
  });

  test('two of the same token make no pair', TIMEOUT, async () => {
    const token = await deploy('Token', 'A', 'A', 1n);
    const { abi, bytecode } = contracts().Pair;
    const { data } = await new ethers.ContractFactory(abi, bytecode).getDeployTransaction(token.target, token.target);
    await assert.rejects(provider.call({ data, from: owner.address }), (error) => {
      assert.equal(errors[0].parseError(error.data)?.name, 'SameToken');
      return true;
    });
  });
});
