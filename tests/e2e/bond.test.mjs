// examples/bond against a node that executes contracts: the two scripts, and what they don't reach.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { contracts } from '../../contracts/compile.mjs';
import { Chain, ethers } from '../../examples/bond/chain.mjs';
import { life } from '../../examples/bond/life.mjs';
import { refusals } from '../../examples/bond/refusals.mjs';
import { contractNode } from './support/contract_node.mjs';

const TIMEOUT = { timeout: 240_000 };

describe('the bond', TIMEOUT, () => {
  const silent = () => {};
  let node, chain, issuer, alice, bob;

  before(async () => {
    node = await contractNode();
    chain = await Chain.connect(node.url);
    [issuer, alice, bob] = chain.parties;
  });
  after(async () => {
    chain?.close();
    await node?.stop();
  });

  test('lives its life, every wei accounted for', TIMEOUT, () => life(node.url, silent));

  test('refuses every violated condition, at the cost of gas only', TIMEOUT, async () => {
    assert.equal(await refusals(node.url, silent), 53);
  });

  // A bond of short periods in which these buy, up to the moment after its issue.
  async function issued(...purchases) {
    const bond = await chain.deploy(issuer, await chain.terms());
    for (const [investor, units] of purchases) {
      await bond.take(issuer, 'admit', [investor.address, true]);
      await bond.take(investor, 'buy', [], units * bond.terms.price);
    }
    await chain.until(Number(bond.terms.fundingEnds) + 1);
    await bond.take(issuer, 'issue');
    return { bond, issuedAt: Number(await bond.read.issuedAt()) };
  }

  test("keeps former holders' interest when the issuer reclaims the rest", TIMEOUT, async () => {
    const { bond, issuedAt } = await issued([alice, 60n], [bob, 50n]);
    const { price, coupon, coupons, period } = bond.terms;
    await chain.until(issuedAt + Number(period));
    await bond.take(bob, 'transfer', [alice.address, 50n]);
    await chain.until(issuedAt + Number(coupons * period));
    const due = { alice: 60n * coupons * coupon + 50n * (coupons - 1n) * coupon, bob: 50n * coupon };
    assert.equal(await bond.read.interestOf(alice.address), due.alice);
    assert.equal(await bond.read.interestOf(bob.address), due.bob);
    await bond.take(issuer, 'payIn', [], 110n * price + due.alice + due.bob + 7n);
    await bond.take(alice, 'redeem');
    await bond.take(issuer, 'reclaim');
    assert.equal(await bond.money(), due.bob);
    await bond.take(bob, 'fetchInterest');
    assert.equal(await bond.money(), 0n);
  });

  test("lets holders redeem though another one's account takes no money", TIMEOUT, async () => {
    const { abi, bytecode } = contracts().Puppet;
    const puppetInterface = new ethers.Interface(abi);
    const { contractAddress: address } = await alice.send({ data: bytecode });
    const tell = (step, args, value = 0n) =>
      alice.send({ to: address, data: puppetInterface.encodeFunctionData(step, args), value });
    const puppet = {
      address,
      name: 'the puppet',
      send: ({ to, data, value }) => tell('play', [[{ to, data, value }]], value),
    };
    const { bond, issuedAt } = await issued([puppet, 60n], [bob, 40n]);
    const { price, coupon, coupons, period } = bond.terms;
    await bond.take(issuer, 'payIn', [], 100n * (price + coupons * coupon));
    await chain.until(issuedAt + Number(coupons * period));
    await tell('takeMoney', [false]);
    const refused = await puppet.send(bond.request('redeem'));
    assert.equal(refused.status, 0);
    assert.equal((await bond.read.holdings(address)).units, 60n);
    await bond.take(bob, 'redeem');
    assert.equal(await bond.money(), 60n * (price + coupons * coupon));
    await tell('takeMoney', [true]);
    await bond.take(puppet, 'redeem');
    assert.equal(await chain.provider.getBalance(address), 60n * (price + coupons * coupon));
  });
});
