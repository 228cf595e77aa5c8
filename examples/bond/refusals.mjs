// Each condition of a bond is violated once: the transaction is refused with the reason, changes nothing, and costs its
// sender gas and nothing else.
//
// usage: node examples/bond/refusals.mjs [--url URL]      URL of a dev chain's JSON-RPC, by default http://127.0.0.1:8545
import assert from 'node:assert/strict';

import { Chain, ethers, script } from './chain.mjs';

// All that a transaction could have changed.
async function stateOf(chain, bond) {
  const { read } = bond;
  const holdings = chain.parties.flatMap(({ address }) => [read.holdings(address), read.admitted(address)]);
  const state = [bond.money(), read.units(), read.issuedAt(), read.unfetched(), ...holdings];
  return (await Promise.all(state)).map(String).join();
}

class Refusals {
  count = 0;

  constructor(chain, log) {
    Object.assign(this, { chain, log });
  }

  // The name of the error that the request ends with, without sending it.
  async #reason(party, request) {
    try {
      await this.chain.provider.call({ ...request, from: party.address });
    } catch (error) {
      const data = error.data ?? '0x';
      return data === '0x' ? 'without a reason' : (this.chain.interface.parseError(data)?.name ?? data);
    }
    return 'not refused';
  }

  // The request must fail with this error; then it is sent all the same.
  async #refused(party, request, error, what) {
    assert.equal(await this.#reason(party, request), error, what);
    const before = await party.balance();
    const receipt = await party.send(request);
    assert.equal(receipt.status, 0, what);
    assert.deepEqual(receipt.logs, []);
    assert.equal(before - (await party.balance()), receipt.gasUsed * receipt.gasPrice, `${what}: costs only gas`);
    this.count++;
    this.log(`refused, for ${receipt.gasUsed} gas: ${what} (${error})`);
  }

  async step(bond, party, error, what, step, args = [], value = 0n) {
    await this.request(bond, party, error, what, bond.request(step, args, value));
  }

  async request(bond, party, error, what, request) {
    const before = await stateOf(this.chain, bond);
    await this.#refused(party, request, error, what);
    assert.equal(await stateOf(this.chain, bond), before, `${what}: changes nothing`);
  }

  async deployment(party, what, changes) {
    const { data } = await this.chain.deployment(await this.chain.terms(changes));
    await this.#refused(party, { data }, 'BadTerms', what);
  }
}

async function badTerms(refusals, issuer) {
  const past = { fundingEnds: 1n };
  await refusals.deployment(issuer, 'units for nothing', { price: 0n });
  await refusals.deployment(issuer, 'no goal', { goal: 0n });
  await refusals.deployment(issuer, 'a cap below the goal', { cap: 99n });
  await refusals.deployment(issuer, 'purchases of nothing', { leastPurchase: 0n });
  await refusals.deployment(issuer, 'holdings smaller than a purchase', { mostHeld: 4n });
  await refusals.deployment(issuer, 'no period', { coupons: 0n });
  await refusals.deployment(issuer, 'periods without length', { period: 0n });
  await refusals.deployment(issuer, 'a funding that is over', past);
  await refusals.deployment(issuer, 'no time to issue', { issueEnds: 2n });
}

async function funding(refusals, chain, { good, small }) {
  const [issuer, alice, bob, carol, dora] = chain.parties;
  const { price } = good.terms;
  const buy = (party, units, error, what) => refusals.step(good, party, error, what, 'buy', [], units * price);
  await refusals.step(good, alice, 'OnlyIssuer', 'an investor admits herself', 'admit', [alice.address, true]);
  await buy(alice, 10n, 'NotAdmitted', 'a purchase by somebody who is not admitted');
  for (const bond of [good, small]) {
    for (const investor of [alice, bob, carol]) await bond.take(issuer, 'admit', [investor.address, true]);
  }
  await refusals.step(good, alice, 'NotWholeUnits', 'half a unit', 'buy', [], price * 10n + price / 2n);
  await buy(alice, 0n, 'PurchaseTooSmall', 'a purchase without money');
  await buy(alice, 4n, 'PurchaseTooSmall', 'fewer units than a purchase must have');
  await buy(alice, 81n, 'HoldsTooMuch', 'more units than one may hold');
  await good.take(alice, 'buy', [], 60n * price);
  await small.take(alice, 'buy', [], 60n * price);
  await buy(alice, 21n, 'HoldsTooMuch', 'more units than one may hold, in two purchases');
  await refusals.step(good, issuer, 'GoalNotMet', 'issuing before the goal is met', 'issue');
  await refusals.step(good, alice, 'NotRefundable', 'a refund while the bond is being funded', 'refund');
  await refusals.step(good, alice, 'NotIssued', 'interest before the bond is issued', 'fetchInterest');
  await refusals.step(good, alice, 'NotIssued', 'redemption before the bond is issued', 'redeem');
  await refusals.step(good, alice, 'NotIssued', 'a transfer before the bond is issued', 'transfer', [bob.address, 1n]);
  await refusals.step(good, issuer, 'NotIssued', 'paying in before the bond is issued', 'payIn', [], price);
  await refusals.step(good, issuer, 'NotIssued', 'reclaiming before the bond is issued', 'reclaim');
  await good.take(bob, 'buy', [], 80n * price);
  await buy(carol, 11n, 'SoldOut', 'more units than there are left');
  await refusals.step(good, alice, 'OnlyIssuer', 'issuing by an investor', 'issue');
  await buy(dora, 5n, 'NotAdmitted', 'a purchase by somebody who is not admitted, of the last units');
  const plain = { to: good.address, value: price };
  await refusals.request(good, alice, 'without a reason', 'money without a call', plain);
  await refusals.request(good, alice, 'without a reason', 'a call of nothing', { ...plain, data: '0x12345678' });
  const paid = good.request('fetchInterest', [], 1n);
  await refusals.request(good, alice, 'without a reason', 'money for a step that takes none', paid);
}

