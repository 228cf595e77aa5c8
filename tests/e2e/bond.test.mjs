// examples/bond against a node that executes contracts: the two scripts, and what they don't reach.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { contracts } from '../../contracts/compile.mjs';
import { Chain, ethers } from '../../examples/bond/chain.mjs';
import { life } from '../../examples/bond/life.mjs';
import { refusals } from '../../examples/bond/refusals.mjs';
import { BondModel } from './support/bond_model.mjs';
import { anvilNode, contractNode, nodesAreOwn } from './support/contract_node.mjs';
import { Random } from './support/random.mjs';

const TIMEOUT = { timeout: 240_000 };

// Each test has a node of its own, where there is more than one, because most of the time they wait.
describe('the bond', { ...TIMEOUT, concurrency: nodesAreOwn }, () => {
  const silent = () => {};

  function onNode(name, run, startNode = contractNode) {
    test(name, TIMEOUT, async (t) => {
      const node = await startNode();
      const chain = await Chain.connect(node.url);
      try {
        await run(chain, t);
      } finally {
        chain.close();
        await node.stop();
      }
    });
  }

  async function onNodeAlone(run) {
    const node = await contractNode();
    try {
      return await run(node.url, silent);
    } finally {
      await node.stop();
    }
  }

  test('lives its life, every wei accounted for', TIMEOUT, () => onNodeAlone(life));

  test('refuses every violated condition, at the cost of gas only', TIMEOUT, async () => {
    assert.equal(await onNodeAlone(refusals), 53);
  });

  // A bond of short periods in which these buy, up to the moment after its issue.
  async function issued(chain, ...purchases) {
    const [issuer] = chain.parties;
    const bond = await chain.deploy(issuer, await chain.terms());
    for (const [investor, units] of purchases) {
      await bond.take(issuer, 'admit', [investor.address, true]);
      await bond.take(investor, 'buy', [], units * bond.terms.price);
    }
    await chain.until(Number(bond.terms.fundingEnds) + 1);
    await bond.take(issuer, 'issue');
    return { bond, issuedAt: Number(await bond.read.issuedAt()) };
  }

  onNode("keeps former holders' interest when the issuer reclaims the rest", async (chain) => {
    const [issuer, alice, bob] = chain.parties;
    const { bond, issuedAt } = await issued(chain, [alice, 60n], [bob, 50n]);
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

  onNode("lets holders redeem though another one's account takes no money", async (chain) => {
    const [issuer, alice, bob] = chain.parties;
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
    const { bond, issuedAt } = await issued(chain, [puppet, 60n], [bob, 40n]);
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

  // Mostly what the time is for, now and then what it is not.
  function randomStep(random, model, parties) {
    const { price } = model.terms;
    const early = ['buy', 'buy', 'buy', 'buy', 'issue', 'refund'];
    const late = ['payIn', 'fetchInterest', 'transfer', 'transfer', 'redeem', 'redeem', 'reclaim', 'refund'];
    const step = random.pick(random.chance(0.1) ? ['admit', ...early, ...late] : model.issuedAt ? late : early);
    const [issuer] = parties;
    const issuers = ['admit', 'issue', 'payIn', 'reclaim'].includes(step);
    const who = issuers && random.chance(0.95) ? issuer : random.pick(parties);
    const amount = BigInt(random.below(60));
    if (step === 'admit') return [step, who, [random.pick(parties).address, random.chance(0.8)], 0n];
    if (step === 'transfer') return [step, who, [random.pick(parties).address, amount], 0n];
    if (step === 'buy') return [step, who, [], amount * price + (random.chance(0.05) ? price / 2n : 0n)];
    return [step, who, [], step === 'payIn' ? 2n * amount * price : 0n];
  }

  async function compare(bond, model, start, now) {
    const { chain, read } = bond;
    assert.equal(await bond.money(), model.money);
    assert.deepEqual([await read.units(), await read.issuedAt()], [model.units, model.issuedAt]);
    const check = async (party) => {
      const { address, name } = party;
      const [holding, interest, balance] = await Promise.all([
        read.holdings(address),
        read.interestOf(address),
        party.balance(),
      ]);
      assert.equal(holding.units, model.of(address).units, name);
      assert.equal(interest, model.interestOf(address, now), name);
      assert.equal(balance + party.gas - start.get(party), model.gained.get(address) ?? 0n, name);
    };
    await Promise.all(chain.parties.map(check));
  }

  // Time passes in jumps, so that each life is seen from its beginning to its end; it needs a node that can do that.
  async function randomLives(chain, t) {
    if (!chain.canTravel) return t.skip('the node has no evm_setNextBlockTimestamp');
    const [issuer] = chain.parties;
    const random = new Random('does and refuses in random lives what a model does and refuses');
    const outcomes = new Set();
    for (let life = 0; life < 4; life++) {
      const terms = await chain.terms({ goal: 60n });
      const bond = await chain.deploy(issuer, terms);
      const model = new BondModel(terms, issuer.address);
      for (const { address } of chain.parties.slice(1)) {
        await bond.take(issuer, 'admit', [address, true]);
        model.take('admit', issuer.address, [address, true], 0n, 0n);
      }
      const start = new Map();
      for (const party of chain.parties) start.set(party, (await party.balance()) + party.gas);
      for (let i = 0; i < 50; i++) {
        const [step, who, args, value] = randomStep(random, model, chain.parties);
        const longest = Math.floor(model.issuedAt ? chain.pace.period * 0.8 : chain.pace.funding * 0.3);
        const now = (await chain.now()) + 1 + (random.chance(0.4) ? random.below(longest) : 0);
        await chain.provider.send('evm_setNextBlockTimestamp', [now]);
        const error = model.take(step, who.address, args, value, BigInt(now));
        const { status } = await who.send(bond.request(step, args, value));
        outcomes.add(error ?? step);
        assert.equal(status, error === null ? 1 : 0, `life ${life}, step ${i}: ${who.name}, ${step}: ${error}`);
        if (error === null) await compare(bond, model, start, BigInt(now));
      }
    }
    t.diagnostic(`seen: ${[...outcomes].sort().join(' ')}`);
  }

  const traveller = nodesAreOwn ? anvilNode : contractNode;
  onNode('does and refuses in random lives what a model does and refuses', randomLives, traveller);
});