async function afterFunding(refusals, chain, { good, small, late }) {
  const [issuer, alice, bob, carol] = chain.parties;
  const { price, coupon } = good.terms;
  await refusals.step(good, carol, 'FundingOver', 'a purchase after the funding', 'buy', [], 5n * price);
  await refusals.step(small, issuer, 'GoalNotMet', 'issuing a bond that missed its goal', 'issue');
  await refusals.step(small, bob, 'NoUnits', 'a refund for somebody who has bought nothing', 'refund');
  await refusals.step(late, alice, 'NotRefundable', 'a refund while the goal is met and there is time', 'refund');
  await small.take(alice, 'refund');
  await refusals.step(small, alice, 'NoUnits', 'a refund a second time', 'refund');
  await good.take(issuer, 'issue');
  await refusals.step(good, issuer, 'AlreadyIssued', 'issuing a second time', 'issue');
  await refusals.step(good, alice, 'NotRefundable', 'a refund after the bond was issued', 'refund');
  await refusals.step(good, alice, 'NothingDue', 'interest before a period is over', 'fetchInterest');
  await refusals.step(good, alice, 'NotMature', 'redemption before maturity', 'redeem');
  await refusals.step(good, alice, 'OnlyIssuer', 'paying in by an investor', 'payIn', [], price);
  await refusals.step(good, alice, 'OnlyIssuer', 'reclaiming by an investor', 'reclaim');
  await refusals.step(good, issuer, 'StillOwed', 'reclaiming while units are out', 'reclaim');
  const transfer = (to, units, error, what) =>
    refusals.step(good, alice, error, what, 'transfer', [to.address, units]);
  await transfer(chain.parties.at(-1), 1n, 'NotAdmitted', 'a transfer to somebody who is not admitted');
  await transfer(carol, 61n, 'NotEnoughUnits', 'a transfer of more units than one has');
  await transfer(carol, 0n, 'NotEnoughUnits', 'a transfer of nothing');
  return { price, coupon };
}

async function interestAndRedemption(refusals, chain, { good, late }) {
  const [issuer, alice, bob, carol] = chain.parties;
  const { price, coupon, coupons, period } = good.terms;
  const issuedAt = await good.read.issuedAt();
  await chain.until(Number(issuedAt + period));
  await refusals.step(good, alice, 'IssuerHasNotPaidIn', 'interest that the issuer has not paid in', 'fetchInterest');
  await refusals.step(good, carol, 'NothingDue', 'interest for somebody who has no units', 'fetchInterest');

  await chain.until(Number(issuedAt + coupons * period));
  const all = 140n * (price + coupons * coupon);
  await good.take(issuer, 'payIn', [], all - 1n);
  await refusals.step(good, carol, 'NoUnits', 'redemption for somebody who has no units', 'redeem');
  await good.take(alice, 'fetchInterest');
  await refusals.step(good, alice, 'NothingDue', 'interest a second time', 'fetchInterest');
  await good.take(alice, 'redeem');
  await refusals.step(good, alice, 'NoUnits', 'redemption a second time', 'redeem');
  await refusals.step(good, bob, 'IssuerHasNotPaidIn', 'redemption with one wei missing', 'redeem');
  await refusals.step(good, issuer, 'StillOwed', 'reclaiming while one investor has not redeemed', 'reclaim');
  await good.take(issuer, 'payIn', [], 1n);
  await good.take(bob, 'redeem');
  await refusals.step(good, issuer, 'NothingToReclaim', 'reclaiming when nothing is left', 'reclaim');

  await chain.until(Number(late.terms.issueEnds) + 1);
  await refusals.step(late, issuer, 'TooLateToIssue', 'issuing after the time for it', 'issue');
  await late.take(alice, 'refund');
  await late.take(bob, 'refund');
  assert.equal(await late.money(), 0n);
}

// Resolves to the number of refusals that were seen.
export async function refusals(url, log) {
  const chain = await Chain.connect(url);
  const [issuer, alice, bob] = chain.parties;
  const seen = new Refusals(chain, log);
  try {
    await badTerms(seen, issuer);
    // One that lives its whole life, one that misses its goal, and one that its issuer does not issue.
    const bonds = {};
    for (const name of ['good', 'small', 'late']) bonds[name] = await chain.deploy(issuer, await chain.terms());
    for (const investor of [alice, bob]) {
      await bonds.late.take(issuer, 'admit', [investor.address, true]);
      await bonds.late.take(investor, 'buy', [], 50n * bonds.late.terms.price);
    }
    await funding(seen, chain, bonds);
    await chain.until(Number(bonds.late.terms.fundingEnds) + 1);
    await afterFunding(seen, chain, bonds);
    await interestAndRedemption(seen, chain, bonds);
    log(`${seen.count} violations, all refused; Alice has paid ${ethers.formatEther(alice.gas)} ETH for gas`);
    return seen.count;
  } finally {
    chain.close();
  }
}

await script(import.meta, refusals);
